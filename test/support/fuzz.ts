import { inspect } from 'node:util';
import { createEmulator } from '../../src/emulator/index.ts';
import { createServiceClient, type FetchLike, isTinkerError, seededRandom } from '../../src/index.ts';
import { countListeners } from '../../src/testing/abort-listeners.ts';
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';
import { type Act, KEY, OWNERS_KEY, type Stage } from './acts.ts';
import { SMALL } from './offline.ts';
import { type Exchange, type Keys, type RecordedReplies, recordReplies } from './replay.ts';

/** Limit of every call of an act. */
const TIMEOUT_MS = 120_000;
/** Calls that are several requests, each with the limit, take no longer; nor does anything else. */
const PATIENCE_MS = 20 * TIMEOUT_MS;

/** How one call ended. */
export interface Outcome {
  readonly name: string;
  readonly value?: unknown;
  readonly error?: unknown;
}

/** What came of an act. */
export interface Played {
  readonly outcomes: readonly Outcome[];
  readonly events: readonly unknown[];
}

/** Whom an act is played for. */
export interface Audience {
  readonly clock: VirtualClock;
  readonly model: string;
  readonly fetch: FetchLike;
  readonly copies: number;
  /** Told before each call; where it is there, calls are made one by one. */
  readonly onCall?: ((name: string) => void) | undefined;
}

/** Play an act against a server, close what it used, and see that nothing of it is left. */
export async function playAct(act: Act, { clock, model, fetch, copies, onCall }: Audience): Promise<Played> {
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
    copies,
    async call(name, shape, work, view = (value) => value) {
      onCall?.(name);
      const startedAt = clock.monotonic();
      try {
        const value = await work();
        const seen = view(value);
        shape(seen, '');
        outcomes.push({ name, value: seen });
        return value;
      } catch (error) {
        const tookMs = clock.monotonic() - startedAt;
        outcomes.push({ name, error: tookMs > PATIENCE_MS ? `It took ${tookMs} ms` : error });
        return undefined;
      }
    },
    async together(calls) {
      if (onCall === undefined) await Promise.all(calls.map((call) => call()));
      else for (const call of calls) await call();
    },
  };
  await bounded(clock, act.play(stage));
  await bounded(clock, service.close());
  const left = [service.snapshot().operations.length, listeners.left, clock.pending];
  if (left.some((count) => count > 0)) throw new Error(`Operations, listeners and timers are left: ${left}`);
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
export interface Recording extends RecordedReplies {
  readonly keys: Keys;
  readonly results: ReadonlyMap<string, unknown>;
  /** Which requests each call made. */
  readonly keysOf: ReadonlyMap<string, ReadonlySet<string>>;
  readonly model: string;
  /** What must not show in any error. */
  readonly secrets: readonly string[];
}

/** Play an act against the emulator. All its calls must succeed. The same in each run, ids and all. */
export async function recordAct(act: Act): Promise<Recording> {
  const clock = createVirtualClock();
  const emulator = createEmulator({ model: SMALL, clock, random: seededRandom(1), ...act.emulator });
  const recorder = recordReplies(act.wrap?.(emulator.fetch) ?? emulator.fetch);
  const keysOf = new Map<string, Set<string>>();
  let call = '';
  const fetch: FetchLike = async (request) => {
    const { key } = await recorder.keys.see(request);
    keysOf.set(call, (keysOf.get(call) ?? new Set()).add(key));
    return recorder.fetch(request);
  };
  const onCall = (name: string): void => {
    call = name;
  };
  const model = emulator.modelName;
  const { outcomes } = await withSeededIds(() => playAct(act, { clock, model, fetch, copies: 1, onCall }));
  for (const { name, error } of outcomes) {
    if (error !== undefined) throw new Error(`${act.name}: ${name} must succeed`, { cause: error });
  }
  const replies = recorder.replies();
  const tokens = replies.all.flatMap(({ endpoint, reply }) =>
    endpoint === 'POST auth/token' ? [JSON.parse(new TextDecoder().decode(reply.bytes)).jwt as string] : [],
  );
  return {
    ...replies,
    keys: recorder.keys,
    results: new Map(outcomes.map(({ name, value }) => [name, value])),
    keysOf,
    model,
    // The last part of a token is what makes it one.
    secrets: [KEY, OWNERS_KEY, ...tokens, ...tokens.flatMap((token) => token.split('.').slice(2))],
  };
}

/** The emulator draws its ids from the platform. */
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

/** Fail for what is no error of the package, shows a secret, or keeps too much of an answer. */
export function checkError(error: unknown, secrets: readonly string[]): void {
  if (!isTinkerError(error)) throw new Error(`It is no error of this package: ${inspect(error)}`);
  if (!/^[a-z]+_[a-z_]+$/.test(error.code)) throw new Error(`It has no code: ${inspect(error)}`);
  const texts = textsOf(error);
  const shown = secrets.find((secret) => texts.includes(secret));
  if (shown !== undefined) throw new Error(`${shown} shows: ${texts}`);
  if (error.message.length > 3_000 || JSON.stringify(error).length > 20_000)
    throw new Error(`It is too long: ${texts.slice(0, 1_000)}`);
}

/** Everything a log may make of an error. */
function textsOf(error: unknown): string {
  const texts: string[] = [inspect(error, { depth: 6 })];
  let at = error;
  for (let depth = 0; at !== undefined && depth < 6; depth++) {
    texts.push(String(at), JSON.stringify(at) ?? '');
    at = at instanceof Error ? at.cause : undefined;
  }
  return texts.join('\n');
}

/**
 * Fail unless one number is one request, and none is passed over.
 *
 * @param isInOrder - Requests go out one behind the other, also within a pass.
 * @param isLost - The client has said that it does not know what became of one: it goes no further.
 */
export function checkNumbers(exchanges: readonly Exchange[], isInOrder: boolean, isLost: boolean): void {
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
    // A 500 is how servers without protobuf answer it.
    const isRefused = (status >= 400 && status < 500 && status !== 408) || (isProtobuf && status === 500);
    if (!isRefused) live.set(sequenceId, key);
  }
  for (const live of isLost ? [] : models.values()) {
    for (const number of live.keys()) {
      if (number > 1 && !live.has(number - 1))
        throw new Error(`Number ${number} is taken, and not the one before`);
    }
  }
}
