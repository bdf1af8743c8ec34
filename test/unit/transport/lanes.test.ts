import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { sleep } from '../../../src/kernel/abort.ts';
import { LANES, type Lane } from '../../../src/kernel/lane.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { connectionBudget } from '../../../src/transport/connection-budget.ts';
import { createLanes } from '../../../src/transport/lanes.ts';
import { rejection } from '../../support/settled.ts';
import { forbidTimers, microtasks } from '../../support/timers.ts';

const { signal: CALM } = new AbortController();
const PATIENT = LANES.filter((lane) => lane !== 'session');

/** A signal of its own, as each request has one. */
const freshSignal = (): AbortSignal => new AbortController().signal;

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Lanes whose requests end when told to, and are written down by name as they start. */
function recorded(budget = connectionBudget(6)) {
  const lanes = createLanes(budget);
  const started: string[] = [];
  const ends = new Map<string, (error?: unknown) => void>();
  const run = (lane: Lane, name: string, signal = freshSignal()): Promise<string> =>
    lanes.run(
      lane,
      signal,
      () =>
        new Promise<string>((resolve, reject) => {
          started.push(name);
          ends.set(name, (error) => (error === undefined ? resolve(name) : reject(error)));
        }),
    );
  const outcomes: Promise<unknown>[] = [];
  return {
    lanes,
    started,
    run,
    /** Start, or queue, so many. */
    many(lane: Lane, count: number, from = 0) {
      for (let i = from; i < from + count; i++) outcomes.push(run(lane, `${lane} ${i}`));
    },
    async end(name: string, error?: unknown) {
      ends.get(name)?.(error);
      ends.delete(name);
      await microtasks();
    },
    /** End whatever runs until nothing does, and see that nothing is left. */
    async finish() {
      for (await microtasks(); ends.size > 0; await microtasks()) {
        for (const [name, end] of ends) {
          ends.delete(name);
          end();
        }
      }
      await Promise.allSettled(outcomes);
      for (const gauge of Object.values(lanes.snapshot())) expect(gauge).toEqual({ inFlight: 0, waiting: 0 });
    },
  };
}

describe('createLanes', () => {
  it('gives what the work gives, and takes the connection back however it ends', async () => {
    const lanes = createLanes({ total: 3, polls: 1 });
    const error = new Error('no');
    const broken = () => {
      throw error;
    };
    for (const lane of LANES) {
      // More often than there are connections.
      for (let i = 0; i < 4; i++) {
        expect(await lanes.run(lane, CALM, async () => 5)).toBe(5);
        expect(await rejection(lanes.run(lane, CALM, () => Promise.reject(error)))).toBe(error);
        expect(await rejection(lanes.run(lane, CALM, broken))).toBe(error);
      }
      expect(lanes.snapshot()[lane]).toEqual({ inFlight: 0, waiting: 0 });
    }
  });

  it('gives the connection of one that fails to one that waits', async () => {
    const { run, started, end, finish } = recorded({ total: 2, polls: 1 });
    const failed = rejection(run('train', 'fails'));
    const next = run('train', 'next');
    await microtasks();
    expect(started).toEqual(['fails']);
    await end('fails', 'no');
    expect(await failed).toBe('no');
    expect(started).toEqual(['fails', 'next']);
    await end('next');
    expect(await next).toBe('next');
    await finish();
  });

  it('counts what is under way and what waits, at once', async () => {
    const { lanes, many, finish } = recorded();
    expect(Object.keys(lanes.snapshot())).toEqual([...LANES]);
    many('poll', 7);
    many('train', 3);
    many('session', 2);
    expect(lanes.snapshot()).toEqual({
      session: { inFlight: 2, waiting: 0 },
      train: { inFlight: 1, waiting: 2 },
      sample: { inFlight: 0, waiting: 0 },
      poll: { inFlight: 4, waiting: 3 },
      rest: { inFlight: 0, waiting: 0 },
    });
    await finish();
  });

  it('keeps one connection for the session, and makes it wait for nobody', async () => {
    const { started, many, finish } = recorded();
    for (const lane of PATIENT) many(lane, 20);
    many('session', 10);
    await microtasks();
    expect(started.filter((name) => name.startsWith('session'))).toHaveLength(10);
    expect(started.filter((name) => !name.startsWith('session'))).toHaveLength(5);
    await finish();
  });

  it.each(PATIENT.filter((lane) => lane !== 'poll'))('lets %s have all but one', async (lane) => {
    const { started, many, finish } = recorded();
    many(lane, 9);
    await microtasks();
    expect(started).toEqual([0, 1, 2, 3, 4].map((i) => `${lane} ${i}`));
    await finish();
  });

  it('is not narrower for heartbeats under way', async () => {
    const { started, many, finish } = recorded();
    many('session', 4);
    many('train', 5);
    await microtasks();
    expect(started).toHaveLength(9);
    await finish();
  });

  it('lets polls have their number, and never the last connection but the session’s', async () => {
    const { lanes, started, run, many, end, finish } = recorded();
    const submits = [run('train', 'one'), run('sample', 'two')];
    many('poll', 5);
    await microtasks();
    // Five are for others than the session: two submits, two polls, and one that a poll may not have.
    expect(lanes.snapshot().poll).toEqual({ inFlight: 2, waiting: 3 });
    many('rest', 1);
    await microtasks();
    expect(started.at(-1)).toBe('rest 0');
    await end('one');
    expect(lanes.snapshot().poll.inFlight).toBe(2);
    await end('two');
    expect(lanes.snapshot().poll.inFlight).toBe(3);
    await end('rest 0');
    expect(lanes.snapshot().poll).toEqual({ inFlight: 4, waiting: 1 });
    await finish();
    await Promise.all(submits);
  });

  it('lets polls run one at a time with three connections', async () => {
    const { started, many, end, finish } = recorded(connectionBudget(3));
    many('poll', 2);
    many('train', 1);
    await microtasks();
    expect(started).toEqual(['poll 0', 'train 0']);
    await end('poll 0');
    expect(started).toHaveLength(2);
    await end('train 0');
    expect(started).toEqual(['poll 0', 'train 0', 'poll 1']);
    await finish();
  });

  it('lets what waits in the other lanes go before polls', async () => {
    const { started, many, end, finish } = recorded();
    many('poll', 10);
    many('rest', 1);
    many('sample', 2);
    await microtasks();
    expect(started.slice(4)).toEqual(['rest 0']);
    await end('poll 0');
    await end('poll 1');
    expect(started.slice(5)).toEqual(['sample 0', 'sample 1']);
    await finish();
  });

  it('lets lanes take turns, so that four hundred samples do not delay a train request', async () => {
    const { started, run, many, end, finish } = recorded();
    many('sample', 400);
    await microtasks();
    const train = [run('train', 'train 0'), run('train', 'train 1')];
    many('rest', 2);
    for (let i = 0; i < 8; i++) await end(started[i] ?? '');
    expect(started.slice(5)).toEqual([
      'train 0',
      'sample 5',
      'rest 0',
      'train 1',
      'sample 6',
      'rest 1',
      'sample 7',
      'sample 8',
    ]);
    await finish();
    await Promise.all(train);
  });

  it.each([2, 3, 4])(
    'starts in the order asked for, though of %i connections some become free while others ask',
    async (total) => {
      const { lanes, started, run, finish } = recorded({ total, polls: 1 });
      let free = () => {};
      const held = new Promise<void>((resolve) => {
        free = resolve;
      });
      const outcomes: Promise<unknown>[] = [];
      for (let i = 1; i < total; i++) outcomes.push(lanes.run('sample', CALM, () => held));
      await microtasks();
      outcomes.push(run('sample', 'waits'));
      free();
      // Whatever the microtask in which it asks: before the connections are free, as one goes over, or after.
      for (let i = 0; i < 10; i++) {
        await undefined;
        outcomes.push(run('sample', `asks ${i}`));
      }
      await finish();
      await Promise.all(outcomes);
      expect(started).toEqual(['waits', ...Array.from({ length: 10 }, (_, i) => `asks ${i}`)]);
    },
  );

  it('starts one that need not wait before one that asks after it and does', async () => {
    const { lanes, started, run, finish } = recorded({ total: 3, polls: 1 });
    let free = () => {};
    const held = new Promise<void>((resolve) => {
      free = resolve;
    });
    const first = lanes.run('train', CALM, () => held);
    await microtasks();
    free();
    const outcomes = [run('train', 'finds room'), run('train', 'waits')];
    expect(lanes.snapshot().train).toEqual({ inFlight: 2, waiting: 1 });
    await microtasks();
    expect(started).toEqual(['finds room', 'waits']);
    await finish();
    await Promise.all([first, ...outcomes]);
  });

  it('lets a waiter leave at once when it aborts: it never starts, and the next is the next', async () => {
    const { lanes, started, run, end, finish } = recorded({ total: 2, polls: 1 });
    const first = run('train', 'first');
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const reason = { why: 'enough' };
    const aborted = rejection(run('train', 'aborted', controller.signal));
    const next = run('train', 'next');
    controller.abort(reason);
    expect(lanes.snapshot().train).toEqual({ inFlight: 1, waiting: 1 });
    expect(await aborted).toBe(reason);
    await end('first');
    expect(started).toEqual(['first', 'next']);
    await finish();
    await Promise.all([first, next]);
    expect([listeners.added, listeners.left]).toEqual([1, 0]);
  });

  it('passes the connection on where one aborts between its turn and its start', async () => {
    for (const lane of LANES) {
      const { lanes, started, run, finish } = recorded({ total: 3, polls: 1 });
      const controller = new AbortController();
      // It need not wait, and the abort comes before the microtask in which it starts.
      const aborted = rejection(run(lane, 'aborted', controller.signal));
      controller.abort('enough');
      expect(await aborted).toBe('enough');
      expect(lanes.snapshot()[lane]).toEqual({ inFlight: 0, waiting: 0 });
      const next = run(lane, 'next');
      await microtasks();
      expect(started).toEqual(['next']);
      await finish();
      await next;
    }
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'never starts work after an abort, were it %i microtasks after a connection became free',
    async (delay) => {
      const lanes = createLanes({ total: 2, polls: 1 });
      let free = () => {};
      const held = new Promise<void>((resolve) => {
        free = resolve;
      });
      const first = lanes.run('sample', CALM, () => held);
      const controller = new AbortController();
      let isStartedLate = false;
      const work = lanes.run('sample', controller.signal, async () => {
        isStartedLate = controller.signal.aborted;
        return 'done';
      });
      const next = lanes.run('sample', CALM, async () => 'next');
      const outcome = work.catch(String);
      await microtasks();
      free();
      for (let i = 0; i < delay; i++) await undefined;
      controller.abort('aborted');
      expect(delay === 0 ? ['aborted'] : ['aborted', 'done']).toContain(await outcome);
      expect(isStartedLate).toBe(false);
      expect(await next).toBe('next');
      await first;
      expect(lanes.snapshot().sample).toEqual({ inFlight: 0, waiting: 0 });
    },
  );

  it('refuses an aborted signal, in every lane', async () => {
    const { lanes, started, run } = recorded();
    for (const lane of LANES) {
      const signal = AbortSignal.abort('enough');
      const listeners = countListeners(signal);
      const refused = rejection(run(lane, lane, signal));
      // Not even for a microtask.
      expect(lanes.snapshot()[lane]).toEqual({ inFlight: 0, waiting: 0 });
      expect(await refused).toBe('enough');
      expect(listeners.added).toBe(0);
    }
    expect(started).toEqual([]);
  });

  it('waits for work whose signal aborts, and keeps its connection until then', async () => {
    const { lanes, run, end } = recorded();
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const work = run('train', 'work', controller.signal);
    await microtasks();
    controller.abort('enough');
    await microtasks();
    expect(lanes.snapshot().train.inFlight).toBe(1);
    await end('work');
    expect(await work).toBe('work');
    expect(lanes.snapshot().train.inFlight).toBe(0);
    expect(listeners.left).toBe(0);
  });
});

describe('lanes under load', () => {
  it.each([100, 200])(
    'M2: with %i polls on six connections, a heartbeat and a sample leave at once',
    async (polls) => {
      const clock = createVirtualClock();
      const lanes = createLanes(connectionBudget(6));
      const startedAt = new Map<string, number>();
      const request = (lane: Lane, name: string, latencyMs: number): Promise<void> =>
        lanes.run(lane, freshSignal(), () => {
          startedAt.set(name, clock.monotonic());
          return sleep(clock, latencyMs);
        });
      const work = Array.from({ length: polls }, (_, i) => request('poll', `poll ${i}`, 45_000));
      await clock.advance(1_000);
      expect(lanes.snapshot().poll).toEqual({ inFlight: 4, waiting: polls - 4 });
      work.push(request('session', 'heartbeat', 20), request('sample', 'sample', 20));
      work.push(request('sample', 'second', 20), request('train', 'train', 20));
      await clock.advance(100);
      // The second sample and the train request have to wait for a connection, and leave as soon as there is one.
      expect(['heartbeat', 'sample', 'train', 'second'].map((name) => startedAt.get(name))).toEqual([
        1_000, 1_000, 1_020, 1_040,
      ]);
      await clock.drive(Promise.all(work));
      expect(clock.monotonic()).toBe((polls / 4) * 45_000);
      expect(clock.pending).toBe(0);
    },
  );

  it('keeps as many in flight as it may: throughput is capacity by latency', async () => {
    const clock = createVirtualClock({ graceTurns: 1 });
    const random = seededRandom(3);
    const lanes = createLanes(connectionBudget(11));
    let latencyMs = 0;
    const work = Array.from({ length: 4_000 }, (_, i) => {
      const ms = 20 + Math.floor(random() * 60);
      latencyMs += ms / 4_000;
      return lanes.run(PATIENT[i % 2] ?? 'rest', freshSignal(), () => sleep(clock, ms));
    });
    await clock.drive(Promise.all(work));
    const ratio = 4_000 / clock.monotonic() / (10 / latencyMs);
    expect(ratio).toBeGreaterThan(0.98);
    expect(ratio).toBeLessThanOrEqual(1);
    expect(clock.pending).toBe(0);
  });

  it('makes ten thousand wait for ten connections without a timer, half of them abort, and the rest go in order', async () => {
    forbidTimers();
    const random = seededRandom(13);
    const lanes = createLanes(connectionBudget(11));
    const order: number[] = [];
    let running = 0;
    let most = 0;
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const waiters = Array.from({ length: 10_000 }, (_, id) => {
      const controller = new AbortController();
      const listeners = countListeners(controller.signal);
      const work = lanes.run('sample', controller.signal, async () => {
        order.push(id);
        running += 1;
        most = Math.max(most, running);
        await gate;
        running -= 1;
        return 'done';
      });
      return { id, controller, listeners, outcome: work.catch(String) };
    });
    const aborted = new Set<number>();
    while (aborted.size < 5_000) aborted.add(10 + Math.floor(random() * 9_990));
    for (const id of aborted) waiters[id]?.controller.abort('aborted');
    expect(lanes.snapshot().sample).toEqual({ inFlight: 10, waiting: 4_990 });
    await microtasks();
    expect(order).toHaveLength(10);
    open();
    const outcomes = await Promise.all(waiters.map(({ outcome }) => outcome));
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(5_000);
    expect(order).toEqual(waiters.map(({ id }) => id).filter((id) => !aborted.has(id)));
    expect(most).toBe(10);
    expect(lanes.snapshot().sample).toEqual({ inFlight: 0, waiting: 0 });
    expect(waiters.filter(({ listeners }) => listeners.left > 0)).toEqual([]);
  });
});

interface Waiting {
  readonly id: number;
  readonly lane: Lane;
}

/** The rules, told one request at a time: who starts, given all that has been asked, has ended and has left. */
function createModel(total: number, polls: number) {
  let waiting: Waiting[] = [];
  const running = new Map<number, Lane>();
  const started: number[] = [];
  /** When each lane last had one that waited go: the longest ago comes first. */
  const served: Record<string, number> = { train: -3, sample: -2, rest: -1, poll: Number.POSITIVE_INFINITY };
  let moment = 0;
  const count = (is: (lane: Lane) => boolean) => [...running.values()].filter(is).length;
  const mayStart = (lane: Lane): boolean => {
    const others = count((other) => other !== 'session');
    if (lane === 'session') return true;
    if (lane !== 'poll') return others + 1 <= total - 1;
    return others + 1 <= total - 2 && count((other) => other === 'poll') + 1 <= polls;
  };
  const start = ({ id, lane }: Waiting): void => {
    running.set(id, lane);
    started.push(id);
  };
  const settle = (): void => {
    for (;;) {
      const ready = waiting.filter(({ lane }) => mayStart(lane));
      const next = ready.sort((a, b) => served[a.lane]! - served[b.lane]! || a.id - b.id)[0];
      if (next === undefined) return;
      waiting = waiting.filter((other) => other !== next);
      if (next.lane !== 'poll') served[next.lane] = moment++;
      start(next);
    }
  };
  return {
    started,
    ask(id: number, lane: Lane) {
      if (mayStart(lane)) start({ id, lane });
      else waiting.push({ id, lane });
    },
    end(id: number) {
      if (running.delete(id)) settle();
    },
    leave(id: number) {
      waiting = waiting.filter((other) => other.id !== id);
    },
    snapshot: () =>
      Object.fromEntries(
        LANES.map((lane) => [
          lane,
          {
            inFlight: count((other) => other === lane),
            waiting: waiting.filter((other) => other.lane === lane).length,
          },
        ]),
      ),
  };
}

/** Requests by number, against the lanes. */
function numbered(total: number, polls: number) {
  const lanes = createLanes({ total, polls });
  const requests: {
    readonly controller: AbortController;
    end(): void;
    listeners: { readonly left: number };
  }[] = [];
  const started: number[] = [];
  const settled: Promise<unknown>[] = [];
  return {
    lanes,
    requests,
    started,
    settled,
    ask(lane: Lane): number {
      const id = requests.length;
      const controller = new AbortController();
      let end = () => {};
      const work = new Promise<void>((resolve) => {
        end = resolve;
      });
      requests.push({ controller, end, listeners: countListeners(controller.signal) });
      const running = lanes.run(lane, controller.signal, () => {
        started.push(id);
        return work;
      });
      settled.push(running.catch(() => {}));
      return id;
    },
  };
}

describe('lanes against a model', () => {
  const step = fc.record({
    kind: fc.constantFrom('ask', 'ask', 'end', 'abort'),
    lane: fc.constantFrom(...LANES, 'poll' as const),
    which: fc.nat(1_000),
  });

  it('start what the rules let start, in that order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 3, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        fc.array(step, { maxLength: 80 }),
        async (total, polls, steps) => {
          const { lanes, requests, started, settled, ask } = numbered(total, polls);
          const model = createModel(total, polls);
          for (const { kind, lane, which } of steps) {
            const id = requests.length === 0 ? 0 : which % requests.length;
            if (kind === 'ask') {
              model.ask(ask(lane), lane);
            } else if (kind === 'end' && model.started.includes(id)) {
              model.end(id);
              requests[id]?.end();
            } else if (kind === 'abort') {
              model.leave(id);
              requests[id]?.controller.abort();
            }
            await microtasks();
            expect(started).toEqual(model.started);
            expect(lanes.snapshot()).toEqual(model.snapshot());
          }
          for (const { end } of requests) end();
          await Promise.all(settled);
          for (const gauge of Object.values(lanes.snapshot()))
            expect(gauge).toEqual({ inFlight: 0, waiting: 0 });
          expect(requests.filter(({ listeners }) => listeners.left > 0)).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keep to their bounds and orders when all comes in the same microtask, or one apart', async () => {
    const hasty = fc.record({
      kind: fc.constantFrom('ask', 'ask', 'ask', 'end', 'abort', 'microtask'),
      lane: fc.constantFrom(...LANES),
      which: fc.nat(1_000),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 3, max: 6 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(hasty, { maxLength: 80 }),
        async (total, polls, steps) => {
          const { lanes, requests, started, settled, ask } = numbered(total, polls);
          const laneOf: Lane[] = [];
          for (const { kind, lane, which } of steps) {
            const id = requests.length === 0 ? 0 : which % requests.length;
            if (kind === 'ask') laneOf[ask(lane)] = lane;
            else if (kind === 'end') requests[id]?.end();
            else if (kind === 'abort') requests[id]?.controller.abort();
            else await undefined;
            const { session, poll, ...others } = lanes.snapshot();
            const submits = Object.values(others).reduce((sum, { inFlight }) => sum + inFlight, 0);
            expect(submits + poll.inFlight).toBeLessThanOrEqual(total - 1);
            expect(poll.inFlight).toBeLessThanOrEqual(Math.min(polls, total - 2));
            expect(session.waiting).toBe(0);
          }
          for (const { end } of requests) end();
          await Promise.all(settled);
          for (const lane of LANES) {
            const own = started.filter((id) => laneOf[id] === lane);
            expect(own).toEqual([...own].sort((a, b) => a - b));
          }
          expect(new Set(started).size).toBe(started.length);
          for (const gauge of Object.values(lanes.snapshot()))
            expect(gauge).toEqual({ inFlight: 0, waiting: 0 });
        },
      ),
      { numRuns: 300 },
    );
  });
});
