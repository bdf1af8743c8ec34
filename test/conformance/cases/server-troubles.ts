import { isTinkerError, type ServiceClientOptions, type TinkerEvent } from '../../../src/index.ts';
import { type Answer, scriptedFetch } from '../../../src/testing/scripted-fetch.ts';
import { assertEqual, assertTrue, rejectionOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { offlineClient, trainAndSample } from '../offline-client.ts';

/** Train against an emulator of which some requests are answered by a script first. */
async function troubled(
  script: Readonly<Record<string, readonly Answer[]>>,
  client: Partial<ServiceClientOptions> = {},
) {
  const setup = offlineClient({
    client,
    wrap: (fetch) => {
      const first = Object.entries(script).map(([path, answers]) => [path, [...answers, fetch]] as const);
      return scriptedFetch(Object.fromEntries(first), fetch).fetch;
    },
  });
  const text = await trainAndSample(setup);
  const elapsedMs = setup.clock.monotonic();
  await setup.finish();
  return { text, elapsedMs, events: setup.events.map(traceOf) };
}

/** An event without what no two runs have in common: ids, and the platform's own words. */
function traceOf(event: TinkerEvent): string {
  if (event.type !== 'retry') return event.type;
  return `retry ${event.path} after ${event.code} ${event.status ?? ''}, in ${event.delayMs}`;
}

/** What a client makes of a server in trouble. */
export function serverTroubleCases(): readonly ConformanceCase[] {
  const ends: Readonly<Record<string, Answer>> = {
    '408': { status: 408, body: { type: 'try_again', queue_state: 'active' } },
    '429': { status: 429, headers: { 'retry-after': '7' } },
    '500': { status: 500, text: 'Internal Server Error' },
    '503': { status: 503, text: '<html>' },
    'a broken connection': 'refused',
    'half a body': { status: 200, text: '{"request_id": "requ' },
  };
  return [
    ...Object.entries(ends).map(
      ([name, answer]): ConformanceCase => ({
        name: `protocol: ${name} while polling or submitting changes nothing that is computed`,
        async run() {
          const calm = await troubled({});
          const result = await troubled({
            retrieve_future: [answer],
            forward_backward: [answer],
            asample: [answer],
          });
          assertEqual('what is computed', result.text, calm.text);
          assertTrue('it was noticed', textOf(result) !== textOf(calm));
          return textOf([result.elapsedMs, result.events]);
        },
      }),
    ),
    {
      name: 'protocol: a server that fails for good is given up at the end of the budget, with the last answer',
      async run() {
        const setup = offlineClient({
          client: { retryBudgetMs: 30_000 },
          wrap: (fetch) => scriptedFetch({ create_session: [{ status: 503, text: 'no' }] }, fetch).fetch,
        });
        const error = await rejectionOf('the client', () => setup.train());
        assertTrue(`a 503, not ${error}`, isTinkerError(error, 'http_status') && error.status === 503);
        assertEqual('when', setup.clock.monotonic(), 30_000);
        await setup.finish();
        return setup.events.map(traceOf).join('\n');
      },
    },
    {
      name: 'protocol: an operation that the server fails is an error with its words and whose fault it was',
      async run() {
        const setup = offlineClient();
        const training = await setup.train();
        const error = await rejectionOf('the load', () =>
          setup.clock.drive(training.loadState('tinker://nothing/weights/there')),
        );
        assertTrue(`an operation error, not ${error}`, isTinkerError(error, 'operation_failed'));
        assertEqual('category', (error as { category?: string }).category, 'user');
        await setup.finish();
      },
    },
  ];
}
