import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { assertAlike, assertEqual, assertRejects, assertTrue, rejectionOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { neverEnding } from '../patience.ts';
import { KEY, scriptedTransport } from '../scripted-transport.ts';

/** Exchanges that are aborted, take too long, or fail. */
export function exchangeEndCases(): readonly ConformanceCase[] {
  return [...endingCases(), ...failingCases()];
}

/** A response whose body goes on for ever; `cancelled` holds what it was cancelled with. */
function endless() {
  const cancelled: unknown[] = [];
  const body = new ReadableStream({
    start: (stream) => stream.enqueue(new TextEncoder().encode('{"half": ')),
    cancel: (reason) => void cancelled.push(reason),
  });
  const headers = { 'content-type': 'application/json' };
  return { cancelled, response: neverEnding(new Response(body, { headers })) };
}

function endingCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: an abort before, while waiting and while reading rejects with its very reason',
      async run() {
        for (const reason of [new Error('enough'), null, 'enough']) {
          for (const answer of ['nothing', () => endless().response] as const) {
            const { clock, send, controller, finish } = scriptedTransport([answer]);
            const work = send();
            await clock.advance(0);
            controller.abort(reason);
            await assertRejects('the exchange', work, reason);
            await assertRejects('the next', send(), reason);
            await clock.advance(0);
            finish();
          }
        }
      },
    },
    {
      name: 'protocol: an abort reaches the request, and gives the body back to the platform',
      async run() {
        const { cancelled, response } = endless();
        let seen: AbortSignal | undefined;
        const answer = (request: Request): Response => {
          seen = request.signal;
          return response;
        };
        const { clock, send, controller, finish } = scriptedTransport([answer]);
        const work = rejectionOf('the exchange', send);
        await clock.advance(0);
        assertEqual('aborted before', seen?.aborted, false);
        controller.abort('enough');
        assertEqual('the rejection', await work, 'enough');
        await clock.advance(0);
        assertAlike('what the body was cancelled with', cancelled, ['enough']);
        assertEqual('aborted after', seen?.aborted, true);
        finish();
      },
    },
    {
      name: 'protocol: an exchange that takes too long ends with a time-out, wherever it hangs',
      async run() {
        for (const answer of ['nothing', () => endless().response] as const) {
          const { clock, failure, finish } = scriptedTransport([answer]);
          const error = await failure();
          assertEqual('its code', error.code, 'timed_out');
          assertEqual('when', clock.monotonic(), 60_000);
          finish();
        }
      },
    },
  ];
}

function failingCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: a body that breaks off is a connection that failed, one that is cut is malformed: both retryable',
      async run() {
        const broken = (): Response =>
          new Response(new ReadableStream({ start: (stream) => stream.error(new TypeError('terminated')) }));
        const { failure, finish } = scriptedTransport([broken, { status: 200, text: '{"a": ' }, 'refused']);
        const codes: string[] = [];
        for (let i = 0; i < 3; i++) {
          const { code, retryable } = await failure();
          codes.push(`${code} ${retryable}`);
        }
        assertAlike('errors', codes, [
          'connection_failed true',
          'response_invalid true',
          'connection_failed true',
        ]);
        finish();
      },
    },
    {
      name: 'protocol: the key is in no part of any error, whoever repeats it',
      async run() {
        const leaks: readonly Answer[] = [
          { status: 401, body: { error: `the key ${KEY} is unknown`, detail: [KEY] } },
          { status: 500, text: `<p>${KEY}</p>`, headers: { 'content-type': 'text/html' } },
          { status: 200, text: `"${KEY}" and more` },
          () => {
            throw new TypeError(`invalid header value: ${KEY}`);
          },
        ];
        const { failure, finish } = scriptedTransport(leaks);
        for (const _ of leaks) {
          const error = await failure();
          const parts = [error.message, String(error.stack), JSON.stringify(error), String(error.cause)];
          assertTrue(
            `none of ${error.code}`,
            parts.every((part) => !part.includes('canary')),
          );
        }
        finish();
      },
    },
    {
      name: 'protocol: what is no response is refused as a mistake of whoever gave the fetch',
      async run() {
        for (const given of [undefined, null, 'text', {}]) {
          const { failure, finish } = scriptedTransport([], {
            fetch: async () => given as unknown as Response,
          });
          const { code, message } = await failure();
          assertEqual('code', code, 'input_invalid');
          assertTrue('words', message.includes('"fetch" must resolve to a Response'));
          finish();
        }
      },
    },
  ];
}
