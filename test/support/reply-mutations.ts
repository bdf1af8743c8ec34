import type { RandomSource } from '../../src/index.ts';
import { encodeUtf8 } from '../../src/kernel/bytes.ts';
import { mutateBytes, mutateText, upTo } from './byte-mutations.ts';
import { mutateJson, pick } from './json-mutations.ts';

/** A reply that can be given any number of times. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What a reply became. */
export interface MutatedReply {
  /** What was done to it. */
  readonly name: string;
  /** 0 where no answer arrives, or none that is readable to its end. */
  readonly status: number;
  /** The same each time. */
  give(signal: AbortSignal): Promise<Response>;
}

/** Statuses that servers, gateways and platforms answer with, each with bodies or without. */
const STATUSES = [
  201, 202, 203, 204, 205, 206, 226, 299, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405,
  406, 407, 408, 409, 410, 411, 413, 415, 417, 418, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 499,
  500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 522, 524, 529, 530, 599,
];
/** Statuses that a `Response` has no body with. */
const BODILESS = [101, 204, 205, 304];

const CONTENT_TYPES = [
  '',
  'text/html',
  'text/plain; charset=utf-8',
  'application/octet-stream',
  'application/x-protobuf',
  'application/json; charset=latin1',
  'APPLICATION/JSON',
  'multipart/form-data',
  'x',
];

/** Bodies that other programs than the server answer with, and the protocol's other answers. */
const BODIES = [
  '',
  ' \n',
  'null',
  'true',
  '0',
  '"text"',
  '[]',
  '{}',
  '[{}]',
  'NaN',
  '{"a":NaN}',
  'undefined',
  '<!doctype html><html><title>502 Bad Gateway</title></html>',
  '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
  'upstream connect error or disconnect/reset before headers',
  ")]}',\n{}",
  '{}{}',
  'data: {}\n\n',
  '{"detail":"Not Found"}',
  '{"detail":[{"type":"extra_forbidden","loc":["body","seq_id"],"msg":"no"}]}',
  '{"detail":[{"type":"missing","loc":["body",{"toString":1}],"msg":"no"}]}',
  '{"detail":[{"toString":1}]}',
  '{"error":null}',
  '{"error":""}',
  '{"error":[]}',
  '{"error":{"message":5}}',
  '{"error":"Rate limit exceeded","category":"USER"}',
  '{"error":"no","category":{"toString":1}}',
  `{"error":${'['.repeat(20_000)}${']'.repeat(20_000)},"category":"server"}`,
  `{"error":"${'words '.repeat(20_000)}"}`,
  '{"type":"try_again"}',
  '{"type":"try_again","queue_state":"PAUSED_CAPACITY","queue_state_reason":"short","retry_after_ms":1e999}',
  '{"type":"try_again","queue_state":5,"queue_state_reason":{},"retry_after_ms":-5}',
  `{"type":"try_again","queue_state":"paused_x","queue_state_reason":"${'reason '.repeat(20_000)}"}`,
  '{"status":"complete_metadata"}',
  '{"status":"complete_metadata","response_payload_size":1e300}',
  '{"status":"complete_metadata","response_payload_size":"many"}',
  '{"request_id":1e300}',
  '{"request_id":12345678901234567890}',
  '{"request_id":1.5}',
  '{"request_id":"request-999999"}',
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `${'{"x":'.repeat(20_000)}0${'}'.repeat(20_000)}`,
  '[',
  '{"request_id": "request-',
];

const HEADERS: readonly (readonly [string, string])[] = [
  ['retry-after', '7'],
  ['retry-after', '1e9'],
  ['retry-after', '99999999999999999999'],
  ['retry-after', '-1'],
  ['retry-after', 'soon'],
  ['retry-after', 'Fri, 31 Dec 9999 23:59:59 GMT'],
  ['retry-after-ms', '0.001'],
  ['retry-after-ms', 'NaN'],
  ['x-should-retry', 'true'],
  ['x-should-retry', 'false'],
  ['location', 'https://elsewhere.test/'],
  ['location', '//'],
  ['location', 'javascript:alert(1)'],
  ['content-length', '5'],
  ['content-encoding', 'gzip'],
  ['content-range', 'bytes 5-4/3'],
  ['content-range', 'bytes 0-0/999999999999999'],
  ['etag', 'W/""'],
  ['etag', '"other"'],
  ['expires', '-1'],
  ['expires', 'Thu, 99 Xyz 0000 99:99:99 GMT'],
];

/** How an exchange fails below HTTP. */
const FAILURES = ['reject', 'reject with text', 'not a response', 'error response', 'cut', 'silent'] as const;

function isProtobuf({ headers }: Reply): boolean {
  return headers['content-type']?.includes('protobuf') === true;
}

function jsonOf({ bytes }: Reply): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder().decode(bytes)) };
  } catch {
    return undefined;
  }
}

/** The content, in another form. */
function mutateBody(
  reply: Reply,
  others: readonly Reply[],
  random: RandomSource,
): { readonly name: string; readonly reply: Reply } {
  const withBytes = (name: string, bytes: Uint8Array<ArrayBuffer>) => ({ name, reply: { ...reply, bytes } });
  const dice = random();
  if (dice < 0.1) {
    const body = pick(BODIES, random);
    const isPage = body.startsWith('<') && random() < 0.7;
    const named = {
      name: `body ${JSON.stringify(body.slice(0, 60))}`,
      reply: { ...reply, bytes: encodeUtf8(body) },
    };
    return isPage ? { ...named, reply: { ...named.reply, headers: { 'content-type': 'text/html' } } } : named;
  }
  if (dice < 0.16 && others.length > 0) {
    const index = upTo(others.length, random);
    return { name: `answer ${index} of another route`, reply: others[index] as Reply };
  }
  const json = isProtobuf(reply) ? undefined : jsonOf(reply);
  if (json === undefined || reply.bytes.length > 200_000) {
    const { name, bytes } = mutateBytes(reply.bytes, random);
    return withBytes(name, bytes);
  }
  if (dice < 0.22) {
    const { name, bytes } = mutateText(reply.bytes, random);
    return withBytes(name, bytes);
  }
  if (dice < 0.26) return withBytes('cut', reply.bytes.slice(0, upTo(reply.bytes.length, random)));
  const { name, text } = mutateJson(json.value, random);
  return withBytes(name, encodeUtf8(text));
}

function mutateHead(reply: Reply, random: RandomSource): { readonly name: string; readonly reply: Reply } {
  const dice = random();
  const { 'content-type': _, ...untyped } = reply.headers;
  if (dice < 0.3) {
    const type = pick(CONTENT_TYPES, random);
    return {
      name: `content-type "${type}"`,
      reply: { ...reply, headers: type === '' ? untyped : { ...untyped, 'content-type': type } },
    };
  }
  const [header, value] = pick(HEADERS, random);
  const headers = random() < 0.4 ? { ...reply.headers, [header]: value } : reply.headers;
  const status = dice < 0.85 ? pick(STATUSES, random) : reply.status;
  return {
    name: `status ${status}${headers === reply.headers ? '' : `, ${header}: ${value}`}`,
    reply: { ...reply, status, headers },
  };
}

/**
 * Change a reply in one way of many, or in two. The same random numbers make the same reply.
 *
 * @param others - Replies of other routes, which a confused proxy may give in its place.
 */
export function mutateReply(reply: Reply, others: readonly Reply[], random: RandomSource): MutatedReply {
  if (random() < 0.05) return failure(pick(FAILURES, random), reply);
  const dice = random();
  const body = dice < 0.85 ? mutateBody(reply, others, random) : undefined;
  const head = dice > 0.7 ? mutateHead(body?.reply ?? reply, random) : undefined;
  const changed = head?.reply ?? body?.reply ?? reply;
  const name = [body?.name, head?.name].filter((part) => part !== undefined).join('; ');
  return { name, status: changed.status, give: async () => responseOf(changed) };
}

/** A `Response` with this content. */
export function responseOf({ status, headers, bytes }: Reply): Response {
  const isBodiless = BODILESS.includes(status);
  return new Response(isBodiless ? null : new Uint8Array(bytes), { status, headers });
}

function failure(kind: (typeof FAILURES)[number], reply: Reply): MutatedReply {
  const half = reply.bytes.slice(0, reply.bytes.length >> 1);
  const cutBody = (end: (controller: ReadableStreamDefaultController) => void): Response =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(half);
          end(controller);
        },
      }),
      { status: reply.status, headers: reply.headers },
    );
  return {
    name: kind,
    status: 0,
    async give() {
      if (kind === 'reject') throw new TypeError('fetch failed', { cause: new Error('read ECONNRESET') });
      if (kind === 'reject with text') throw 'no network';
      if (kind === 'not a response') return { status: 200 } as Response;
      if (kind === 'error response') return Response.error();
      return cutBody((controller) => {
        if (kind === 'cut') controller.error(new TypeError('terminated'));
      });
    },
  };
}
