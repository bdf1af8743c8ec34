import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import { sleep } from '../../../src/kernel/abort.ts';
import { encodeUtf8 } from '../../../src/kernel/bytes.ts';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { TinkerConnectionError } from '../../../src/kernel/errors.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import {
  acquire,
  type BreakerOutcome,
  type BreakerState,
  type CircuitBreakerOptions,
  freshBreaker,
  loadBreaker,
  type Permit,
  readRow,
  resolveBreakerConfig,
  saveBreaker,
  settle,
} from '../../../src/policy/breaker.ts';
import { type Circuit, createCircuit } from '../../../src/policy/circuit.ts';
import { guarded } from '../../../src/storage/guarded.ts';
import { memoryStorage } from '../../../src/storage/memory.ts';
import type { Storage, StorageSetOptions } from '../../../src/storage/storage.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import type { Pass } from '../../../src/testing/gates.ts';
import { exploreInterleavings, randomInterleavings } from '../../../src/testing/interleavings.ts';
import { createSharedStore, type StorageFault } from '../../../src/testing/two-contexts.ts';
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection } from '../../support/settled.ts';

const KEY = 'isotinker:v1:breaker:sample:https://host';
const DAY_MS = 24 * 3_600_000;
const YEAR_MS = 365 * DAY_MS;
const DOWN = new TinkerConnectionError('refused');
const { signal: CALM } = new AbortController();

const clocks: VirtualClock[] = [];
afterEach(() => {
  for (const clock of clocks.splice(0)) expect(clock.pending).toBe(0);
});

interface Settings {
  readonly consistency: 'strict' | 'hint';
  readonly options?: CircuitBreakerOptions;
  readonly latencyMs?: number;
  readonly pass?: Pass;
}

/** A store, and circuits of several contexts on it. */
function setUp({ consistency, options = {}, latencyMs, pass }: Settings) {
  const clock = createVirtualClock();
  clocks.push(clock);
  const store = createSharedStore({ clock, consistency, latencyMs, pass });
  const observer = store.open();
  const config = resolveBreakerConfig('circuitBreaker', options);
  let ids = 0;
  const on = (storage: Storage) => {
    const events: TinkerEvent[] = [];
    const emit = (event: TinkerEvent): void => void events.push(event);
    const circuit = createCircuit({
      name: 'https://host sample',
      storageKey: KEY,
      clock,
      config,
      emit,
      createId: () => `${++ids}`,
      storage,
    });
    return { ...driven(circuit, clock), circuit, events };
  };
  return {
    clock,
    config,
    store,
    on,
    /** A circuit of one more context. */
    open: () => on(guarded(store.open(), { clock, emit: () => {} })),
    put: (row: unknown) => {
      const bytes = row instanceof Uint8Array ? row : encodeUtf8(JSON.stringify(row));
      return clock.drive(observer.set(KEY, bytes));
    },
    row: async () => loadBreaker(await clock.drive(observer.get(KEY)), clock.now(), config),
    hint: async () => readRow(await clock.drive(observer.get(KEY)))?.['openUntil'],
    /** What contexts did with the store; the first one there is the test's own. */
    calls: () => store.transactions.filter(({ context }) => context > 1).map(({ operation }) => operation),
  };
}

/** Calls that end at once, or are let to. */
function driven(circuit: Circuit, clock: VirtualClock) {
  const succeed = (): Promise<string> => clock.drive(circuit.run(CALM, async () => 'done'));
  const fail = (): Promise<unknown> => clock.drive(rejection(circuit.run(CALM, () => Promise.reject(DOWN))));
  return {
    succeed,
    fail,
    async failTimes(count: number): Promise<void> {
      for (let i = 0; i < count; i++) expect(await fail()).toBe(DOWN);
    },
    /** So many callers at once, none of which ends by itself. */
    async crowd(count: number) {
      const running: ((error?: unknown) => void)[] = [];
      const work = (): Promise<string> =>
        new Promise((resolve, reject) => {
          running.push((error) => (error === undefined ? resolve('done') : reject(error)));
        });
      const calls = Array.from({ length: count }, () =>
        circuit.run(new AbortController().signal, work).catch((error: unknown) => error),
      );
      await clock.advance(50);
      return {
        running: running.length,
        async end(error?: unknown): Promise<unknown[]> {
          for (const one of running) one(error);
          return clock.drive(Promise.all(calls));
        },
      };
    },
  };
}

const REFUSED = expect.objectContaining({ code: 'circuit_open' });
const changes = (events: readonly TinkerEvent[]): string[] =>
  events.map((event) => (event.type === 'circuit' ? `${event.from} > ${event.to}` : event.type));
const openRow = (openUntil: number): BreakerState => ({
  ...freshBreaker,
  kind: 'open',
  epoch: 7,
  failures: 5,
  openUntil,
});

describe('a strict store', () => {
  it('is one circuit for all contexts, present and future', async () => {
    const { clock, open, row } = setUp({ consistency: 'strict' });
    const [one, other] = [open(), open()];
    await one.failTimes(3);
    await other.failTimes(2);
    expect(await row()).toEqual({ ...openRow(clock.now() + 30_000), epoch: 1 });
    const later = open();
    expect(later.circuit.snapshot()).toEqual({ kind: 'closed', failures: 0, retryAfterMs: 0 });
    for (const { fail, circuit, events } of [one, other, later]) {
      expect(await fail()).toMatchObject({ code: 'circuit_open', retryAfterMs: 30_000 });
      expect(circuit.snapshot()).toEqual({ kind: 'open', failures: 5, retryAfterMs: 30_000 });
      expect(changes(events)).toEqual(['closed > open']);
    }
    await clock.advance(30_000);
    expect(await later.succeed()).toBe('done');
    expect(await one.succeed()).toBe('done');
    expect(changes(one.events)).toEqual(['closed > open', 'open > closed']);
    expect(changes(later.events)).toEqual(['closed > open', 'open > half_open', 'half_open > closed']);
  });

  it('is only read by a success that has nothing to change, and written by what has', async () => {
    const { open, calls } = setUp({ consistency: 'strict' });
    const { succeed, fail } = open();
    await succeed();
    expect(calls()).toEqual(['get', 'get']);
    await fail();
    expect(calls().slice(2)).toEqual(['get', 'get', 'update']);
    await succeed();
    expect(calls().slice(5)).toEqual(['get', 'get', 'update']);
    await succeed();
    expect(calls().slice(8)).toEqual(['get', 'get']);
  });

  it('is not asked about a call that was aborted', async () => {
    const { clock, open, calls } = setUp({ consistency: 'strict' });
    const { circuit } = open();
    const controller = new AbortController();
    const work = async () => {
      controller.abort('enough');
      controller.signal.throwIfAborted();
    };
    expect(await clock.drive(rejection(circuit.run(controller.signal, work)))).toBe('enough');
    expect(calls()).toEqual(['get']);
  });

  it('is not held while a call is under way', async () => {
    const { open, put, clock } = setUp({ consistency: 'strict' });
    await put(openRow(clock.now()));
    const [one, other] = [open(), open()];
    const probe = await one.crowd(1);
    expect(probe.running).toBe(1);
    expect(await other.fail()).toEqual(REFUSED);
    expect(await probe.end()).toEqual(['done']);
    expect(await other.succeed()).toBe('done');
  });

  it.each([1, 3])('lets %i probes in at once, whichever contexts ask', async (halfOpenCalls) => {
    const { open, put, clock } = setUp({ consistency: 'strict', options: { halfOpenCalls }, latencyMs: 2 });
    await put(openRow(clock.now()));
    const crowds = await Promise.all([open(), open(), open()].map(({ crowd }) => crowd(2)));
    expect(crowds.map(({ running }) => running).reduce((sum, count) => sum + count)).toBe(halfOpenCalls);
    const ends = (await Promise.all(crowds.map(({ end }) => end()))).flat();
    expect(ends.filter((end) => end === 'done')).toHaveLength(halfOpenCalls);
    expect(ends.filter((end) => end !== 'done')).toEqual(new Array(6 - halfOpenCalls).fill(REFUSED));
  });

  it('gives the place of a probe whose context died to another one', async () => {
    const { open, put, clock, row } = setUp({ consistency: 'strict' });
    await put(openRow(clock.now()));
    const lost = await open().crowd(1);
    const next = open();
    await clock.advance(119_000);
    expect(await next.fail()).toEqual(REFUSED);
    await clock.advance(1_000);
    expect(await next.succeed()).toBe('done');
    expect(await lost.end(DOWN)).toEqual([DOWN]);
    expect(await row()).toEqual({ ...freshBreaker, epoch: 9 });
  });

  it.each([
    ['open', (now: number) => openRow(now + YEAR_MS), 30_000],
    [
      'half open',
      (now: number): BreakerState => ({
        ...openRow(0),
        kind: 'half_open',
        probes: [{ id: 'lost', leaseUntil: now + YEAR_MS }],
      }),
      120_000,
    ],
  ] as const)('cannot keep it %s for a year, whatever a clock did', async (_, rowAt, longestMs) => {
    const { clock, open, put } = setUp({ consistency: 'strict' });
    await put(rowAt(clock.now()));
    expect(await open().fail()).toEqual(REFUSED);
    await clock.advance(longestMs - 1);
    expect(await open().fail()).toEqual(REFUSED);
    await clock.advance(1);
    expect(await open().succeed()).toBe('done');
  });

  it.each([-YEAR_MS, YEAR_MS])(
    'goes on when the clock steps by %i ms in the middle of everything',
    async (jumpMs) => {
      const { clock, open, row } = setUp({ consistency: 'strict' });
      const [one, other] = [open(), open()];
      await one.failTimes(5);
      clock.jumpWall(jumpMs);
      if (jumpMs < 0) expect(await other.fail()).toEqual(REFUSED);
      await clock.advance(30_000);
      expect(await other.succeed()).toBe('done');
      expect(await one.succeed()).toBe('done');
      expect(await row()).toMatchObject({ kind: 'closed', failures: 0 });
    },
  );

  it.each([
    ['garbage', encodeUtf8('{"version"')],
    ['no bytes', new Uint8Array()],
    ['an older version', { ...openRow(YEAR_MS), version: 0 }],
    ['a newer version', { ...openRow(YEAR_MS), version: 2 }],
    ['nonsense', { ...openRow(0), kind: 'ajar' }],
  ])('starts afresh from %s, and puts a row in its place', async (_, bytes) => {
    const { open, put, row } = setUp({ consistency: 'strict' });
    await put(bytes);
    const { succeed, fail } = open();
    expect(await succeed()).toBe('done');
    expect(await fail()).toBe(DOWN);
    expect(await row()).toEqual({ ...freshBreaker, failures: 1 });
  });

  it('that lost its row goes on from what a context knows, in later epochs', async () => {
    const { clock, open, store, row } = setUp({ consistency: 'strict' });
    const { failTimes, fail, crowd, succeed } = open();
    const old = await crowd(1);
    await failTimes(5);
    await clock.drive(store.open().delete(KEY));
    expect(await fail()).toEqual(REFUSED);
    await clock.advance(30_000);
    await clock.drive(store.open().delete(KEY));
    expect(await succeed()).toBe('done');
    await fail();
    expect(await old.end()).toEqual(['done']);
    expect(await row()).toEqual({ ...freshBreaker, epoch: 3, failures: 1 });
  });

  it('keeps a row for a day after the last write', async () => {
    const lifetimes: unknown[] = [];
    const { on, clock } = setUp({ consistency: 'strict' });
    const memory = memoryStorage(clock);
    const update = (
      key: string,
      change: Parameters<typeof memory.update>[1],
      options?: StorageSetOptions,
    ) => {
      lifetimes.push(options?.ttlMs);
      return memory.update(key, change, options);
    };
    await on({ ...memory, update }).fail();
    expect(lifetimes).toEqual([DAY_MS]);
    await clock.advance(DAY_MS - 1);
    expect(await memory.get(KEY)).toBeDefined();
    await clock.advance(1);
    expect(await memory.get(KEY)).toBeUndefined();
  });

  it('may ask for a change again after a conflict: no failure is lost or counted twice', async () => {
    const { on, clock } = setUp({ consistency: 'strict', options: { failureThreshold: 200 } });
    const memory = memoryStorage(clock);
    const random = seededRandom(3);
    let conflicts = 0;
    const storage: Storage = {
      ...memory,
      // Compare and swap, with conflicts: what is decided on a value that has changed is decided again.
      async update(key, change, options) {
        for (;;) {
          const before = await memory.get(key);
          const next = change(before)!;
          await sleep(clock, random() * 5);
          if (String(await memory.get(key)) === String(before)) {
            await memory.set(key, next, options);
            return memory.get(key);
          }
          conflicts += 1;
        }
      },
    };
    const contexts = [on(storage), on(storage)];
    const crowds = await Promise.all(contexts.map(({ crowd }) => crowd(50)));
    await Promise.all(crowds.map(({ end }) => end(DOWN)));
    expect(conflicts).toBeGreaterThan(100);
    expect(readRow(await memory.get(KEY))).toMatchObject({ kind: 'closed', failures: 100 });
  });
});

describe('V3.5: contexts on one strict store, at every order of their calls to it', () => {
  /** Contexts that call once each, at the same time, on a store that is open and due, or new. */
  const scenario = (
    options: CircuitBreakerOptions,
    contexts: number,
    outcome: BreakerOutcome,
    isDue: boolean,
  ) => {
    let shared: ReturnType<typeof setUp>;
    let isOver = false;
    let running = 0;
    const counts = { most: 0, executed: 0 };
    const make = async (pass: Pass) => {
      isOver = false;
      running = counts.most = counts.executed = 0;
      const gate: Pass = (label) => (isOver ? Promise.resolve() : pass(label));
      shared = setUp({ consistency: 'strict', options, pass: gate });
      const { clock, store, on } = shared;
      if (isDue) await store.open().set(KEY, saveBreaker(openRow(clock.now())));
      return Array.from({ length: contexts }, () => {
        const { circuit } = on(store.open());
        const controller = new AbortController();
        const work = async (): Promise<string> => {
          running += 1;
          counts.executed += 1;
          counts.most = Math.max(counts.most, running);
          await pass('work');
          running -= 1;
          if (outcome === 'cancel') controller.abort('enough');
          if (outcome === 'success') return 'done';
          throw DOWN;
        };
        return () => circuit.run(controller.signal, work).catch((error: unknown) => error);
      });
    };
    const end = async () => {
      isOver = true;
      const { kind, failures, probes } = readRow(await shared.store.open().get(KEY)) ?? {};
      return { ...counts, kind, failures, probes };
    };
    return { make, end };
  };
  /** All different ends there are. */
  const endsOf = async (
    run: typeof exploreInterleavings | typeof randomInterleavings,
    { make, end }: ReturnType<typeof scenario>,
  ) => {
    const ends = new Set<string>();
    const { schedules } = await run(make, async () => void ends.add(JSON.stringify(await end())));
    return { schedules, ends: [...ends].sort().map((one) => JSON.parse(one)) };
  };

  it('counts each of two failures', async () => {
    const opened = await endsOf(exploreInterleavings, scenario({ failureThreshold: 2 }, 2, 'failure', false));
    expect(opened.schedules).toBeGreaterThan(50);
    expect(opened.ends).toEqual([
      { most: 1, executed: 2, kind: 'open', failures: 2, probes: [] },
      { most: 2, executed: 2, kind: 'open', failures: 2, probes: [] },
    ]);
    const closed = await endsOf(exploreInterleavings, scenario({ failureThreshold: 3 }, 2, 'failure', false));
    for (const end of closed.ends) expect(end).toMatchObject({ kind: 'closed', failures: 2 });
  });

  it('lets one probe in at a time, and one only where it fails', async () => {
    const failed = await endsOf(exploreInterleavings, scenario({}, 2, 'failure', true));
    expect(failed.schedules).toBeGreaterThan(30);
    expect(failed.ends).toEqual([{ most: 1, executed: 1, kind: 'open', failures: 5, probes: [] }]);
    for (const [outcome, kind, failures] of [
      ['success', 'closed', 0],
      ['cancel', 'half_open', 5],
    ] as const) {
      const { schedules, ends } = await endsOf(exploreInterleavings, scenario({}, 2, outcome, true));
      expect(schedules).toBeGreaterThan(30);
      expect(ends).toEqual([
        { most: 1, executed: 1, kind, failures, probes: [] },
        { most: 1, executed: 2, kind, failures, probes: [] },
      ]);
    }
  });

  it.each([
    ['failure', 'open'],
    ['success', 'closed'],
    ['cancel', 'half_open'],
  ] as const)('lets two of three in where two may probe, whose end is a %s', async (outcome, kind) => {
    const { ends } = await endsOf(randomInterleavings, scenario({ halfOpenCalls: 2 }, 3, outcome, true));
    expect(new Set(ends.map(({ most }) => most))).toEqual(new Set([1, 2]));
    for (const end of ends) expect(end).toMatchObject({ kind, probes: [] });
  });
});

describe('V3.6: two contexts with 500 random results each', () => {
  /** Who called the store, and what for. */
  interface Caller {
    readonly id: string;
    readonly outcome: BreakerOutcome;
    isDone: boolean;
  }
  interface Step extends Caller {
    readonly operation: 'get' | 'update';
    readonly now: number;
    /** The state that was found, or written. */
    readonly state: BreakerState;
  }

  /** A store whose calls take different times, and which tells who made each, in the order they were carried out. */
  function recordingStore(clock: VirtualClock, caller: AsyncLocalStorage<Caller>, seed: number) {
    const memory = memoryStorage(clock);
    const random = seededRandom(seed);
    const steps: Step[] = [];
    const record = (operation: Step['operation'], bytes: Uint8Array | undefined): void => {
      const state = (readRow(bytes) ?? freshBreaker) as BreakerState;
      steps.push({ ...caller.getStore()!, operation, now: clock.now(), state });
    };
    const storage: Storage = {
      ...memory,
      async get(key) {
        await sleep(clock, 5 * random());
        const bytes = await memory.get(key);
        record('get', bytes);
        return bytes;
      },
      async update(key, change, options) {
        await sleep(clock, 5 * random());
        const bytes = await memory.update(key, change, options);
        record('update', bytes);
        return bytes;
      },
    };
    return { storage, steps };
  }

  async function play(options: CircuitBreakerOptions, outcomeOf: (chance: number) => BreakerOutcome) {
    const { clock, config, on } = setUp({ consistency: 'strict', options });
    const caller = new AsyncLocalStorage<Caller>();
    const { storage, steps } = recordingStore(clock, caller, 11);
    const random = seededRandom(12);
    let probes = 0;
    const results = [1, 2].flatMap((context) => {
      const circuit = createCircuit({
        name: 'one',
        storageKey: KEY,
        clock,
        config,
        emit: () => {},
        createId: () => caller.getStore()!.id,
        storage,
      });
      return Array.from({ length: 500 }, async (_, index) => {
        const outcome = outcomeOf(random());
        await sleep(clock, 10_000 * random());
        const own = { id: `${context}:${index}`, outcome, isDone: false };
        const controller = new AbortController();
        return caller.run(own, () =>
          circuit
            .run(controller.signal, async () => {
              await sleep(clock, 40 * random());
              own.isDone = true;
              if (outcome === 'failure') throw DOWN;
              if (outcome === 'cancel') controller.abort('enough');
              controller.signal.throwIfAborted();
            })
            .catch((error: unknown) => (error === DOWN ? 'failed' : error)),
        );
      });
    });
    on(storage);
    const ends = await clock.drive(Promise.all(results));
    for (const { state } of steps) probes = Math.max(probes, state.probes.length);
    return { config, steps, ends, probes };
  }

  it.each([
    [{ failureThreshold: 4, resetMs: 120, halfOpenCalls: 1, leaseMs: 400 }],
    [{ failureThreshold: 2, resetMs: 60, halfOpenCalls: 3, leaseMs: 25 }],
  ])('the row is the reducer’s own, told in the order of the store’s transactions: %j', async (options) => {
    const { config, steps, ends, probes } = await play(options, (chance) =>
      chance < 0.55 ? 'failure' : chance < 0.9 ? 'success' : 'cancel',
    );
    const permits = new Map<string, Permit>();
    const kinds = new Map<string, number>();
    let state: BreakerState = freshBreaker;
    let admitted = 0;
    for (const [index, { id, outcome, isDone, operation, now, state: stored }] of steps.entries()) {
      const permit = permits.get(id);
      if (!isDone && permit === undefined && (operation === 'update' || state.kind === 'closed')) {
        const admission = acquire(state, { id, now }, config);
        if (operation === 'update') state = admission.state;
        if ('permit' in admission) {
          permits.set(id, admission.permit);
          admitted += 1;
        }
      } else if (isDone && operation === 'update') {
        state = settle(state, permit!, { outcome, now }, config);
      } else if (isDone) {
        // Only looked at: an update follows, unless there is nothing to change at this very moment.
        const isLast = !steps.slice(index + 1).some((step) => step.id === id);
        if (isLast) expect(settle(state, permit!, { outcome, now }, config)).toBe(state);
      }
      expect(stored).toEqual(state);
      if (operation === 'update') kinds.set(state.kind, (kinds.get(state.kind) ?? 0) + 1);
    }
    expect(ends.filter((end) => end === undefined || end === 'failed' || end === 'enough')).toHaveLength(
      admitted,
    );
    expect(probes).toBe(options.halfOpenCalls);
    for (const kind of ['closed', 'open', 'half_open']) expect(kinds.get(kind)).toBeGreaterThan(20);
  });

  it('loses no failure of a thousand, and counts none twice', async () => {
    const { steps } = await play({ failureThreshold: 100_000 }, () => 'failure');
    expect(steps.at(-1)?.state).toEqual({ ...freshBreaker, failures: 1_000 });
  });
});

describe('an abort while a slow store is asked', () => {
  it.each([10, 490, 510, 990])(
    'after %i ms ends the call at once, and its place is free when the store has answered',
    async (ms) => {
      const { clock, open, put, row } = setUp({ consistency: 'strict', latencyMs: 500 });
      await put(openRow(clock.now()));
      const { circuit, succeed } = open();
      const controller = new AbortController();
      const listeners = countListeners(controller.signal);
      let isCalled = false;
      const end = rejection(
        circuit.run(controller.signal, async () => {
          isCalled = true;
        }),
      );
      await clock.advance(ms);
      controller.abort('enough');
      expect(await end).toBe('enough');
      expect([isCalled, listeners.left]).toEqual([false, 0]);
      await clock.advance(5_000);
      expect(await row()).toMatchObject({ kind: 'half_open', probes: [] });
      expect(await succeed()).toBe('done');
    },
  );

  it('leaves nothing to do where the circuit refuses it', async () => {
    const { clock, open, put, row } = setUp({ consistency: 'strict', latencyMs: 500 });
    const state = openRow(clock.now() + 30_000);
    await put(state);
    const controller = new AbortController();
    const end = rejection(open().circuit.run(controller.signal, async () => 'never'));
    await clock.advance(600);
    controller.abort('enough');
    expect(await end).toBe('enough');
    await clock.advance(5_000);
    expect(await row()).toEqual(state);
  });
});

const FAULTS: readonly StorageFault[] = ['throw', 'reject', 'hang', 'absent'];

describe.each(FAULTS)('a store that does not answer (%s)', (fault) => {
  it.each([
    ['strict', 'get'],
    ['strict', 'update'],
    ['strict', undefined],
    ['hint', 'get'],
    ['hint', 'set'],
    ['hint', undefined],
  ] as const)('leaves a %s circuit to itself: %s', async (consistency, operation) => {
    const { clock, store, open } = setUp({ consistency, options: { failureThreshold: 20 } });
    store.fail(operation, fault);
    const { circuit, crowd, fail, succeed, failTimes } = open();
    const failing = await crowd(20);
    await clock.advance(3_000);
    expect(await failing.end(DOWN)).toEqual(new Array(20).fill(DOWN));
    expect(circuit.snapshot()).toMatchObject({ kind: 'open', failures: 20 });
    expect(await fail()).toEqual(REFUSED);
    await clock.advance(30_000);
    const probing = await crowd(10);
    await clock.advance(3_000);
    expect((await probing.end()).filter((end) => end === 'done')).toHaveLength(1);
    expect(circuit.snapshot()).toEqual({ kind: 'closed', failures: 0, retryAfterMs: 0 });
    expect(await succeed()).toBe('done');
    await failTimes(19);
    expect(circuit.snapshot().kind).toBe('closed');
    await failTimes(1);
    expect(circuit.snapshot().kind).toBe('open');
  });

  it('in the middle of a probe keeps nobody from going on, then or when it is well again', async () => {
    const { clock, store, open, put, row } = setUp({ consistency: 'strict' });
    await put(openRow(clock.now()));
    const [one, other] = [open(), open()];
    const probe = await one.crowd(1);
    store.fail(undefined, fault);
    expect(await probe.end()).toEqual(['done']);
    expect(one.circuit.snapshot().kind).toBe('closed');
    store.heal();
    await clock.advance(30_000);
    // The row still tells of a probe under way: this context knows better, and says so with its next word.
    expect(await row()).toMatchObject({ kind: 'half_open', epoch: 8 });
    expect(await one.succeed()).toBe('done');
    expect(await one.fail()).toBe(DOWN);
    expect(await row()).toEqual({ ...freshBreaker, epoch: 9, failures: 1 });
    expect(await other.succeed()).toBe('done');
  });
});

describe('a strict store that answers too late', () => {
  it('changes nothing any more: it was decided without it', async () => {
    const { clock, on } = setUp({ consistency: 'strict' });
    let late: ((bytes: Uint8Array<ArrayBuffer> | undefined) => Uint8Array | undefined) | undefined;
    const hanging: Storage = {
      ...memoryStorage(clock),
      update(_key, change) {
        late = change;
        return new Promise(() => {});
      },
    };
    const { fail, circuit } = on(guarded(hanging, { clock, emit: () => {} }));
    expect(await fail()).toBe(DOWN);
    expect(circuit.snapshot().failures).toBe(1);
    const bytes = saveBreaker(openRow(clock.now()));
    expect(late?.(bytes)).toBe(bytes);
    expect(late?.(undefined)).toBeUndefined();
    expect(circuit.snapshot().failures).toBe(1);
  });

  it('but did its work counts a failure once, here and there', async () => {
    const { clock, on } = setUp({ consistency: 'strict' });
    const memory = memoryStorage(clock);
    const silent: Storage = {
      ...memory,
      async update(key, change, options) {
        await memory.update(key, change, options);
        return new Promise(() => {});
      },
    };
    const { fail, circuit } = on(guarded(silent, { clock, emit: () => {} }));
    await fail();
    expect(circuit.snapshot().failures).toBe(1);
    expect(readRow(await memory.get(KEY))).toMatchObject({ kind: 'closed', failures: 1 });
  });
});

describe('a store of a class of its own', () => {
  it('is called as what it is', async () => {
    const { clock, on } = setUp({ consistency: 'strict' });
    class Counting implements Storage {
      readonly memory = memoryStorage(clock);
      get = this.memory.get;
      set = this.memory.set;
      delete = this.memory.delete;
      updates = 0;
      update(...parameters: Parameters<NonNullable<Storage['update']>>) {
        this.updates += 1;
        return this.memory.update(...parameters);
      }
    }
    const counting = new Counting();
    expect(await on(counting).fail()).toBe(DOWN);
    expect(counting.updates).toBe(1);
  });
});

describe('a strict store that reads and cannot write', () => {
  it('loses no failure of those that overlap', async () => {
    const { clock, on } = setUp({ consistency: 'strict', options: { failureThreshold: 20 } });
    const memory = memoryStorage(clock);
    await memory.set(KEY, saveBreaker(freshBreaker));
    const full: Storage = {
      ...memory,
      async update(key, change) {
        change(await memory.get(key));
        await sleep(clock, 10);
        throw new Error('full');
      },
    };
    const { crowd, circuit } = on(guarded(full, { clock, emit: () => {} }));
    const failing = await crowd(20);
    expect(await failing.end(DOWN)).toEqual(new Array(20).fill(DOWN));
    expect(circuit.snapshot()).toMatchObject({ kind: 'open', failures: 20 });
  });
});

describe('a context that decided without its store', () => {
  it('counts with the others again when it has heard of a later epoch', async () => {
    const { clock, store, open, row } = setUp({ consistency: 'strict' });
    const [one, other] = [open(), open()];
    await other.fail();
    store.fail('update', 'reject');
    await one.fail();
    store.heal();
    await clock.advance(30_000);
    await other.failTimes(4);
    await clock.advance(30_000);
    expect(await other.succeed()).toBe('done');
    expect(await one.succeed()).toBe('done');
    await other.failTimes(4);
    expect(await row()).toMatchObject({ kind: 'closed', epoch: 3, failures: 4 });
    await one.fail();
    expect(await row()).toMatchObject({ kind: 'open', epoch: 4 });
    expect(await other.fail()).toEqual(REFUSED);
  });

  it('is ahead no more once the store has all it knows', async () => {
    const { clock, on, row, store } = setUp({ consistency: 'strict' });
    const shared = store.open();
    let updates = 0;
    const { crowd, fail } = on({
      ...shared,
      async update(...parameters) {
        updates += 1;
        const isMissed = updates === 1;
        // The second is asked before the first is missed, and carried out after it.
        await sleep(clock, 10 * updates);
        return isMissed ? undefined : shared.update?.(...parameters);
      },
    });
    const failing = await crowd(2);
    expect(await failing.end(DOWN)).toEqual([DOWN, DOWN]);
    expect(await row()).toMatchObject({ failures: 2 });
    await on(shared).fail();
    await fail();
    expect(await row()).toMatchObject({ failures: 4 });
  });

  /** A store whose first update fails while the second, already carried out, is not answered yet. */
  const halfWell = (clock: VirtualClock): Storage => {
    const memory = memoryStorage(clock);
    let updates = 0;
    return {
      ...memory,
      async update(key, change, options) {
        updates += 1;
        if (updates === 1) {
          await sleep(clock, 10);
          throw new Error('full');
        }
        const written = await memory.update(key, change, options);
        await sleep(clock, 20);
        return written;
      },
    };
  };

  it.each([1, 2, 3])(
    'counts all of three failures in any order, whichever of them (%i) the store misses',
    async (bad) => {
      let circuit: Circuit;
      const make = async (pass: Pass) => {
        const { clock, on } = setUp({ consistency: 'strict', options: { failureThreshold: 9 } });
        const memory = memoryStorage(clock);
        await memory.set(KEY, saveBreaker(freshBreaker));
        let updates = 0;
        let answered: Promise<unknown> = Promise.resolve();
        const flaky: Storage = {
          ...memory,
          async get(key) {
            const found = await memory.get(key);
            await answered;
            return found;
          },
          async update(key, change, options) {
            updates += 1;
            if (updates === bad) {
              await pass('miss');
              return undefined;
            }
            const written = await memory.update(key, change, options);
            // Stores answer in their order.
            answered = Promise.all([answered, pass('answer')]);
            await answered;
            return written;
          },
        };
        ({ circuit } = on(flaky));
        const fail = async (): Promise<unknown> => {
          await pass('fail');
          return circuit.run(CALM, () => Promise.reject(DOWN)).catch((error: unknown) => error);
        };
        return [fail, fail, fail];
      };
      const { schedules } = await exploreInterleavings(make, () => {
        expect(circuit.snapshot().failures).toBe(3);
      });
      expect(schedules).toBeGreaterThan(30);
    },
  );

  it.each([2, 3])(
    'forgets nothing of it for the answer to an earlier question (threshold %i)',
    async (failureThreshold) => {
      const { clock, on } = setUp({ consistency: 'strict', options: { failureThreshold } });
      const { crowd, circuit, failTimes } = on(guarded(halfWell(clock), { clock, emit: () => {} }));
      const failing = await crowd(2);
      expect(await failing.end(DOWN)).toEqual([DOWN, DOWN]);
      expect(circuit.snapshot().failures).toBe(2);
      // Nor later, when the store is well, and remembers one.
      await clock.advance(30_000);
      await failTimes(failureThreshold - 2);
      expect(circuit.snapshot()).toMatchObject({ kind: 'open', failures: failureThreshold });
    },
  );
});

describe('a store without update', () => {
  it('tells other contexts until when it is open, and they look once a second', async () => {
    const { clock, open, hint, calls } = setUp({ consistency: 'hint' });
    const [one, other] = [open(), open()];
    await other.succeed();
    await one.failTimes(5);
    expect(await hint()).toBe(clock.now() + 30_000);
    const before = calls().length;
    await clock.advance(999);
    expect(await other.succeed()).toBe('done');
    expect(calls()).toHaveLength(before);
    await clock.advance(1);
    expect(await other.fail()).toMatchObject({ code: 'circuit_open', retryAfterMs: 29_000 });
    expect(calls().slice(before)).toEqual(['get']);
    expect(other.events).toEqual([
      { type: 'circuit', circuit: 'https://host sample', from: 'closed', to: 'open', failures: 0 },
    ]);
    await clock.advance(28_999);
    expect(await other.fail()).toMatchObject({ retryAfterMs: 1 });
    expect(calls()).toHaveLength(before + 1);
    await clock.advance(1);
    expect(await other.succeed()).toBe('done');
    expect(other.circuit.snapshot().kind).toBe('closed');
  });

  it('counts failures in each context by itself', async () => {
    const { open, hint, calls } = setUp({ consistency: 'hint' });
    const [one, other] = [open(), open()];
    await one.failTimes(4);
    await other.failTimes(4);
    expect([one, other].map(({ circuit }) => circuit.snapshot().failures)).toEqual([4, 4]);
    expect(await hint()).toBeUndefined();
    expect(calls()).toEqual(['get', 'get']);
  });

  it('is looked at once by all who call together, and none of them gets past it', async () => {
    const { clock, open, put, calls } = setUp({ consistency: 'hint', latencyMs: 20 });
    await put({ version: 1, openUntil: clock.now() + 10_000 });
    const { running, end } = await open().crowd(10);
    expect(running).toBe(0);
    expect(await end()).toEqual(new Array(10).fill(REFUSED));
    expect(calls()).toEqual(['get']);
  });

  it.each([1, 2])('never has more probes than contexts times %i', async (halfOpenCalls) => {
    const options = { halfOpenCalls };
    const { clock, open, put } = setUp({ consistency: 'hint', options, latencyMs: 3 });
    await put({ version: 1, openUntil: clock.now() + 10_000 });
    const contexts = [open(), open(), open()];
    for (const { fail } of contexts) expect(await fail()).toEqual(REFUSED);
    await clock.advance(10_000);
    const crowds = await Promise.all(contexts.map(({ crowd }) => crowd(10)));
    expect(crowds.map(({ running }) => running)).toEqual(new Array(3).fill(halfOpenCalls));
    await Promise.all(crowds.map(({ end }) => end()));
  });

  it('has the hint of a wrong clock put right by whoever opens next', async () => {
    const { clock, open, put, hint } = setUp({ consistency: 'hint' });
    await put({ version: 1, openUntil: clock.now() + YEAR_MS });
    const { fail } = open();
    expect(await fail()).toEqual(REFUSED);
    await clock.advance(30_000);
    expect(await fail()).toBe(DOWN);
    expect(await hint()).toBe(clock.now() + 30_000);
  });

  it('keeps the later of two openings where another context told of the later one', async () => {
    const { clock, store, open, hint } = setUp({ consistency: 'hint', latencyMs: 100 });
    const { failTimes, circuit } = open();
    await failTimes(4);
    const openUntil = clock.now() + 30_050;
    const told = store.open().set(KEY, encodeUtf8(JSON.stringify({ version: 1, openUntil })));
    const failed = rejection(circuit.run(CALM, () => Promise.reject(DOWN)));
    await clock.drive(Promise.all([told, failed]));
    expect(circuit.snapshot().kind).toBe('open');
    expect(await hint()).toBe(openUntil);
  });

  it('loses no opening where two follow each other and the store is slow to answer the first', async () => {
    const { clock, on } = setUp({ consistency: 'hint', options: { failureThreshold: 1, resetMs: 100 } });
    const { get, set, delete: remove } = memoryStorage(clock);
    const latencies = [0, 500, 10];
    const slow: Storage = {
      set,
      delete: remove,
      async get(key) {
        const bytes = await get(key);
        await sleep(clock, latencies.shift() ?? 0);
        return bytes;
      },
    };
    const { circuit } = on(slow);
    const call = () => rejection(circuit.run(CALM, () => Promise.reject(DOWN)));
    const opened = clock.now();
    const first = call();
    await clock.advance(450);
    const second = call();
    expect(await clock.drive(Promise.all([first, second]))).toEqual([DOWN, DOWN]);
    expect(readRow(await get(KEY))?.['openUntil']).toBe(opened + 550);
  });

  it('is told once of an opening, however many fail with it, and nothing of a closing', async () => {
    const { clock, open, calls } = setUp({ consistency: 'hint' });
    const { crowd, succeed, circuit } = open();
    const failing = await crowd(9);
    await failing.end(DOWN);
    expect(calls()).toEqual(['get', 'get', 'set']);
    await clock.advance(30_000);
    await succeed();
    expect(circuit.snapshot().kind).toBe('closed');
    expect(calls()).toEqual(['get', 'get', 'set']);
  });

  it.each([
    ['of a wrong clock', YEAR_MS],
    ['as it should be', 20_000],
  ])('obeys a hint %s once, and not for ever', async (_, aheadMs) => {
    const { clock, open, put } = setUp({ consistency: 'hint' });
    await put({ version: 1, openUntil: clock.now() + aheadMs });
    const { fail, succeed, circuit } = open();
    const heldMs = Math.min(aheadMs, 30_000);
    expect(await fail()).toMatchObject({ code: 'circuit_open', retryAfterMs: heldMs });
    await clock.advance(heldMs);
    for (let second = 0; second < 5; second++) {
      expect(await succeed()).toBe('done');
      await clock.advance(1_000);
    }
    // One that is new is obeyed again.
    await put({ version: 1, openUntil: clock.now() + 5_000 });
    expect(await fail()).toEqual(REFUSED);
    expect(circuit.snapshot().retryAfterMs).toBe(5_000);
  });

  it('does not obey its own hint, where the clock stepped back after it', async () => {
    const { clock, open } = setUp({ consistency: 'hint' });
    const { failTimes, fail, succeed } = open();
    await failTimes(5);
    clock.jumpWall(-YEAR_MS);
    expect(await fail()).toMatchObject({ retryAfterMs: 30_000 });
    await clock.advance(30_000);
    for (let second = 0; second < 5; second++) {
      expect(await succeed()).toBe('done');
      await clock.advance(1_000);
    }
  });

  it('does not move what has opened by itself during a look', async () => {
    const { clock, open, put } = setUp({ consistency: 'hint', latencyMs: 40 });
    const { crowd, circuit } = open();
    const failing = await crowd(5);
    await put({ version: 1, openUntil: clock.now() + 3_000 });
    await clock.advance(1_000);
    const looking = rejection(circuit.run(CALM, async () => 'never'));
    await clock.advance(0);
    await failing.end(DOWN);
    expect(await looking).toEqual(REFUSED);
    expect(circuit.snapshot().retryAfterMs).toBeGreaterThan(29_000);
  });

  it.each([
    ['garbage', encodeUtf8('{')],
    ['no time', { version: 1 }],
    ['a time that is none', { version: 1, openUntil: 'soon' }],
    ['no end', encodeUtf8('{"version":1,"openUntil":1e999}')],
    ['another version', { version: 2, openUntil: 1.9e12 }],
    ['null', encodeUtf8('null')],
    ['a time that has passed', { version: 1, openUntil: 1.6e12 }],
    ['this very moment', { version: 1, openUntil: 1_700_000_000_000 }],
  ])('takes %s for no hint', async (_, row) => {
    const { clock, open, put, hint } = setUp({ consistency: 'hint' });
    await put(row);
    const { succeed, failTimes, events } = open();
    expect(await succeed()).toBe('done');
    expect(events).toEqual([]);
    await failTimes(5);
    expect(await hint()).toBe(clock.now() + 30_000);
  });

  it('keeps a hint for a day', async () => {
    const lifetimes: unknown[] = [];
    const { clock, on } = setUp({ consistency: 'hint' });
    const { get, set, delete: remove } = memoryStorage(clock);
    const watched: Storage = {
      get,
      delete: remove,
      set(key, value, options) {
        lifetimes.push(options?.ttlMs);
        return set(key, value, options);
      },
    };
    await on(watched).failTimes(5);
    expect(lifetimes).toEqual([DAY_MS]);
  });
});
