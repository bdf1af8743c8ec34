import { readFileSync } from 'node:fs';
import { storageCases } from '../../src/testing/storage-contract.ts';
import type { CaseResult } from '../runtimes/case-result.ts';
import type { Command, ProbeState } from './kv-worker-circuit.ts';

// Runs in a newer Node than the tests need, because the simulator of Workers does. Two Workers, each an isolate of its
// own, share a namespace. Prints one line of JSON for each check.
// Arguments: the simulator's file, and the Workers' program.

interface Fetcher {
  fetch(url: string, init: { method: string; body: string }): Promise<{ json(): Promise<unknown> }>;
}

interface Simulator {
  getWorker(name: string): Promise<Fetcher>;
  dispose(): Promise<void>;
}

interface SimulatorModule {
  readonly Miniflare: new (options: unknown) => Simulator;
}

const COMPATIBILITY_DATE = '2026-07-01';
const CASES = storageCases({ update: false });

type Call = (route: string, body?: unknown) => Promise<unknown>;

async function check(name: string, work: () => Promise<unknown>): Promise<void> {
  const found = await work().then(
    (error) => error ?? undefined,
    (error: unknown) => String(error),
  );
  const result: Omit<CaseResult, 'runtime'> = found === undefined ? { name } : { name, error: String(found) };
  console.log(JSON.stringify(result));
}

/** @returns what is wrong where they differ. */
function differs(what: string, found: unknown, expected: unknown): string | undefined {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  return one === other ? undefined : `${what}: expected ${other}, got ${one}`;
}

/** Ask until the answer is this; whoever waits for the whole run ends what never comes to it. */
async function until(ask: () => Promise<unknown>, expected: unknown): Promise<void> {
  while (JSON.stringify(await ask()) !== JSON.stringify(expected))
    await new Promise((resolve) => setTimeout(resolve, 50));
}

async function contract(one: Call): Promise<void> {
  for (const [index, { name }] of CASES.entries()) {
    await check(name, () => one('contractCase', { index, slowly: false }));
    await check(`once KV alone has the values: ${name}`, () => one('contractCase', { index, slowly: true }));
  }
  await check('keeps 25 MiB, and any lifetime; KV refuses what the adapter does not ask for', () =>
    one('bounds'),
  );
}

/** Several requests of one isolate, and another isolate. */
async function requests(one: Call, two: Call): Promise<void> {
  await check('what one isolate has written, the other reads', async () => {
    await one('set', { store: 'a', key: 'shared', values: [7] });
    return differs('read', await two('get', { store: 'b', key: 'shared' }), 7);
  });
  await check(
    'a request does not wait for its writes, and with waitUntil they go out after its end',
    async () => {
      const seen = await one('set', { store: 'kept alive', key: 'alive', values: [1, 2, 3] });
      await until(() => two('get', { store: 'b', key: 'alive' }), 3);
      return differs('read at once', seen, 3);
    },
  );
  await check('without waitUntil they go out with the next call, whatever it is about', async () => {
    await one('set', { store: 'forsaken', key: 'late', values: [1, 2, 3] });
    await until(async () => {
      await one('get', { store: 'forsaken', key: 'other' });
      return two('get', { store: 'b', key: 'late' });
    }, 3);
  });
}

/** An opening is shared, probes are not: there are never more than isolates times `halfOpenCalls`. */
async function circuit(one: Call, two: Call, halfOpenCalls: number): Promise<string | undefined> {
  const isolates = [one, two];
  const options = { apiKey: `tml-${halfOpenCalls}`, halfOpenCalls };
  const clients = isolates.map((call) => call('runCircuitClient', options));
  const both = (name: Command['name'], amount = 0): Promise<unknown[]> =>
    Promise.all(isolates.map((call) => command(call, name, amount)));
  const states = (): Promise<ProbeState[]> =>
    Promise.all(isolates.map(async (call) => (await call('probeState')) as ProbeState));

  await both('tick');
  const opened = await command(one, 'sample');
  await both('tick', 1_000);
  const heard = await command(two, 'sample');
  const [, before] = await states();
  await both('tick', 20_000);

  const probes = both('probe', 3 * halfOpenCalls);
  await until(async () => (await states()).map(({ isSettled }) => isSettled), [true, true]);
  const during = await states();
  await Promise.all(isolates.map((call) => call('release', { outcome: 'ok' })));
  const ended = ((await probes) as string[][]).flat().sort();
  const after = await both('sample');
  const timers = await both('close');
  await Promise.all(clients);

  const expected = {
    opened: 'circuit_open',
    heard: ['circuit_open', 0],
    underWay: [halfOpenCalls, halfOpenCalls],
    refused: [2 * halfOpenCalls, 2 * halfOpenCalls],
    ended: [
      ...Array.from({ length: 4 * halfOpenCalls }, () => 'circuit_open'),
      ...Array.from({ length: 2 * halfOpenCalls }, () => 'done'),
    ],
    after: ['done', 'done'],
    timers: [0, 0],
  };
  const found = {
    opened,
    heard: [heard, before?.submissions],
    underWay: during.map(({ underWay }) => underWay),
    refused: during.map(({ refused }) => refused),
    ended,
    after,
    timers,
  };
  return differs('the two clients', found, expected);
}

/** Have a client do something, and wait until it has. */
async function command(call: Call, name: Command['name'], amount = 0): Promise<unknown> {
  await call('leaveCommand', { name, amount });
  for (;;) {
    const result = (await call('commandResult')) as { readonly value: unknown } | null;
    if (result !== null) return result.value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function run(simulatorFile: string, programFile: string): Promise<void> {
  const { Miniflare } = (await import(simulatorFile)) as SimulatorModule;
  const worker = (name: string) => ({
    name,
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: readFileSync(programFile, 'utf8') }],
    compatibilityDate: COMPATIBILITY_DATE,
    kvNamespaces: {
      SHARED: 'shared',
      ...Object.fromEntries(
        Array.from({ length: 2 * CASES.length }, (_, index) => [`CASE${index}`, `${name}-${index}`]),
      ),
    },
  });
  const simulator = new Miniflare({ workers: [worker('one'), worker('two')], cf: false });
  try {
    const [one, two] = await Promise.all(['one', 'two'].map((name) => caller(simulator, name)));
    if (one === undefined || two === undefined) throw new Error('There are no Workers');
    await contract(one);
    await requests(one, two);
    for (const calls of [1, 2, 4]) {
      const name = `two isolates probe with at most 2 x ${calls} calls while they are half open`;
      await check(name, () => circuit(one, two, calls));
    }
  } finally {
    await simulator.dispose();
  }
}

async function caller(simulator: Simulator, name: string): Promise<Call> {
  const worker = await simulator.getWorker(name);
  return async (route, body = {}) => {
    const response = await worker.fetch(`http://worker/${route}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    const { result, error } = (await response.json()) as { result?: unknown; error?: string };
    if (error !== undefined) throw new Error(error);
    return result;
  };
}

const [simulatorFile = '', programFile = ''] = process.argv.slice(2);
await run(simulatorFile, programFile);
