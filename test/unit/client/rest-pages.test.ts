import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPages, createWholeList } from '../../../src/client/rest/pages.ts';
import { sleep } from '../../../src/kernel/abort.ts';
import type { ReadPage } from '../../../src/wire/json/rest-runs.ts';
import { answer, type RestServer, restSetup } from '../../support/rest.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

interface Position {
  readonly limit: number;
  readonly offset: number;
}

/** Read a list to its end. */
async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of list) items.push(item);
  return items;
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));

/** A list over a server that is a function of the position. */
function listOver(start: Position, serve: (position: Position) => ReadPage<string>) {
  const asked: Position[] = [];
  const list = createPages({
    start,
    key: (item: string) => item,
    fetch: async (position) => {
      asked.push(position);
      return serve(position);
    },
    options: {},
  });
  return { list, asked };
}

const positions = { total: fc.nat(60), limit: fc.integer({ min: 1, max: 25 }), offset: fc.nat(70) };

describe('a list with a cursor', () => {
  it('gives every item once, in order, and asks no page too many', async () => {
    await fc.assert(
      fc.asyncProperty(fc.record(positions), async ({ total, limit, offset }) => {
        const items = numbers(total);
        const { list, asked } = listOver({ limit, offset }, (at) => ({
          items: items.slice(at.offset, at.offset + at.limit),
          cursor: { ...at, totalCount: total },
        }));
        expect(await all(list)).toEqual(items.slice(offset));
        expect(asked).toHaveLength(Math.max(1, Math.ceil((total - offset) / limit)));
        expect(asked.every((at) => at.limit === limit)).toBe(true);
      }),
    );
  });

  it('gives every item once where the server sends less than asked for, whatever its cursor says', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ ...positions, cap: fc.integer({ min: 1, max: 5 }), echoes: fc.boolean() }),
        async ({ total, limit, offset, cap, echoes }) => {
          const items = numbers(total);
          const { list } = listOver({ limit, offset }, (at) => {
            const size = Math.min(at.limit, cap);
            const cursor = { offset: at.offset, limit: echoes ? at.limit : size, totalCount: total };
            return { items: items.slice(at.offset, at.offset + size), cursor };
          });
          expect(await all(list)).toEqual(items.slice(offset));
        },
      ),
    );
  });

  it('gives every item once where the server ignores limits', async () => {
    const { list, asked } = listOver({ limit: 5, offset: 0 }, (at) => ({
      items: numbers(12),
      cursor: { ...at, totalCount: 12 },
    }));
    expect(await all(list)).toEqual(numbers(12));
    expect(asked).toHaveLength(1);
  });

  it('gives an item once, and all old ones, though new ones come in at the front', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.nat(1), { maxLength: 60 }),
        async (total, limit, arrivals) => {
          const items = numbers(total);
          let turn = 0;
          const { list } = listOver({ limit, offset: 0 }, (at) => {
            // Before the second page and later ones, one at a time, never twice in a row.
            if (at.offset > 0 && arrivals[turn++] === 1 && turn % 2 === 0) items.unshift(`new ${turn}`);
            const page = items.slice(at.offset, at.offset + at.limit);
            return { items: page, cursor: { ...at, totalCount: items.length } };
          });
          const seen = await all(list);
          expect(new Set(seen).size).toBe(seen.length);
          expect(seen.filter((item) => !item.startsWith('new'))).toEqual(numbers(total));
        },
      ),
    );
  });

  it('goes on however often a page has nothing new, if not three times in a row', async () => {
    const items = numbers(12);
    let turn = 0;
    const { list } = listOver({ limit: 1, offset: 0 }, (at) => {
      // So every other page gives again what the one before it gave.
      if (turn++ % 2 === 1) items.unshift(`new ${turn}`);
      const page = items.slice(at.offset, at.offset + 1);
      return { items: page, cursor: { ...at, totalCount: items.length } };
    });
    expect(await all(list)).toEqual(numbers(12));
  });

  it('says that the server does not heed the offset, instead of leaving items out or going on for ever', async () => {
    for (const [total, limit] of [
      [40, 20],
      [45, 20],
      [1_000, 20],
      [2, 1],
      [1_000, 1],
    ] as const) {
      const { list, asked } = listOver({ limit, offset: 0 }, (at) => ({
        items: numbers(total).slice(0, at.limit),
        cursor: { offset: 0, limit: at.limit, totalCount: total },
      }));
      expect(await rejection(all(list))).toMatchObject({
        code: 'response_invalid',
        message: expect.stringMatching(new RegExp(`offset.*${limit} items came`)),
      });
      expect(asked.length).toBeLessThanOrEqual(4);
    }
  });

  it('ends at an empty page, whatever the cursor promises', async () => {
    const { list, asked } = listOver({ limit: 5, offset: 0 }, (at) => ({
      items: numbers(7).slice(at.offset, at.offset + at.limit),
      cursor: { ...at, totalCount: 100 },
    }));
    expect(await all(list)).toEqual(numbers(7));
    expect(asked.map(({ offset }) => offset)).toEqual([0, 5, 7]);
  });
});

describe('a list without a cursor', () => {
  it('gives every item once, until a page is short', async () => {
    await fc.assert(
      fc.asyncProperty(fc.record(positions), async ({ total, limit, offset }) => {
        const items = numbers(total);
        const { list, asked } = listOver({ limit, offset }, (at) => ({
          items: items.slice(at.offset, at.offset + at.limit),
          cursor: undefined,
        }));
        expect(await all(list)).toEqual(items.slice(offset));
        expect(asked).toHaveLength(Math.floor(Math.max(0, total - offset) / limit) + 1);
      }),
    );
  });

  it('does not ask a server again and again that ignores offsets', async () => {
    const { list, asked } = listOver({ limit: 5, offset: 0 }, () => ({
      items: numbers(5),
      cursor: undefined,
    }));
    expect(await rejection(all(list))).toMatchObject({ code: 'response_invalid' });
    expect(asked.length).toBeLessThanOrEqual(4);
  });

  it('takes a page that is longer than asked for as all there is', async () => {
    const { list, asked } = listOver({ limit: 5, offset: 0 }, () => ({
      items: numbers(9),
      cursor: undefined,
    }));
    expect(await all(list)).toEqual(numbers(9));
    expect(asked).toHaveLength(1);
  });

  it('ends where the server stays at its last page', async () => {
    const items = numbers(20);
    const { list, asked } = listOver({ limit: 5, offset: 0 }, (at) => {
      const offset = Math.min(at.offset, 15);
      return { items: items.slice(offset, offset + 5), cursor: undefined };
    });
    expect(await all(list)).toEqual(items);
    expect(asked.length).toBeLessThanOrEqual(7);
  });
});

/** Runs, as a server lists them. */
const runs = (total: number): RestServer => {
  const list = numbers(total).map((n) => ({ training_run_id: n, base_model: 'm' }));
  return ({ target }) => {
    const query = new URLSearchParams(target.split('?')[1]);
    const [limit, offset] = [Number(query.get('limit')), Number(query.get('offset'))];
    const cursor = { offset, limit, total_count: total };
    return answer({ training_runs: list.slice(offset, offset + limit), cursor });
  };
};

describe('listTrainingRuns', () => {
  it('asks for a page when it is needed, and for none after a break', async () => {
    const { rest, clock, lines, finish } = restSetup(runs(60));
    const read = async (most: number): Promise<string[]> => {
      const seen: string[] = [];
      for await (const { trainingRunId } of rest.listTrainingRuns({ limit: 20 })) {
        seen.push(trainingRunId);
        if (seen.length === most) break;
      }
      return seen;
    };
    expect(await clock.drive(read(20))).toEqual(numbers(20));
    expect(lines()).toEqual(['GET training_runs?limit=20&offset=0&access_scope=owned']);
    expect(await clock.drive(read(21))).toEqual(numbers(21));
    expect(lines()).toHaveLength(3);
    expect(lines()[2]).toContain('offset=20');
    await finish();
  });

  it('sends nothing until it is read, and begins anew with each loop', async () => {
    const { rest, clock, calls, finish } = restSetup(runs(3));
    const list = rest.listTrainingRuns({ limit: 2 });
    await clock.advance(1_000);
    expect(calls).toHaveLength(0);
    expect(await clock.drive(all(list))).toHaveLength(3);
    expect(await clock.drive(all(list))).toHaveLength(3);
    expect(calls).toHaveLength(4);
    await finish();
  });

  it('gives single pages, and where the next one begins', async () => {
    const { rest, clock, lines, finish } = restSetup(runs(5));
    const list = rest.listTrainingRuns({ limit: 2, offset: 1 });
    const first = await clock.drive(list.page());
    expect(first.items.map(({ trainingRunId }) => trainingRunId)).toEqual(['1', '2']);
    expect(first.cursor).toEqual({ offset: 1, limit: 2, totalCount: 5 });
    expect(first.nextOffset).toBe(3);
    const last = await clock.drive(list.page({ offset: first.nextOffset }));
    expect(last.items.map(({ trainingRunId }) => trainingRunId)).toEqual(['3', '4']);
    expect(last.nextOffset).toBeUndefined();
    expect((await clock.drive(list.page({ limit: 9, offset: undefined }))).items).toHaveLength(4);
    expect(lines().map((line) => line.split('?')[1]?.split('&access')[0])).toEqual([
      'limit=2&offset=1',
      'limit=2&offset=3',
      'limit=9&offset=1',
    ]);
    await finish();
  });

  it('stops on abort: between items, between pages, and while it asks', async () => {
    const { rest, clock, calls, finish } = restSetup(runs(60));
    for (const stopAt of [5, 20]) {
      const controller = new AbortController();
      const reason = new Error(`at ${stopAt}`);
      const seen: unknown[] = [];
      const before = calls.length;
      const read = async (): Promise<void> => {
        for await (const run of rest.listTrainingRuns({ limit: 20 }, { signal: controller.signal })) {
          seen.push(run);
          if (seen.length === stopAt) controller.abort(reason);
        }
      };
      expect(await driveToRejection(clock, read())).toBe(reason);
      expect(seen).toHaveLength(stopAt);
      expect(calls.length - before).toBe(1);
    }
    await finish();
    const silent = restSetup(
      ({ request }) =>
        new Promise((_, reject) => {
          request.signal.addEventListener('abort', () => reject(request.signal.reason));
        }),
    );
    const controller = new AbortController();
    const list = silent.rest.listTrainingRuns({}, { signal: controller.signal });
    const [ended, page] = [rejection(all(list)), rejection(list.page())];
    await silent.clock.advance(0);
    const reason = new Error('silent');
    controller.abort(reason);
    expect(await ended).toBe(reason);
    expect(await page).toBe(reason);
    await silent.finish();
  });

  it('gives each page the call’s time, and lets a page have its own', async () => {
    const { rest, clock, finish } = restSetup(async (call) => {
      await sleep(clock, 600, call.request.signal);
      return runs(40)(call, 0);
    });
    const list = rest.listTrainingRuns({}, { timeoutMs: 1_000 });
    expect(await clock.drive(all(list))).toHaveLength(40);
    expect(await driveToRejection(clock, list.page({}, { timeoutMs: 500 }))).toMatchObject({
      code: 'timed_out',
    });
    await finish();
  });

  it('is refused after close', async () => {
    const { rest, finish } = restSetup(runs(1));
    const list = rest.listTrainingRuns();
    await finish();
    expect(await rejection(all(list))).toMatchObject({ code: 'client_closed' });
  });
});

it('lists sessions and checkpoints through all pages', async () => {
  const sessions = numbers(40);
  const { rest, clock, calls, finish } = restSetup(({ target }) => {
    const query = new URLSearchParams(target.split('?')[1]);
    const [limit, offset] = [Number(query.get('limit')), Number(query.get('offset'))];
    if (target.startsWith('sessions')) return answer({ sessions: sessions.slice(offset, offset + limit) });
    const one = (n: string) => ({ checkpoint_id: `weights/${n}`, tinker_path: `tinker://r/weights/${n}` });
    if (target.startsWith('training_runs')) return answer({ checkpoints: sessions.map(one) });
    const page = sessions.slice(offset, offset + limit).map(one);
    return answer({ checkpoints: page, cursor: { offset, limit, total_count: 40 } });
  });
  expect(await clock.drive(all(rest.listSessions()))).toEqual(sessions);
  // Full to the last page, which only a third one shows.
  expect(calls).toHaveLength(3);
  const checkpoints = await clock.drive(all(rest.listUserCheckpoints({ limit: 7 })));
  expect(checkpoints.map(({ checkpointId }) => checkpointId)).toEqual(sessions.map((n) => `weights/${n}`));
  expect(calls).toHaveLength(3 + 6);
  expect(await clock.drive(all(rest.listCheckpoints('r')))).toHaveLength(40);
  const whole = await clock.drive(rest.listCheckpoints('r').page());
  expect([whole.items.length, whole.cursor, whole.nextOffset]).toEqual([40, undefined, undefined]);
  expect(calls).toHaveLength(11);
  await finish();
});

it('a whole list stops on abort, too', async () => {
  const controller = new AbortController();
  const list = createWholeList(async () => ({ items: [1, 2, 3], cursor: undefined }), {
    signal: controller.signal,
  });
  const reason = new Error('enough');
  const seen: number[] = [];
  const read = async (): Promise<void> => {
    for await (const item of list) {
      seen.push(item);
      controller.abort(reason);
    }
  };
  expect(await rejection(read())).toBe(reason);
  expect(seen).toEqual([1]);
});
