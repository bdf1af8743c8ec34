import { assertAlike, assertEqual, assertTrue, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { scriptedTransport } from '../scripted-transport.ts';

/** One exchange over the platform's own requests, responses and streams. */
export function exchangeCases(): readonly ConformanceCase[] {
  return [...sendingCases(), ...readingCases()];
}

function sendingCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: a request carries exactly the headers that it was given, and its JSON',
      async run() {
        const { clock, send, requests, finish } = scriptedTransport([{ status: 200, body: { ok: true } }], {
          authScheme: 'both',
          defaultHeaders: { 'X-Mine': 'plain' },
        });
        const answer = await clock.drive(
          send({ headers: { 'X-Idempotency-Key': 'k' }, body: { a: 'é€😀', n: 2n ** 63n } }),
        );
        assertAlike('answer', answer, { ok: true });
        finish();
        const [request] = requests;
        assertEqual('text', new TextDecoder().decode(request?.bytes), '{"a":"é€😀","n":9223372036854775808}');
        return textOf([request?.method, request?.path, Object.fromEntries(request?.headers ?? [])]);
      },
    },
    {
      name: 'protocol: bytes go as they are, with their type and their encoding',
      async run() {
        const { clock, send, requests, finish } = scriptedTransport([{ status: 200 }]);
        const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) & 255);
        const body = {
          bytes: bytes.subarray(5, 69_999),
          contentType: 'application/x-protobuf',
          contentEncoding: 'zstd',
        };
        await clock.drive(send({ body }));
        const [request] = requests;
        assertEqual('bytes', request?.bytes, bytes.subarray(5, 69_999));
        assertEqual('type', request?.headers.get('content-type'), 'application/x-protobuf');
        assertEqual('encoding', request?.headers.get('content-encoding'), 'zstd');
        finish();
      },
    },
    {
      name: 'protocol: fetch is called as a function of its own, with one request that follows no redirect',
      async run() {
        const seen: unknown[] = [];
        const { get, finish } = scriptedTransport([], {
          fetch: async function (this: unknown, ...given: readonly Request[]) {
            const [request] = given;
            seen.push(
              this === undefined || this === globalThis,
              given.length,
              request instanceof Request,
              request?.redirect,
            );
            return new Response('{}');
          },
        });
        await get();
        assertAlike('how it was called', seen, [true, 1, true, 'manual']);
        finish();
      },
    },
    {
      name: 'protocol: a redirect is an error that names where it leads, and is not followed',
      async run() {
        const location = 'https://elsewhere.test/file';
        const { failure, requests, finish } = scriptedTransport([
          () => new Response(null, { status: 307, headers: { location } }),
        ]);
        const error = await failure();
        assertTrue(
          'where',
          error.message.includes('answered 307, a redirect to https://elsewhere.test/file'),
        );
        assertAlike('the rest', [error.retryable, requests.length], [false, 1]);
        finish();
        return error.message;
      },
    },
  ];
}

function readingCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: JSON is read whole wherever its bytes are cut, inside a character too',
      async run() {
        const bytes = new TextEncoder().encode('{"a":"é€😀","b":[1,2]}');
        const cuts = Array.from({ length: bytes.length + 1 }, (_, cut) => [
          bytes.slice(0, cut),
          bytes.slice(cut),
        ]);
        const { together, finish } = scriptedTransport(
          cuts.map((parts) => () => new Response(streamOf(parts))),
        );
        const answers = await together(cuts.length);
        for (const answer of answers) assertAlike('answer', answer, { a: 'é€😀', b: [1, 2] });
        finish();
      },
    },
    {
      name: 'protocol: bodies of a byte a piece, of empty pieces and of none are read',
      async run() {
        const bytes = new TextEncoder().encode('\ufeff{"a":"😀"}');
        const pieces = [...bytes].flatMap((byte) => [Uint8Array.of(), Uint8Array.of(byte)]);
        const answers = [streamOf(pieces), streamOf([]), null];
        const { get, finish } = scriptedTransport(answers.map((body) => () => new Response(body)));
        assertAlike('a byte a piece', await get(), { a: '😀' });
        for (const what of ['no piece', 'no body']) assertEqual(what, await get(), undefined);
        finish();
      },
    },
    {
      name: 'protocol: protobuf is handed on as the very bytes, known by what it says it is',
      async run() {
        const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 10, 2, 255, 254);
        const headers = { 'content-type': 'Application/X-Protobuf; charset=binary' };
        const { get, finish } = scriptedTransport([
          () => new Response(streamOf([bytes.slice(0, 2), bytes.slice(2)]), { headers }),
        ]);
        const read = (await get()) as Uint8Array;
        assertTrue('bytes', read instanceof Uint8Array);
        assertEqual('which', read, bytes);
        finish();
      },
    },
    {
      name: 'protocol: each status becomes the same error in every engine',
      async run() {
        const statuses = [
          400, 401, 402, 403, 404, 409, 410, 413, 422, 425, 429, 451, 500, 502, 503, 529, 599,
        ];
        const { together, finish } = scriptedTransport(
          statuses.map((status) => ({
            status,
            body: { detail: `no: ${status}` },
            headers: { 'retry-after': '2' },
          })),
        );
        const errors = (await together(statuses.length)).map((error) => JSON.stringify(error)).sort();
        assertTrue(
          'a wait',
          errors.every((text) => text.includes('"retryAfterMs":2000')),
        );
        finish();
        return errors.join('\n');
      },
    },
  ];
}

function streamOf(parts: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(stream) {
      for (const part of parts) stream.enqueue(part);
      stream.close();
    },
  });
}
