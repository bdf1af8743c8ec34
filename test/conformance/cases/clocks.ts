import { sleep } from '../../../src/kernel/abort.ts';
import {
  dateAt,
  httpDate,
  isoTime,
  MAX_TIMER_MS,
  plainClock,
  systemClock,
} from '../../../src/kernel/clock.ts';
import { parseDay, parseIso, parseMailDate } from '../../../src/kernel/timestamp.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { assertAlike, assertEqual, assertTrue, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** The seam to the platform's timers, and moments as text. */
export function clockCases(): readonly ConformanceCase[] {
  return [...timerCases(), ...momentCases()];
}

function timerCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'kernel: real timers run in the order of their times, and of their making',
      async run() {
        const order: string[] = [];
        await new Promise<void>((resolve) => {
          systemClock.schedule(() => order.push('later'), 40);
          systemClock.schedule(() => order.push('sooner'), 5);
          systemClock.schedule(() => order.push('sooner too'), 5);
          systemClock.schedule(resolve, 60);
        });
        assertEqual('order', order, ['sooner', 'sooner too', 'later']);
        return order.join();
      },
    },
    {
      name: 'kernel: a wait of no time lets promises settle first, and other timers have their turn',
      async run() {
        let turns = 0;
        let isOver = false;
        plainClock.schedule(() => {
          isOver = true;
        }, 1);
        // Without a macrotask a turn this loop would never end.
        while (!isOver) {
          const order: string[] = [];
          void Promise.resolve().then(() => order.push('promise'));
          await sleep(systemClock, 0);
          assertEqual('order', order, ['promise']);
          turns += 1;
        }
        assertTrue('it took turns', turns > 0);
      },
    },
    {
      name: 'kernel: a wait longer than the longest timer does not end at once',
      async run() {
        const early: number[] = [];
        const lengths = [
          MAX_TIMER_MS,
          MAX_TIMER_MS + 1,
          2 ** 32,
          2 ** 40,
          Number.MAX_VALUE,
          Number.POSITIVE_INFINITY,
        ];
        const cancels = lengths.map((ms) => systemClock.schedule(() => early.push(ms), ms));
        await sleep(systemClock, 20);
        for (const cancel of cancels) cancel();
        assertAlike('those that ended', early, []);
      },
    },
    {
      name: 'kernel: a cancelled timer never runs, cancelled at once, late, or twice',
      async run() {
        const ran: string[] = [];
        const now = systemClock.schedule(() => ran.push('immediate'), 0);
        const soon = systemClock.schedule(() => ran.push('timer'), 5);
        const background = systemClock.schedule(() => ran.push('background'), 5, { background: true });
        const done = systemClock.schedule(() => ran.push('done'), 1);
        for (const cancel of [now, soon, background, soon]) cancel();
        await sleep(systemClock, 30);
        done();
        assertEqual('what ran', ran, ['done']);
      },
    },
    {
      name: 'kernel: background timers run as others do, while something else keeps the process',
      async run() {
        const order: string[] = [];
        systemClock.schedule(() => order.push('background'), 5, { background: true });
        await sleep(systemClock, 40);
        assertEqual('what ran', order, ['background']);
      },
    },
    {
      name: 'kernel: the clocks count milliseconds, and the steady one never goes back',
      async run() {
        let last = systemClock.monotonic();
        for (let i = 0; i < 50; i++) {
          const now = systemClock.monotonic();
          assertTrue('not before the last', now >= last);
          last = now;
          if (i % 10 === 0) await sleep(systemClock, 0);
        }
        // Between 2024 and 2100: milliseconds, neither seconds nor microseconds.
        const wall = systemClock.now();
        assertTrue('wall time is of this century', wall > 1_704_067_200_000 && wall < 4_102_444_800_000);
      },
    },
    {
      name: 'kernel: virtual time runs timers in order, and an hour takes none',
      async run() {
        const clock = createVirtualClock(0);
        const trace: string[] = [];
        const note = (what: string) => () => trace.push(`${what} at ${clock.monotonic()}`);
        clock.schedule(note('an hour'), 3_600_000);
        clock.schedule(note('a second'), 1_000);
        clock.schedule(note('another'), 1_000);
        clock.schedule(() => clock.schedule(note('one of another'), 500), 700);
        await clock.advance(3_600_000);
        assertEqual('timers left', clock.pending, 0);
        return textOf([trace, isoTime(clock.now())]);
      },
    },
  ];
}

function momentCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'kernel: moments as text are the same in every engine and time zone',
      run() {
        const moments = [0, 951_782_400_000, 1_700_000_000_123, 4_102_444_799_999];
        return textOf(moments.map((ms) => [isoTime(ms), httpDate(ms), dateAt(ms).toISOString()]));
      },
    },
    {
      name: 'kernel: ISO 8601 is read the same way, and what is none is nothing',
      run() {
        const texts = [
          '2025-06-30T12:34:56Z',
          '2025-06-30 12:34:56.123456',
          '2025-06-30T12:34:56,5+05:30',
          '2025-06-30t12:34z',
          '2025-06-30T12:34:60Z',
          '2025-02-30T00:00:00Z',
          '2025-06-30T24:00:00Z',
          '2025-06-30T12:34:56+25:00',
          '30 June 2025',
          '',
        ];
        const read = texts.map((text) => parseIso(text) ?? null);
        assertAlike('the first', read[0], { ms: 1_751_286_896_000, hasZone: true });
        assertAlike('those that are none', read.slice(5), [null, null, null, null, null]);
        return textOf(read);
      },
    },
    {
      name: 'kernel: dates of headers and days are read the same way',
      run() {
        assertEqual('a header', parseMailDate('Sun, 06 Nov 1994 08:49:37 GMT'), 784_111_777_000);
        assertEqual('a day', parseDay('2024-02-29'), 1_709_164_800_000);
        assertEqual('a day that never comes', parseDay('2023-02-29'), undefined);
        const texts = [
          '6 nov 1994 08:49:37 -0700',
          'Sunday, 06-Nov-94 08:49:37 GMT',
          'Nov 6 1994',
          '31 Apr 2024 00:00',
        ];
        return textOf(texts.map((text) => parseMailDate(text) ?? null));
      },
    },
  ];
}
