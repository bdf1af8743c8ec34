import { decodeUtf8 } from '../../kernel/bytes.ts';
import { problem } from './http.ts';

/** Undoes a content encoding, such as `zstd`. May throw whatever it likes for bytes that are not so encoded. */
export type Decompress = (bytes: Uint8Array, encoding: string) => Uint8Array | Promise<Uint8Array>;

/** A request's body, as handlers see it. */
export interface RequestBody {
  /** Decompressed: to tell a repetition from another request, and to read what is not JSON. */
  readonly bytes: Uint8Array;
  /** The JSON object in it; empty where there is none, or where the body is of another type. */
  readonly body: Record<string, unknown>;
}

/** Reads bodies. @param decompress - Without it a compressed body is a 415. */
export function createBodyReader(
  decompress: Decompress | undefined,
): (request: Request) => Promise<RequestBody> {
  return async (request) => {
    const bytes = await readBytes(request, decompress);
    return { bytes, body: isJson(request) ? parseBody(decodeUtf8(bytes)) : {} };
  };
}

async function readBytes(request: Request, decompress: Decompress | undefined): Promise<Uint8Array> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  const encoding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return bytes;
  if (decompress === undefined) throw problem(415, `Content-Encoding "${encoding}" is not supported`);
  try {
    return await decompress(bytes, encoding);
  } catch {
    throw problem(422, `The body is not valid ${encoding}`);
  }
}

/** Whatever does not say that it is binary is taken for JSON. */
function isJson(request: Request): boolean {
  return !/protobuf|octet-stream/i.test(request.headers.get('content-type') ?? '');
}

/** Integers of 64 bits (protocol 9): a double would make one of two that are close. */
const LARGE_INTEGER = /"(seq_id|seed)"\s*:\s*(-?[1-9]\d{15,})(?=\s*[,}])/g;

function parseBody(text: string): Record<string, unknown> {
  if (text === '') return {};
  let body: unknown;
  try {
    body = hasLargeInteger(text) ? parseExactly(text) : JSON.parse(text);
  } catch {
    throw problem(400, 'The body is not JSON');
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw problem(422, 'The body is not a JSON object');
}

function hasLargeInteger(text: string): boolean {
  return text.search(LARGE_INTEGER) >= 0;
}

/** As `JSON.parse`, but a `seq_id` or `seed` beyond 2^53 becomes a bigint. */
function parseExactly(text: string): unknown {
  // A name in quotes and a colon stand nowhere but before a value: inside a text its quotes would be escaped.
  const quoted = text.replace(LARGE_INTEGER, '"$1":"#$2"');
  return JSON.parse(quoted, (name, value: unknown) => {
    if ((name !== 'seq_id' && name !== 'seed') || typeof value !== 'string') return value;
    if (!/^#-?\d+$/.test(value)) return value;
    const exact = BigInt(value.slice(1));
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
  });
}
