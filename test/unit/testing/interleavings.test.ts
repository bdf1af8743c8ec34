import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sleep } from '../../../src/kernel/abort.ts';
import { isTinkerError } from '../../../src/kernel/errors.ts';
import type { Pass } from '../../../src/testing/gates.ts';
import { exploreInterleavings, randomInterleavings } from '../../../src/testing/interleavings.ts';
import { InterleavingError } from '../../../src/testing/schedule-run.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection } from '../../support/settled.ts';

/** Operations that do nothing but pass so many gates each. */
const walkers =
  (counts: readonly number[], log: string[] = []) =>
  (pass: Pass) =>
    counts.map((count, index) => async () => {
      for (let gate = 0; gate < count; gate++) {
        await pass(`${index}${gate}`);
        log.push(`${index}${gate}`);
      }
      return index;
    });

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
/** Ways to shuffle sequences of these lengths together. */
const shuffles = (counts: readonly number[]): number =>
  factorial(counts.reduce((sum, count) => sum + count, 0)) /
  counts.reduce((product, count) => product * factorial(count), 1);

/** Two who add one to a number, with or without a lock. */
function counter(isLocked: boolean) {
  const state = { count: 0 };
  const make = (pass: Pass) => {
    state.count = 0;
    let last: Promise<void> = Promise.resolve();
    const increment = async (): Promise<void> => {
      const read = state.count;
      await pass('write');
      state.count = read + 1;
    };
    const operation = async (): Promise<void> => {
      await pass('start');
      if (!isLocked) return increment();
      const turn = last.then(increment);
      last = turn;
      return turn;
    };
    return [operation, operation];
  };
  return { make, state };
}

describe('exploreInterleavings', () => {
  it.each([
    [[2, 2], 6],
    [[1, 1, 1], 6],
    [[3, 3], 20],
    [[2, 2, 2], 90],
    [[3, 3, 3], 1_680],
    [[4], 1],
    [[0, 0], 1],
    [[], 1],
  ])('of operations with %j gates runs %i orders, each once', async (counts, expected) => {
    const seen = new Set<string>();
    const { schedules } = await exploreInterleavings(walkers(counts), (schedule) => {
      expect(schedule).toHaveLength(counts.reduce((sum, count) => sum + count, 0));
      seen.add(schedule.join());
    });
    expect([schedules, seen.size]).toEqual([expected, expected]);
  });

  it('runs as many orders as there are shuffles, none of which breaks an operation’s own order', async () => {
    const counts = fc.array(fc.nat(3), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(counts, async (gates) => {
        const seen = new Set<string>();
        await exploreInterleavings(walkers(gates), (schedule, results) => {
          for (const [index, count] of gates.entries()) {
            const own = schedule.filter((label) => label.startsWith(String(index)));
            expect(own).toEqual(Array.from({ length: count }, (_, gate) => `${index}${gate}`));
          }
          expect(results).toEqual(gates.map((_, index) => index));
          seen.add(schedule.join());
        });
        expect(seen.size).toBe(shuffles(gates));
      }),
      { numRuns: 20 },
    );
  });

  it('tells those apart who wait at gates of one name', async () => {
    const orders: string[] = [];
    let order = '';
    const { schedules } = await exploreInterleavings(
      (pass) => {
        order = '';
        return ['a', 'b', 'c'].map((name) => async () => {
          await pass('same');
          order += name;
        });
      },
      () => void orders.push(order),
    );
    expect(schedules).toBe(6);
    expect(orders.sort()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
  });

  it('opens gates in the order it says it did, each when everybody is at rest', async () => {
    const log: string[] = [];
    await exploreInterleavings(
      (pass) => {
        log.length = 0;
        return walkers(
          [2, 2],
          log,
        )(pass).map((operation) => async () => {
          for (let link = 0; link < 50; link++) await undefined;
          return operation();
        });
      },
      (schedule) => expect(log).toEqual(schedule),
    );
  });

  it('follows choices that depend on choices', async () => {
    const seen: string[] = [];
    const { schedules } = await exploreInterleavings(
      (pass) => {
        let first = '';
        return ['a', 'b'].map((name) => async () => {
          await pass(name);
          first ||= name;
          // Only whoever is first goes on, a by one gate more, b by two.
          if (first !== name) return;
          await pass(`${name}1`);
          if (name === 'b') await pass('b2');
        });
      },
      (schedule) => void seen.push(schedule.join(' ')),
    );
    expect(seen).toEqual(['a b a1', 'a a1 b', 'b a b1 b2', 'b b1 a b2', 'b b1 b2 a']);
    expect(schedules).toBe(5);
  });

  it('finds a lost update, and says which order loses it', async () => {
    const { make, state } = counter(false);
    const check = (): void => {
      if (state.count !== 2) throw new Error(`count is ${state.count}`);
    };
    const error = (await rejection(exploreInterleavings(make, check))) as InterleavingError;
    expect(error).toBeInstanceOf(InterleavingError);
    expect(error.name).toBe('InterleavingError');
    expect(error.schedule).toEqual(['start', 'start', 'write', 'write']);
    expect(error.message).toBe('count is 1 (schedule: start > start > write > write)');
    expect(error.cause).toMatchObject({ message: 'count is 1' });
  });

  it('finds nothing where a lock keeps updates apart', async () => {
    const { make, state } = counter(true);
    const { schedules } = await exploreInterleavings(make, () => expect(state.count).toBe(2));
    expect(schedules).toBe(4);
  });

  it('lets what makes the scenario through gates, and waits for it', async () => {
    const kept: string[] = [];
    const { schedules } = await exploreInterleavings(
      async (pass) => {
        kept.length = 0;
        await pass('fill');
        kept.push('filled');
        return walkers([1, 1])(pass);
      },
      (schedule) => {
        expect(kept).toEqual(['filled']);
        expect(schedule).not.toContain('fill');
      },
    );
    expect(schedules).toBe(2);
  });

  it('waits for a check, and for gates of what operations left behind', async () => {
    let isWritten = false;
    const checked: boolean[] = [];
    await exploreInterleavings(
      (pass) => {
        isWritten = false;
        return [
          async () => {
            void (async () => {
              await Promise.resolve();
              await pass('later');
              isWritten = true;
            })();
          },
        ];
      },
      async (schedule) => {
        expect(schedule).toEqual(['later']);
        await Promise.resolve();
        checked.push(isWritten);
      },
    );
    expect(checked).toEqual([true]);
    const late = exploreInterleavings(walkers([1]), async () => {
      await Promise.resolve();
      throw new Error('late');
    });
    expect(await rejection(late)).toMatchObject({ message: 'late (schedule: 00)' });
  });

  it('fails for an operation that rejects, also before its first gate', async () => {
    const no = new Error('no');
    const failing = exploreInterleavings(
      (pass) => [
        async () => pass('a'),
        async () => {
          await pass('b');
          throw no;
        },
      ],
      () => {},
    );
    const error = await rejection(failing);
    expect(error).toMatchObject({ message: 'Operation 2 rejected: no (schedule: a > b)', cause: no });
    const atOnce = exploreInterleavings(
      () => [
        () => {
          throw no;
        },
      ],
      () => {},
    );
    expect(await rejection(atOnce)).toMatchObject({
      message: 'Operation 1 rejected: no (schedule: no gate)',
      cause: no,
    });
  });

  it('reports a deadlock, and the order that leads to it', async () => {
    // Each takes one of two locks, and then the other's.
    const make = (pass: Pass) => {
      const locks = [0, 1].map(() => ({ isTaken: false, queue: [] as (() => void)[] }));
      const take = async (index: number): Promise<void> => {
        const lock = locks[index]!;
        if (lock.isTaken) await new Promise<void>((go) => lock.queue.push(go));
        lock.isTaken = true;
      };
      const release = (index: number): void => {
        const lock = locks[index]!;
        lock.isTaken = false;
        lock.queue.shift()?.();
      };
      return [
        [0, 1],
        [1, 0],
      ].map(([first = 0, second = 0]) => async () => {
        await pass(`take ${first}`);
        await take(first);
        await pass(`take ${second}`);
        await take(second);
        release(second);
        release(first);
      });
    };
    const error = (await rejection(exploreInterleavings(make, () => {}))) as InterleavingError;
    expect(error).toBeInstanceOf(InterleavingError);
    expect(error.message).toBe('Deadlock of operation 1 and 2 (schedule: take 0 > take 1 > take 1 > take 0)');
  });

  it('takes operations that wait for time for blocked, unless it can let time pass', async () => {
    let clock = createVirtualClock();
    const make = (pass: Pass) => {
      clock = createVirtualClock({ graceTurns: 1 });
      return [1, 2].map((name) => async () => {
        for (let sleep = 0; sleep < 3; sleep++)
          await new Promise<void>((resolve) => {
            clock.schedule(resolve, 1_000);
          });
        await pass(`${name}`);
      });
    };
    const blocked = exploreInterleavings(make, () => {});
    expect(await rejection(blocked)).toMatchObject({
      message: 'Deadlock of operation 1 and 2 (schedule: no gate)',
    });
    const { schedules } = await exploreInterleavings(make, () => expect(clock.pending).toBe(0), {
      whenBlocked: () => clock.advance(500),
    });
    expect(schedules).toBe(2);
  });

  it('lets time pass as long as one after the other ends, also where nobody comes to a gate', async () => {
    let clock = createVirtualClock();
    const make = () => {
      clock = createVirtualClock();
      return [1, 2, 3].map((place) => () => sleep(clock, 1_000 * place));
    };
    const whenBlocked = () => clock.advance(1_000);
    expect(await exploreInterleavings(make, () => {}, { whenBlocked })).toEqual({ schedules: 1 });
    expect([clock.monotonic(), clock.pending]).toEqual([3_000, 0]);
  });

  it('gives up letting time pass when nothing comes of it', async () => {
    let calls = 0;
    const stuck = exploreInterleavings(
      () => [() => new Promise(() => {})],
      () => {},
      { whenBlocked: () => void calls++ },
    );
    expect(await rejection(stuck)).toBeInstanceOf(InterleavingError);
    expect(calls).toBe(50);
  });

  it('fails beyond its bound of schedules, and never stops short in silence', async () => {
    const explore = (maxSchedules: number) =>
      exploreInterleavings(walkers([2, 2]), () => {}, { maxSchedules });
    expect(await explore(6)).toEqual({ schedules: 6 });
    expect(await rejection(explore(5))).toMatchObject({
      message: 'There are more than 5 schedules: raise maxSchedules, or draw some by seeds',
    });
    let runs = 0;
    const many = exploreInterleavings(walkers([9, 9]), () => void runs++);
    expect(await rejection(many)).toMatchObject({
      message: expect.stringContaining('more than 10000 schedules'),
    });
    expect(runs).toBe(10_000);
  });

  it('fails beyond its bound of gates in one schedule', async () => {
    const spinning = (pass: Pass) => [
      async () => {
        for (;;) await pass('spin');
      },
    ];
    const error = await rejection(exploreInterleavings(spinning, () => {}, { maxSteps: 3 }));
    expect(error).toMatchObject({
      message: 'There is no end after 3 gates (schedule: spin > spin > spin)',
    });
    expect(await rejection(exploreInterleavings(spinning, () => {}))).toMatchObject({
      schedule: Array(1_000).fill('spin'),
    });
    const enough = await exploreInterleavings(walkers([3]), () => {}, { maxSteps: 3 });
    expect(enough).toEqual({ schedules: 1 });
  });

  it.each([
    ['other gates', (run: number) => (run === 0 ? [1, 1] : [1, 1, 1])],
    ['fewer gates', (run: number) => (run === 0 ? [2, 2] : [])],
  ])('notices a scenario that does not do the same each time: %s', async (_, counts) => {
    let run = 0;
    const explore = exploreInterleavings(
      (pass) => walkers(counts(run++))(pass),
      () => {},
    );
    expect(await rejection(explore)).toMatchObject({
      message: expect.stringContaining('The scenario does not do the same each time: ['),
    });
  });

  it.each([
    ['maxSchedules', { maxSchedules: 0 }],
    ['maxSteps', { maxSteps: 0 }],
    ['restTurns', { restTurns: 0.5 }],
  ])('refuses %s that cannot be right', async (field, options) => {
    const error = await rejection(exploreInterleavings(walkers([1]), () => {}, options));
    expect(isTinkerError(error, 'input_invalid') && error.field).toBe(field);
  });
});

describe('randomInterleavings', () => {
  it('finds a lost update within a few seeds, and the seed finds it again', async () => {
    const { make, state } = counter(false);
    const check = (): void => {
      if (state.count !== 2) throw new Error(`count is ${state.count}`);
    };
    const error = (await rejection(randomInterleavings(make, check, { seeds: 50 }))) as InterleavingError;
    const [, seed] = /^Seed (\d+): count is 1 \(schedule: start > /.exec(error.message) ?? [];
    expect(error).toBeInstanceOf(InterleavingError);
    const again = randomInterleavings(make, check, { firstSeed: Number(seed), seeds: 1 });
    expect(await rejection(again)).toMatchObject({ message: error.message, schedule: error.schedule });
  });

  it('reaches every order of a small scenario, in 1,000 schedules by default', async () => {
    let runs = 0;
    const { make, state } = counter(true);
    const checked = await randomInterleavings(make, () => {
      runs += 1;
      expect(state.count).toBe(2);
    });
    expect([checked.schedules, runs]).toEqual([1_000, 1_000]);
    const { distinct } = await randomInterleavings(walkers([2, 2]), () => {}, { seeds: 200 });
    expect(distinct).toBe(6);
  });

  it('draws other schedules for other seeds, and the same for the same', async () => {
    const draw = async (firstSeed: number): Promise<string[]> => {
      const schedules: string[] = [];
      await randomInterleavings(walkers([4, 4, 4]), (schedule) => void schedules.push(schedule.join()), {
        seeds: 20,
        firstSeed,
      });
      return schedules;
    };
    const [one, other] = [await draw(1), await draw(21)];
    expect(await draw(1)).toEqual(one);
    expect(new Set([...one, ...other]).size).toBeGreaterThan(35);
  });

  it('opens gates also before everybody is at rest, which finds what rests hide', async () => {
    // Two promises after its gate, the first is done; at rest nobody ever sees it half done.
    const halfDone = async (pass: Pass) => {
      let isHalfDone = false;
      let seen = false;
      return {
        seen: () => seen,
        operations: [
          async () => {
            await pass('do');
            isHalfDone = true;
            await undefined;
            await undefined;
            isHalfDone = false;
          },
          async () => {
            await pass('look');
            seen = isHalfDone;
          },
        ],
      };
    };
    let seen = (): boolean => false;
    const make = async (pass: Pass) => {
      const scenario = await halfDone(pass);
      seen = scenario.seen;
      return scenario.operations;
    };
    let sightings = 0;
    const count = (): void => {
      if (seen()) sightings += 1;
    };
    await exploreInterleavings(make, count);
    expect(sightings).toBe(0);
    await randomInterleavings(make, count, { seeds: 100 });
    expect(sightings).toBeGreaterThan(0);
  });

  it('waits for the gates of what operations left behind, however long the way to them', async () => {
    let isWritten = false;
    const behind = async (pass: Pass): Promise<void> => {
      for (let link = 0; link < 100; link++) await undefined;
      await pass('later');
      isWritten = true;
    };
    const make = (pass: Pass) => {
      isWritten = false;
      return [async () => void behind(pass)];
    };
    await randomInterleavings(make, () => expect(isWritten).toBe(true), { seeds: 100 });
  });

  it('reports a deadlock, a rejection and a loop, with the seed', async () => {
    const run = (operation: (pass: Pass) => Promise<unknown>) =>
      rejection(
        randomInterleavings(
          (pass) => [() => operation(pass)],
          () => {},
          { firstSeed: 7, maxSteps: 2 },
        ),
      );
    expect(await run(() => new Promise(() => {}))).toMatchObject({
      message: 'Seed 7: Deadlock of operation 1 (schedule: no gate)',
    });
    expect(await run(() => Promise.reject('quota'))).toMatchObject({
      message: 'Seed 7: Operation 1 rejected: quota (schedule: no gate)',
      cause: 'quota',
    });
    const spin = async (pass: Pass): Promise<void> => {
      for (;;) await pass('spin');
    };
    expect(await run(spin)).toMatchObject({
      message: 'Seed 7: There is no end after 2 gates (schedule: spin > spin)',
    });
  });

  it.each([
    ['seeds', { seeds: 0 }],
    ['firstSeed', { firstSeed: 0.5 }],
  ])('refuses %s that cannot be right', async (field, options) => {
    const error = await rejection(randomInterleavings(walkers([1]), () => {}, options));
    expect(isTinkerError(error, 'input_invalid') && error.field).toBe(field);
  });
});
