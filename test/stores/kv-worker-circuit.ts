import { createServiceClient, isTinkerError, type SamplingClient, type ServiceClient } from 'isotinker';
import { type KeyValueNamespace, kvStorage } from 'isotinker/storage/kv';
import { scriptedFetch } from 'isotinker/testing';
import { healthyScript } from '../support/service.ts';
import { createSteadyTime, type SteadyTime } from './steady-time.ts';

// Runs in a Worker: one of two clients whose circuits share a namespace. What one request has made, another must not
// touch: a client lives in one request that stays open, and does what others leave here for it.

/** A client to open. */
export interface CircuitClientOptions {
  /** Circuits are kept by it: another one is another circuit. */
  readonly apiKey: string;
  readonly halfOpenCalls: number;
}

/** What the server does, and what comes of it. */
export interface ProbeState {
  /** Of submissions from now on; `hold`: none until it is something else. */
  outcome: 'hold' | 'ok' | 'down';
  /** Submissions at the server. */
  underWay: number;
  /** The most there were at once. */
  most: number;
  /** All there were. */
  submissions: number;
  /** The calls of a `probe` have been made, and those that were refused have heard so. */
  isSettled: boolean;
  /** Of them. */
  refused: number;
}

/** Something to be done with the client. */
export interface Command {
  readonly name: 'tick' | 'sample' | 'probe' | 'close';
  /** Milliseconds, or calls. */
  readonly amount: number;
}

interface Client {
  readonly time: SteadyTime;
  readonly service: ServiceClient;
  readonly sampler: SamplingClient;
}

const AT_FIRST: ProbeState = {
  outcome: 'down',
  underWay: 0,
  most: 0,
  submissions: 0,
  isSettled: false,
  refused: 0,
};
const state: ProbeState = { ...AT_FIRST };
let command: Command | undefined;
let result: { readonly value: unknown } | undefined;

/** As it is at this moment. */
export function probeState(): ProbeState {
  return state;
}

/** Leave a command for the client, which has done what it was left before. */
export function leaveCommand(next: Command): void {
  command = next;
  result = undefined;
}

/** What came of it, once it is done. */
export function commandResult(): { readonly value: unknown } | undefined {
  return result;
}

const realTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));

/** A client whose server is down, for as long as it is not told to close. */
export async function runCircuitClient(
  namespace: KeyValueNamespace,
  options: CircuitClientOptions,
): Promise<void> {
  const client = await open(namespace, options);
  for (let isOpen = true; isOpen; await realTurn()) {
    if (command === undefined) continue;
    const { name, amount } = command;
    command = undefined;
    isOpen = name !== 'close';
    const value = await { tick, sample, probe, close }[name](client, amount);
    result = { value: value ?? null };
  }
}

/** The server's answer to a submission. It waits on real time, and nothing depends on how long. */
async function answer(): Promise<Response> {
  state.submissions += 1;
  state.underWay += 1;
  state.most = Math.max(state.most, state.underWay);
  while (state.outcome === 'hold') await realTurn();
  state.underWay -= 1;
  return state.outcome === 'ok'
    ? Response.json({ request_id: 'asample' })
    : Response.json({ error: 'down' }, { status: 503 });
}

async function open(namespace: KeyValueNamespace, options: CircuitClientOptions): Promise<Client> {
  const time = createSteadyTime();
  const { clock } = time;
  Object.assign(state, AT_FIRST);
  const { fetch } = scriptedFetch({ ...healthyScript(), asample: [answer] }, undefined, { clock });
  const service = createServiceClient({
    apiKey: options.apiKey,
    fetch,
    clock,
    storage: time.watch(kvStorage(namespace, { clock })),
    random: () => 0,
    circuitBreaker: { failureThreshold: 2, resetMs: 20_000, halfOpenCalls: options.halfOpenCalls },
    retryBudgetMs: 60_000,
  });
  const sampler = await time.drive(Promise.resolve(service.createSamplingClient({ baseModel: 'm' })));
  return { time, service, sampler };
}

/** Let so much virtual time pass. */
function tick({ time }: Client, ms: number): Promise<void> {
  return time.advance(ms);
}

function sampleOnce({ sampler }: Client): Promise<string> {
  const work = sampler.sample({ prompt: [1], maxTokens: 1 });
  return Promise.resolve(work).then(
    () => 'done',
    (error: unknown) => (isTinkerError(error) ? error.code : String(error)),
  );
}

/** Sample once. @returns `done`, or the error's code. */
function sample(client: Client): Promise<string> {
  return client.time.drive(sampleOnce(client));
}

/** Sample so often at once while the server holds everything, until it no longer does. @returns how each ended. */
async function probe(client: Client, calls: number): Promise<readonly string[]> {
  const { time } = client;
  state.outcome = 'hold';
  const work = Array.from({ length: calls }, () =>
    sampleOnce(client).then((ended) => {
      if (state.outcome === 'hold') state.refused += 1;
      return ended;
    }),
  );
  await time.advance(0);
  state.isSettled = true;
  while (state.outcome === 'hold') await realTurn();
  return time.drive(Promise.all(work));
}

/** @returns the timers that are left. */
async function close({ time, service }: Client): Promise<number> {
  await time.drive(service.close());
  await time.advance(2_000);
  return time.pending;
}
