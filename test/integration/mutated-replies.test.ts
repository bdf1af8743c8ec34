import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { createEmulator } from '../../src/emulator/index.ts';
import { createServiceClient, type FetchLike, isTinkerError, seededRandom } from '../../src/index.ts';
import { countListeners } from '../../src/testing/abort-listeners.ts';
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';
import { ACTS, type Act, KEY, OWNERS_KEY, type Stage } from '../support/client-acts.ts';
import { SMALL } from '../support/offline.ts';
import {
  type Exchange,
  type ReplayPlan,
  recordReplies,
  replayReplies,
  type Tape,
} from '../support/replay.ts';
import { forbidUnhandledRejections } from '../support/unhandled.ts';

// Replies of a healthy server, broken in thousands of ways: whatever a server, a proxy or a bad line makes of a reply,
// a call comes to a result of the right type or to an error of this package.

/** The run's seed, and a part of it to run alone: `FUZZ_SEED=5 FUZZ_ONLY='records|GET audit|17'`. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const ONLY = process.env['FUZZ_ONLY'];
/** Plays of each endpoint of each act, times this. */
const FACTOR = Number(process.env['FUZZ_FACTOR'] ?? 1);

const TIMEOUT_MS = 120_000;
/** Calls that are several requests, each with the limit, take no longer. */
const PATIENCE_MS = 20 * TIMEOUT_MS;

/** Endpoints whose replies every call depends on, so that any of them may fail for it. */
const SHARED = [
  'POST client/config',
  'POST auth/token',
  'POST create_session',
  'POST create_model',
  'POST create_sampling_session',
  'retrieve_future of create_model',
];
/** How a call may end because of another one's reply. */
const CONSEQUENCES = [
  'client_poisoned',
  'operation_failed',
  'timed_out',
  'submit_ambiguous',
  'batch_incomplete',
];

const unhandled = forbidUnhandledRejections();
const totals = { plays: 0, replies: 0, results: 0, errors: 0 };
const codes = new Map<string, number>();

/** How one call ended. */
interface Outcome {
  readonly name: string;
  readonly value?: unknown;
  readonly error?: unknown;
}

interface Played {
  readonly outcomes: readonly Outcome[];
  readonly events: readonly unknown[];
}

/** Play an act against a server, and close what it used. */
async function play(
  act: Act,
  clock: VirtualClock,
  model: string,
  fetch: FetchLike,
  record?: (call: string) => void,
): Promise<Played> {
  const outcomes: Outcome[] = [];
  const events: unknown[] = [];
  let ids = 0;
  const service = createServiceClient({
    apiKey: KEY,
    baseUrl: 'https://tinker.test',
    fetch,
    clock,
    random: seededRandom(3),
    retryBudgetMs: 20_000,
    attemptTimeoutMs: 5_000,
    billingPauseMs: 10_000,
    createId: () => (++ids).toString(16).padStart(32, '0'),
    onEvent: (event) => events.push(event),
    ...act.client,
  });
  const { signal } = new AbortController();
  const listeners = countListeners(signal);
  const stage: Stage = {
    service,
    clock,
    model,
    limit: { timeoutMs: TIMEOUT_MS, signal },
    async call(name, shape, work, view = (value) => value) {
      record?.(name);
      const startedAt = clock.monotonic();
      try {
        const value = await work();
        const seen = view(value);
        shape(seen, '');
        outcomes.push({ name, value: seen });
        return value;
      } catch (error) {
        outcomes.push({ name, error });
        if (clock.monotonic() - startedAt > PATIENCE_MS) throw new Error(`${name} took too long`);
        return undefined;
      }
    },
    async together(calls) {
      if (record === undefined) await Promise.all(calls.map((call) => call()));
      else for (const call of calls) await call();
    },
  };
  await bounded(clock, act.play(stage));
  await bounded(clock, service.close());
  expect(service.snapshot().operations).toEqual([]);
  expect(listeners.left).toBe(0);
  return { outcomes, events };
}

/** Drive, but not for ever. */
async function bounded<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let cancel = (): void => {};
  const limit = new Promise<never>((_, reject) => {
    cancel = clock.schedule(() => reject(new Error('It does not end')), 30 * PATIENCE_MS);
  });
  try {
    return await clock.drive(Promise.race([work, limit]));
  } finally {
    cancel();
  }
}

/** A server's replies to an act, and what its calls came to. */
interface Recording {
  readonly tape: Tape;
  readonly keys: ReturnType<typeof recordReplies>['keys'];
  readonly genuine: ReadonlyMap<string, unknown>;
  /** Which requests each call made. */
  readonly keysOf: ReadonlyMap<string, ReadonlySet<string>>;
  readonly model: string;
  /** What must not show in any error. */
  readonly secrets: readonly string[];
}

async function recorded(act: Act): Promise<Recording> {
  const clock = createVirtualClock({ graceTurns: 2 });
  const emulator = createEmulator({ model: SMALL, clock, random: seededRandom(1), ...act.emulator });
  const recorder = recordReplies(act.wrap?.(emulator.fetch) ?? emulator.fetch);
  const keysOf = new Map<string, Set<string>>();
  let call = '';
  const spy: FetchLike = async (request) => {
    const { key } = await recorder.keys.see(request);
    keysOf.set(call, (keysOf.get(call) ?? new Set()).add(key));
    return recorder.fetch(request);
  };
  const { outcomes } = await withSeededIds(() =>
    play(act, clock, emulator.modelName, spy, (name) => {
      call = name;
    }),
  );
  for (const { name, error } of outcomes)
    if (error !== undefined) throw new Error(`${act.name}: ${name} must succeed: ${error}`);
  const tape = recorder.tape();
  const tokens = tape.all.flatMap(({ endpoint, reply }) =>
    endpoint === 'POST auth/token' ? [JSON.parse(new TextDecoder().decode(reply.bytes)).jwt as string] : [],
  );
  return {
    tape,
    keys: recorder.keys,
    genuine: new Map(outcomes.map(({ name, value }) => [name, value])),
    keysOf,
    model: emulator.modelName,
    secrets: [KEY, OWNERS_KEY, ...tokens, ...tokens.map((token) => token.split('.')[2] ?? token)],
  };
}

/** The emulator's ids are the same in each run, so that a seed means the same replies. */
async function withSeededIds<T>(work: () => Promise<T>): Promise<T> {
  const random = seededRandom(4);
  const { getRandomValues } = crypto;
  crypto.getRandomValues = ((array: Uint8Array) => {
    for (let i = 0; i < array.length; i++) array[i] = Math.floor(random() * 256);
    return array;
  }) as typeof getRandomValues;
  try {
    return await work();
  } finally {
    crypto.getRandomValues = getRandomValues;
  }
}

/** Everything a log may make of an error. */
function textsOf(error: unknown): string {
  const texts: string[] = [];
  for (let at = error, depth = 0; at !== undefined && depth < 6; depth++) {
    texts.push(String(at), JSON.stringify(at) ?? '', at instanceof Error ? (at.stack ?? '') : '');
    at = at instanceof Error ? at.cause : undefined;
  }
  return texts.join('\n') + inspect(error, { depth: 6 });
}

function checkError(error: unknown, secrets: readonly string[]): void {
  if (!isTinkerError(error)) throw new Error(`It is no error of this package: ${inspect(error)}`);
  expect(error.code).toMatch(/^[a-z_]+$/);
  const texts = textsOf(error);
  for (const secret of secrets) if (texts.includes(secret)) throw new Error(`A secret shows: ${texts}`);
  expect(error.message.length).toBeLessThan(3_000);
  expect(JSON.stringify(error).length).toBeLessThan(20_000);
}

/** Numbered requests: one number is one request, and none is passed over. */
function checkNumbers(exchanges: readonly Exchange[], isInOrder: boolean): void {
  const models = new Map<string, Map<number, string>>();
  for (const { numbered, key, status, isProtobuf } of exchanges) {
    if (numbered === undefined) continue;
    const { modelId, sequenceId } = numbered;
    const live = models.get(modelId) ?? new Map<number, string>();
    models.set(modelId, live);
    const earlier = live.get(sequenceId);
    if (earlier !== undefined && earlier !== key)
      throw new Error(`Number ${sequenceId} was used for ${earlier}, and then for ${key}`);
    for (let before = 1; isInOrder && before < sequenceId; before++) {
      if (!live.has(before)) throw new Error(`Number ${sequenceId} was used, and ${before} was not`);
    }
    const isRefused = (status >= 400 && status < 500 && status !== 408) || (isProtobuf && status === 500);
    if (!isRefused) live.set(sequenceId, key);
  }
}

/** A call none of whose replies was touched comes to what it comes to, or fails for another's sake. */
function checkBystander({ name, value, error }: Outcome, genuine: unknown): void {
  if (error === undefined) expect(value, `${name} got the result of something else`).toEqual(genuine);
  else if (!isTinkerError(error) || !CONSEQUENCES.includes(error.code))
    throw new Error(`${name} failed for another's reply: ${inspect(error)}`);
}

async function fuzz(act: Act, recording: Recording, endpoint: string, index: number): Promise<void> {
  const { tape, keys, model, genuine, keysOf, secrets } = recording;
  const seed = hash(`${SEED} ${act.name} ${endpoint} ${index}`);
  const random = seededRandom(seed);
  const extent = (['one', 'each once', 'all', 'all'] as const)[index % 4] as ReplayPlan['extent'];
  const clock = createVirtualClock({ graceTurns: 2 });
  const replay = replayReplies(tape, keys, { endpoint, extent, random });
  let played: Played | undefined;
  try {
    played = await play(act, clock, model, replay.fetch);
    for (const outcome of played.outcomes) {
      const { name, error } = outcome;
      if (error !== undefined) {
        checkError(error, secrets);
        codes.set((error as { code: string }).code, (codes.get((error as { code: string }).code) ?? 0) + 1);
      }
      const isTouched = [...(keysOf.get(name) ?? [])].some((key) => replay.mutatedKeys.has(key));
      if (!isTouched && !SHARED.includes(endpoint)) checkBystander(outcome, genuine.get(name));
    }
    checkNumbers(replay.exchanges, !act.name.includes('chunks'));
    for (const secret of secrets) expect(JSON.stringify(played.events).includes(secret)).toBe(false);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(unhandled).toEqual([]);
    expect(clock.pending).toBe(0);
  } catch (failure) {
    const where = `FUZZ_SEED=${SEED} FUZZ_ONLY='${act.name}|${endpoint}|${index}'`;
    throw new Error(
      `${where}\n  ${replay.mutations.join('\n  ')}\n${failure instanceof Error ? failure.message : failure}`,
      { cause: failure },
    );
  }
  totals.plays += 1;
  totals.replies += replay.mutations.length;
  for (const { error } of played.outcomes) totals[error === undefined ? 'results' : 'errors'] += 1;
}

function hash(text: string): number {
  let value = 2_166_136_261;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 16_777_619);
  return value >>> 0;
}

describe.each(ACTS)('$name', (act) => {
  it('survives every reply', async () => {
    const recording = await recorded(act);
    for (const endpoint of recording.tape.endpoints) {
      const started = performance.now();
      const count = Math.ceil(FACTOR * 40);
      const failures: string[] = [];
      for (let index = 0; index < count; index++) {
        if (ONLY !== undefined && ONLY !== `${act.name}|${endpoint}|${index}`) continue;
        try {
          await fuzz(act, recording, endpoint, index);
        } catch (e) {
          failures.push(String((e as Error).message).slice(0, 1500));
          unhandled.length;
        }
      }
      console.log(act.name, endpoint, count, Math.round(performance.now() - started), 'ms', failures.length);
      for (const f of failures.slice(0, 6)) console.log(f);
    }
  });
});

afterAll(() => {
  console.log(totals, codes, SEED);
});
