import { createServiceClient } from '../../../src/index.ts';
import { assertAlike, assertEqual, assertFails, assertTrue, rejectionOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** The platform's requests, responses and streams are what the library takes them for. */
export function webRequestCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'platform: a request carries a view’s bytes, not its buffer’s, and can be read once',
      async run() {
        const body = Uint8Array.of(9, 0, 255, 128, 9).subarray(1, 4);
        const request = new Request('https://host.test/a?b=%20#c', {
          method: 'POST',
          body,
          redirect: 'manual',
        });
        assertAlike(
          'parts',
          [request.method, request.url, request.redirect],
          ['POST', 'https://host.test/a?b=%20#c', 'manual'],
        );
        assertEqual('no type of its own', request.headers.get('content-type'), null);
        assertEqual('bytes', new Uint8Array(await request.clone().arrayBuffer()), body);
        assertEqual('text', (await request.text()).length, 3);
        await rejectionOf('a second reading', () => request.text());
      },
    },
    {
      name: 'platform: a request aborts with its signal, for the same reason',
      run() {
        const controller = new AbortController();
        const request = new Request('https://host.test/', { signal: controller.signal });
        const reason = new Error('enough');
        controller.abort(reason);
        assertTrue('aborted', request.signal.aborted);
        assertEqual('reason', request.signal.reason, reason);
      },
    },
    {
      name: 'platform: headers are found in any case, told in order, and refuse what no header can hold',
      async run() {
        const headers = new Headers({ 'X-Second': 'b', 'x-first': ' a ', Accept: 'c' });
        headers.append('x-second', 'd');
        await assertFails('a line end', () => headers.set('x-third', 'a\nb'), 'TypeError');
        return textOf([...headers]);
      },
    },
    {
      name: 'platform: a response may have bytes, a stream, text or nothing, and says what it is',
      async run() {
        const bodies = [Uint8Array.of(1, 2, 3).subarray(1), new Blob(['é']).stream(), 'é', null];
        const read: unknown[] = [];
        for (const body of bodies) {
          const response = new Response(body, { status: body === null ? 204 : 200 });
          read.push([response.status, response.ok, new Uint8Array(await response.arrayBuffer())]);
        }
        const json = Response.json({ a: 1 }, { status: 201, headers: { 'x-a': 'b' } });
        return textOf([
          read,
          json.status,
          // Bun names the charset, too.
          json.headers.get('content-type')?.split(';')[0],
          json.headers.get('x-a'),
          await json.json(),
        ]);
      },
    },
    {
      name: 'platform: a stream that is cancelled tells its source, and one that fails its reader',
      async run() {
        const reasons: unknown[] = [];
        const stream = new ReadableStream({ cancel: (reason) => void reasons.push(reason) });
        const reader = stream.getReader();
        const reading = reader.read();
        await reader.cancel('enough');
        assertEqual('the read under way', (await reading).done, true);
        assertAlike('reasons', reasons, ['enough']);
        const error = new Error('broken');
        const failing = new ReadableStream({ pull: () => Promise.reject(error) }).getReader();
        assertEqual('the error', await rejectionOf('the read', () => failing.read()), error);
      },
    },
    {
      name: 'platform: the global fetch is called as a function of the global object, wherever a client has no other',
      async run() {
        const platform = globalThis.fetch;
        const seen: string[] = [];
        const fake = async function (
          this: unknown,
          input: RequestInfo | URL,
          init?: RequestInit,
        ): Promise<Response> {
          const url = input instanceof Request ? input.url : String(input);
          // Whoever else sends something meanwhile is let through.
          if (!url.startsWith('https://tinker.test/')) return platform.call(globalThis, input, init);
          seen.push(this === undefined || this === globalThis ? 'as it should be' : 'as a method of another');
          return Response.json({ supported_models: [] });
        };
        const service = createServiceClient({ apiKey: 'tml-test', baseUrl: 'https://tinker.test' });
        const restore = replaceGlobalFetch(fake);
        try {
          await service.getServerCapabilities();
        } finally {
          restore();
          await service.close();
        }
        assertTrue('it was called', seen.length > 0);
        assertAlike('how', [...new Set(seen)], ['as it should be']);
      },
    },
  ];
}

/** Put another in its place. @returns what undoes it: some platforms inherit theirs. */
function replaceGlobalFetch(fetch: typeof globalThis.fetch): () => void {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'fetch');
  Object.defineProperty(globalThis, 'fetch', { value: fetch, configurable: true, writable: true });
  return () => {
    Reflect.deleteProperty(globalThis, 'fetch');
    if (own !== undefined) Object.defineProperty(globalThis, 'fetch', own);
  };
}
