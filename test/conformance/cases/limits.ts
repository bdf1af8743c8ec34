import { seededRandom } from '../../../src/kernel/random.ts';
import { createByteBudget } from '../../../src/policy/byte-budget.ts';
import { createLimiter } from '../../../src/policy/limiter.ts';
import { createRateWindow } from '../../../src/policy/rate-window.ts';
import { memoryStorage } from '../../../src/storage/memory.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { assertAlike, assertEqual, assertFails, assertRejects, assertTrue, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { patientClock } from '../patience.ts';

/** A signal that nobody aborts. */
const never = (): AbortSignal => new AbortController().signal;

/** Slots, bytes and pauses: first come, first served, and nothing is lost. */
export function limitCases(): readonly ConformanceCase[] {
  return [...slotCases(), ...budgetCases(), ...windowCases()];
}

function slotCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'policy: slots go out in the order asked for, never more than there are',
      async run() {
        const limiter = createLimiter(3);
        const random = seededRandom(3);
        const started: number[] = [];
        let running = 0;
        let most = 0;
        const work = async (i: number): Promise<void> => {
          started.push(i);
          running += 1;
          most = Math.max(most, running);
          for (let turns = Math.floor(random() * 9); turns > 0; turns--) await null;
          running -= 1;
        };
        await Promise.all(Array.from({ length: 60 }, (_, i) => limiter.run(never(), () => work(i))));
        assertEqual(
          'order',
          started,
          Array.from({ length: 60 }, (_, i) => i),
        );
        assertEqual('the most at once', most, 3);
        assertAlike('what is left', [limiter.active, limiter.waiting], [0, 0]);
      },
    },
    {
      name: 'policy: who aborts while it waits for a slot leaves at once, and its work never starts',
      async run() {
        const limiter = createLimiter(1);
        const release = await limiter.acquire(never());
        const controller = new AbortController();
        const listeners = countListeners(controller.signal);
        const started: string[] = [];
        const waiting = limiter.run(controller.signal, async () => started.push('aborted'));
        const behind = limiter.run(never(), async () => started.push('behind'));
        assertEqual('waiting', limiter.waiting, 2);
        controller.abort('bored');
        await assertRejects('the one who waited', waiting, 'bored');
        assertAlike('afterwards', [limiter.waiting, listeners.left], [1, 0]);
        release();
        release();
        await behind;
        assertEqual('what started', started, ['behind']);
        assertEqual('slots taken', limiter.active, 0);
      },
    },
    {
      name: 'policy: more slots let those go on who wait, and fewer take none away',
      async run() {
        const limiter = createLimiter(1);
        const releases: (() => void)[] = [];
        const trace: string[] = [];
        const note = (): unknown =>
          trace.push(`${limiter.active} of ${limiter.capacity}, ${limiter.waiting} wait`);
        const waits = Array.from({ length: 6 }, async () => releases.push(await limiter.acquire(never())));
        for (const capacity of [3, 2, 6]) {
          limiter.resize(capacity);
          for (let i = 0; i < 20; i++) await null;
          note();
        }
        await Promise.all(waits);
        for (const release of releases) release();
        note();
        return textOf(trace);
      },
    },
  ];
}

function budgetCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'policy: a request larger than the whole budget goes alone, and nobody overtakes it',
      async run() {
        const budget = createByteBudget(100);
        const order: string[] = [];
        const take = async (name: string, bytes: number): Promise<() => void> => {
          const release = await budget.acquire(never(), bytes);
          order.push(name);
          return release;
        };
        const first = await take('first', 101);
        const large = take('large', 5_000);
        const small = take('small', 1);
        for (let i = 0; i < 20; i++) await null;
        assertAlike('while the first is on', [order, budget.used, budget.waiting], [['first'], 101, 2]);
        first();
        (await large)();
        (await small)();
        assertEqual('order', order, ['first', 'large', 'small']);
        assertAlike('what is left', [budget.used, budget.waiting], [0, 0]);
      },
    },
    {
      name: 'policy: bytes are given back once, on an abort not at all, and none is lost in a thousand calls',
      async run() {
        const budget = createByteBudget(1_000);
        const random = seededRandom(12);
        let most = 0;
        const call = async (i: number): Promise<void> => {
          const controller = new AbortController();
          const bytes = Math.floor(random() * 400);
          const acquiring = budget.acquire(controller.signal, bytes);
          if (i % 7 === 0) controller.abort(i);
          const release = await acquiring.catch(() => undefined);
          most = Math.max(most, budget.used);
          for (let turns = Math.floor(random() * 5); turns > 0; turns--) await null;
          release?.();
          release?.();
        };
        await Promise.all(Array.from({ length: 1_000 }, (_, i) => call(i)));
        assertAlike('what is left', [budget.used, budget.waiting], [0, 0]);
        assertTrue('overdrawn by less than one call', most > 1_000 && most < 1_400);
        return `${most}`;
      },
    },
    {
      name: 'policy: bytes that cannot be are refused, naming the bound',
      async run() {
        const budget = createByteBudget(10);
        for (const bytes of [-1, 0.5, Number.NaN])
          await assertFails(
            `${bytes}`,
            () => budget.acquire(never(), bytes),
            'TinkerInputError',
            '"bytes" must be an integer >= 0',
          );
        await assertFails('no budget', () => createByteBudget(0), 'TinkerInputError', '>= 1, got 0');
        assertEqual('taken', budget.used, 0);
      },
    },
  ];
}

function windowCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'policy: all who wait for a pause start after it, spread out, wherever it moves meanwhile',
      async run() {
        const clock = patientClock(0);
        const window = createRateWindow({ clock, random: seededRandom(4) });
        const startedAt: number[] = [];
        window.set(2_000);
        const waits = Array.from({ length: 8 }, () =>
          window.wait(never()).then(() => startedAt.push(clock.monotonic())),
        );
        await clock.advance(1_500);
        window.set(10_000);
        await clock.drive(Promise.all(waits));
        assertTrue(
          'none before its end',
          startedAt.every((at) => at >= 11_500 && at <= 12_500),
        );
        assertTrue('not together', new Set(startedAt).size > 4);
        assertEqual('timers left', clock.pending, 0);
        return textOf(startedAt);
      },
    },
    {
      name: 'policy: a success ends only the pause it saw, and a pause is a minute at most',
      async run() {
        const clock = patientClock(0);
        const window = createRateWindow({ clock, random: () => 0 });
        const trace: unknown[] = [];
        window.set(1e9);
        const seen = window.generation;
        trace.push(window.snapshot());
        await clock.advance(1_000);
        window.set(60_000);
        window.clear(seen);
        trace.push(window.snapshot());
        window.clear(window.generation);
        trace.push(window.snapshot());
        window.set(0);
        window.set(-5);
        await clock.advance(10_000);
        trace.push(window.snapshot());
        assertAlike('what others saw', trace[1], { remainingMs: 60_000, isRecent: true });
        assertAlike('what this one saw', trace[2], { remainingMs: 0, isRecent: true });
        assertAlike('at the end', trace[3], { remainingMs: 0, isRecent: false });
        return textOf(trace);
      },
    },
    {
      name: 'policy: a pause reaches another context through a store, once',
      async run() {
        const clock = patientClock();
        const shared = { clock, random: () => 0, storage: memoryStorage(clock), storageKey: 'pause' };
        const [one, other] = [createRateWindow(shared), createRateWindow(shared)];
        one.set(5_000);
        await clock.advance(1_000);
        await other.refresh();
        assertEqual('there', other.remainingMs, 4_000);
        other.clear(other.generation);
        await clock.advance(1_000);
        await other.refresh();
        assertEqual('there, after it was ended', other.remainingMs, 0);
        assertEqual('here', one.remainingMs, 3_000);
      },
    },
  ];
}
