import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sleep } from '../../../src/kernel/abort.ts';
import { isTinkerError } from '../../../src/kernel/errors.ts';
import type { Runtime } from '../../../src/operations/runtime.ts';
import type { CallOptions } from '../../../src/operations/scope.ts';
import { type Batch, createTurns, type SubmittedBatch } from '../../../src/operations/turns.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { exploreInterleavings, randomInterleavings } from '../../../src/testing/interleavings.ts';
import { orderedServer } from '../../support/ordered-server.ts';
import { numberedRequest, readSubmission, type SeenSubmission } from '../../support/pass-server.ts';
import { type TestServerSettings, testRuntime } from '../../support/runtime.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

/** What the server does with an attempt: takes it, refuses it, takes it and lets the answer be lost, … */
type Act = 'take' | 'refuse' | 'refuse otherwise' | 'limit' | 'lose' | 'fail' | 'drop';

/** Decides by what was asked, and the how-manieth attempt of this call under this number it is (from 0). */
type Decide = (submission: SeenSubmission, attempt: number) => Act | Promise<Act>;

function setUp(decide: Decide, options: Partial<Runtime> = {}, settings: TestServerSettings = {}) {
  const seen: SeenSubmission[] = [];
  const server = orderedServer();
  const attempts = new Map<string, number>();
  const answer = async (request: Request): Promise<Response> => {
    const submission = await readSubmission(request);
    const { sequenceId, call } = submission;
    seen.push(submission);
    const key = `${sequenceId}/${call}`;
    const attempt = attempts.get(key) ?? 0;
    attempts.set(key, attempt + 1);
    const decided = await decide(submission, attempt);
    const isRefusal = decided === 'refuse' || decided === 'refuse otherwise' || decided === 'limit';
    // What it has it has.
    const act = isRefusal && server.knows(submission) ? 'take' : decided;
    if (act === 'drop') throw new TypeError('fetch failed', { cause: new Error('read ECONNRESET') });
    if (act === 'refuse') return Response.json({ detail: `no ${call}` }, { status: 400 });
    if (act === 'refuse otherwise') return Response.json({ detail: `not ${call}` }, { status: 401 });
    if (act === 'limit') return new Response('', { status: 429 });
    if (act === 'fail') return new Response('', { status: 503 });
    server.accept(submission);
    if (act === 'lose') return new Response('', { status: 502 });
    return Response.json({ request_id: `r-${call}` });
  };
  const base = testRuntime({ train: [answer] }, options, {}, settings);
  const turns = createTurns(base.runtime, () => numberedRequest(0));
  const submit = (
    calls: readonly number[],
    { bytes, ...batch }: Partial<Batch> & { readonly bytes?: number } = {},
    call: CallOptions = {},
  ): Promise<SubmittedBatch> => {
    const requests = calls.map((one) => numberedRequest(one, { protobuf: undefined, bytes }));
    return base.runtime.scopes.run(call, (scope) => turns.submit(scope, { requests, ...batch }));
  };
  return {
    ...base,
    server,
    submit,
    seen: () => seen.map(({ sequenceId, call }) => [sequenceId, call]),
    finish() {
      const { scopes, account } = base.runtime;
      expect([scopes.size, base.clock.pending, account.passBytes.used]).toEqual([0, 0, 0]);
      expect(server.faults).toEqual([]);
    },
  };
}

const SEQUENTIAL: TestServerSettings = { config: { parallelChunks: false } };
const take = (): Act => 'take';
/** Refuses some calls, and takes the rest. */
const refusing =
  (...calls: readonly number[]): Decide =>
  ({ call }) =>
    calls.includes(call) ? 'refuse' : 'take';

describe('a batch', () => {
  it('takes numbers in a row, goes side by side, the first last, and gives its answers in order', async () => {
    const { submit, seen, server, clock, finish } = setUp(async (): Promise<Act> => {
      await sleep(clock, 100);
      return 'take';
    });
    const all = Promise.all([submit([1, 2, 3]), submit([4])]);
    await clock.advance(50);
    expect(seen()).toEqual([
      [2, 2],
      [3, 3],
    ]);
    await clock.advance(100);
    expect(seen().slice(2)).toEqual([[1, 1]]);
    const [batch, one] = await clock.drive(all);
    expect(batch).toEqual([{ requestId: 'r-1' }, { requestId: 'r-2' }, { requestId: 'r-3' }]);
    expect(one).toEqual([{ requestId: 'r-4' }]);
    expect(server.ran).toEqual([1, 2, 3, 4]);
    finish();
  });

  it('goes one by one, in order, where the server wants that', async () => {
    const { submit, seen, times, clock, finish } = setUp(
      async (): Promise<Act> => {
        await sleep(clock, 100);
        return 'take';
      },
      {},
      SEQUENTIAL,
    );
    await clock.drive(submit([1, 2, 3]));
    expect(seen()).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(times).toEqual([0, 100, 200]);
    finish();
  });

  it('is told as accepted when all of it is, and not before', async () => {
    const order: string[] = [];
    const { submit, clock, finish } = setUp(({ call }) => {
      order.push(`sent ${call}`);
      return 'take';
    });
    await clock.drive(submit([1, 2], { accepted: () => order.push('accepted') }));
    expect(order).toEqual(['sent 2', 'sent 1', 'accepted']);
    await clock.drive(
      rejection(
        submit([3, 4], {
          precondition: () => {
            throw new Error('not now');
          },
        }),
      ),
    );
    expect(order).toHaveLength(3);
    finish();
  });

  it('of nothing is nothing', async () => {
    const { submit, seen, clock, finish } = setUp(take);
    expect(await clock.drive(submit([]))).toEqual([]);
    await clock.drive(submit([1]));
    expect(seen()).toEqual([[1, 1]]);
    finish();
  });

  it('of a hundred parts puts one listener on its caller’s signal', async () => {
    const warnings: unknown[] = [];
    const warn = (warning: unknown): void => void warnings.push(warning);
    process.on('warning', warn);
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const { submit, clock, finish } = setUp(take);
    await clock.drive(
      submit(
        Array.from({ length: 100 }, (_, index) => index + 1),
        {},
        { signal: controller.signal },
      ),
    );
    expect(listeners).toMatchObject({ left: 0, added: 1 });
    await clock.advance(0);
    process.off('warning', warn);
    expect(warnings).toEqual([]);
    finish();
  });
});

describe.each([2, 3, 4])('a batch of %d of which one is refused', (size) => {
  const calls = Array.from({ length: size }, (_, index) => index + 1);

  it.each(calls)(
    'at place %d: those taken stay, holes are filled, and what follows runs',
    async (refused) => {
      for (const accumulates of [true, false]) {
        const accepted: string[] = [];
        const { submit, server, clock, finish } = setUp(refusing(refused));
        const error = await driveToRejection(
          clock,
          submit(calls, { accumulates, accepted: () => accepted.push('accepted') }),
        );
        // The first one is not even sent where another was refused.
        const taken = size === 2 && refused === 2 ? 0 : size - (refused === 1 ? 1 : 2);
        const refusal = { code: 'http_status', status: 400 };
        if (accumulates && taken > 0)
          expect(error).toMatchObject({
            code: 'batch_incomplete',
            chunks: size,
            acceptedChunks: taken,
            cause: refusal,
          });
        else expect(error).toMatchObject(refusal);
        expect((error as Error).message).toContain(`no ${refused}`);
        await clock.drive(submit([9]));
        const lastTaken = Math.max(0, ...calls.slice(1).filter((call) => call !== refused));
        const expected = calls.slice(0, lastTaken).map((call) => (call === 1 || call === refused ? 0 : call));
        expect(server.ran).toEqual(taken === 0 ? [9] : [...expected, 9]);
        expect([server.held, accepted]).toEqual([[], []]);
        finish();
      }
    },
  );

  it.each(calls)(
    'at place %d, one by one: what came before stays, and nothing needs to be filled',
    async (refused) => {
      const { submit, seen, server, clock, finish } = setUp(refusing(refused), {}, SEQUENTIAL);
      const error = await driveToRejection(clock, submit(calls, { accumulates: true }));
      if (refused === 1) expect(error).toMatchObject({ status: 400 });
      else expect(error).toMatchObject({ code: 'batch_incomplete', acceptedChunks: refused - 1 });
      expect(seen()).toHaveLength(refused);
      await clock.drive(submit([9]));
      expect(server.ran).toEqual([...calls.slice(0, refused - 1), 9]);
      finish();
    },
  );
});

describe('a batch that is refused', () => {
  it('whole leaves all its numbers to the next', async () => {
    const { submit, seen, server, clock, finish } = setUp(refusing(1, 2, 3));
    expect(await driveToRejection(clock, submit([1, 2, 3], { accumulates: true }))).toMatchObject({
      status: 400,
    });
    await clock.drive(submit([4, 5]));
    expect(seen().slice(-2)).toEqual([
      [2, 5],
      [1, 4],
    ]);
    expect(server.ran).toEqual([4, 5]);
    finish();
  });

  it('in part keeps back what waits between attempts, and lets what is under way come to its end', async () => {
    const { submit, server, seen, clock, finish } = setUp(async ({ call }, attempt): Promise<Act> => {
      if (call === 2) return 'refuse otherwise';
      if (call === 3 && attempt === 0) return 'limit';
      if (call === 4) await sleep(clock, 5_000);
      return 'take';
    });
    const error = await driveToRejection(clock, submit([1, 2, 3, 4], { accumulates: true }));
    expect(error).toMatchObject({ code: 'batch_incomplete', acceptedChunks: 1, cause: { status: 401 } });
    // The third was refused by a limit once, and not sent again.
    expect(seen().filter(([, call]) => call === 3)).toHaveLength(1);
    await clock.drive(submit([9]));
    expect(server.ran).toEqual([0, 0, 0, 4, 9]);
    finish();
  });

  it('in part finds out what became of a lost one before it goes on', async () => {
    const { submit, server, clock, finish } = setUp(({ call }, attempt) => {
      if (call === 2) return 'refuse';
      return call === 3 && attempt === 0 ? 'lose' : 'take';
    });
    const error = await driveToRejection(clock, submit([1, 2, 3], { accumulates: true }));
    expect(error).toMatchObject({ code: 'batch_incomplete', acceptedChunks: 1 });
    await clock.drive(submit([9]));
    expect(server.ran).toEqual([0, 0, 3, 9]);
    finish();
  });

  it('and whose holes cannot be filled poisons what follows', async () => {
    const { submit, server, clock, finish } = setUp(({ call }) => (call === 3 ? 'take' : 'refuse'));
    const error = await driveToRejection(clock, submit([1, 2, 3], { accumulates: true }));
    expect(error).toMatchObject({ code: 'submit_ambiguous', sequenceId: 1, lastAcceptedId: 0 });
    expect(await rejection(submit([9]))).toMatchObject({
      code: 'client_poisoned',
      sequenceId: 1,
      cause: error,
    });
    expect(server.ran).toEqual([]);
    finish();
  });
});

describe('a batch of which one is lost', () => {
  it.each([1, 2, 3])('at place %d: poisons what follows, whatever became of the others', async (lost) => {
    const { submit, clock, finish } = setUp(({ call }) => (call === lost ? 'lose' : 'take'), {
      retryBudgetMs: 2_000,
    });
    const error = await driveToRejection(clock, submit([1, 2, 3], { accumulates: true }));
    expect(error).toMatchObject({ code: 'submit_ambiguous', sequenceId: lost, lastAcceptedId: 0 });
    expect(await rejection(submit([9]))).toMatchObject({ code: 'client_poisoned', sequenceId: lost });
    finish();
  });

  it('and another refused is lost', async () => {
    const { submit, clock, finish } = setUp(({ call }) => (call === 3 ? 'lose' : 'refuse'), {
      retryBudgetMs: 2_000,
    });
    expect(await driveToRejection(clock, submit([1, 2, 3]))).toMatchObject({
      code: 'submit_ambiguous',
      sequenceId: 3,
    });
    finish();
  });

  it('on a server that does not know numbers again is lost at once', async () => {
    const { submit, seen, clock, finish } = setUp(({ call }) => (call === 2 ? 'lose' : 'take'), {
      serverDeduplicates: false,
    });
    expect(await driveToRejection(clock, submit([1, 2, 3]))).toMatchObject({
      code: 'submit_ambiguous',
      sequenceId: 2,
    });
    expect(seen()).toHaveLength(2);
    finish();
  });
});

describe('the bytes of a batch', () => {
  it('never are more under way than the budget and one part, and come back', async () => {
    let most = 0;
    const base = setUp(async (): Promise<Act> => {
      most = Math.max(most, base.runtime.account.passBytes.used);
      await sleep(base.clock, 100);
      return 'take';
    });
    const { submit, clock, server, finish } = base;
    // 25 parts of 4 MB: the protocol’s budget is 50 MB.
    const calls = Array.from({ length: 25 }, (_, index) => index + 1);
    await clock.drive(submit(calls, { bytes: 4_000_000 }));
    expect(server.ran).toEqual(calls);
    expect(most).toBe(52_000_000);
    finish();
  });

  it('do not turn a batch away for being larger than the budget, also where its caller does not want to wait', async () => {
    for (const onLimit of ['wait', 'throw'] as const) {
      const { submit, server, clock, finish } = setUp(take, {}, { config: { passDispatchBytes: 100 } });
      await clock.drive(submit([1, 2, 3, 4, 5], { bytes: 80 }, { onLimit }));
      expect(server.ran).toEqual([1, 2, 3, 4, 5]);
      finish();
    }
  });
});

describe('a caller that does not want to wait', () => {
  it.each<readonly [string, Partial<Runtime>, CallOptions]>([
    ['by its call', {}, { onLimit: 'throw' }],
    ['by its service', { onLimit: 'throw' }, {}],
  ])('is turned away before anything of its batch is taken: %s', async (_, options, call) => {
    const { submit, seen, server, clock, finish } = setUp(
      ({ call }) => (call < 4 ? 'limit' : 'take'),
      options,
    );
    expect(await clock.drive(rejection(submit([1, 2, 3], {}, call)))).toMatchObject({
      code: 'limit_reached',
    });
    expect(seen()).toEqual([[2, 2]]);
    await clock.drive(submit([4, 5, 6], {}, call));
    expect(server.ran).toEqual([4, 5, 6]);
    finish();
  });

  it.each<readonly [string, TestServerSettings]>([
    ['side by side', {}],
    ['one by one', SEQUENTIAL],
  ])('waits all the same once a part of its batch is taken: %s', async (_, settings) => {
    const { submit, server, clock, finish } = setUp(
      ({ call }, attempt) => (call === 3 && attempt < 2 ? 'limit' : 'take'),
      {},
      settings,
    );
    await clock.drive(submit([1, 2, 3], { accumulates: true }, { onLimit: 'throw' }));
    expect(server.ran).toEqual([1, 2, 3]);
    finish();
  });

  it('is turned away with a single request like before', async () => {
    const { submit, clock, finish } = setUp(({ call }) => (call === 1 ? 'limit' : 'take'));
    expect(await clock.drive(rejection(submit([1], {}, { onLimit: 'throw' })))).toMatchObject({
      code: 'limit_reached',
    });
    await clock.drive(submit([2]));
    finish();
  });
});

describe('an abort of a batch', () => {
  it('tells the caller its own reason, also where a part was taken', async () => {
    const { submit, server, clock, finish } = setUp(async (): Promise<Act> => {
      await sleep(clock, 100);
      return 'take';
    });
    const controller = new AbortController();
    const aborted = rejection(submit([1, 2, 3], { accumulates: true }, { signal: controller.signal }));
    await clock.advance(50);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    await clock.drive(submit([9]));
    expect(server.ran).toEqual([0, 2, 3, 9]);
    finish();
  });

  it.each([1, 2, 3])('at every moment, whichever of three parts is refused or none: %d', async (refused) => {
    for (const settings of [{}, SEQUENTIAL]) {
      for (const isRefused of [true, false]) {
        let scenario: ReturnType<typeof setUp>;
        const { schedules } = await exploreInterleavings(
          (pass) => {
            const controller = new AbortController();
            scenario = setUp(
              async ({ sequenceId, call }) => {
                await pass(`${sequenceId} of ${call}`);
                return isRefused && call === refused ? 'refuse' : 'take';
              },
              {},
              settings,
            );
            const { submit } = scenario;
            return [
              () => submit([1, 2, 3], { accumulates: true }, { signal: controller.signal }).catch(codeOf),
              () => submit([4]).catch(codeOf),
              async () => {
                await pass('abort');
                controller.abort('enough');
              },
            ];
          },
          async (_, [, next]) => {
            const { server, submit, clock, finish } = scenario;
            expect(next).toEqual([{ requestId: 'r-4' }]);
            await clock.drive(submit([5]));
            expect([server.held, server.faults]).toEqual([[], []]);
            expect(server.ran.slice(-2)).toEqual([4, 5]);
            // Nothing of the batch ran twice, nor after what came behind it.
            const own = server.ran.slice(0, -2).filter((call) => call > 0);
            expect(own).toEqual(own.toSorted((one, other) => one - other));
            expect(new Set(own).size).toBe(own.length);
            finish();
          },
          { restTurns: 4, whenBlocked: () => scenario.clock.advance(1_000) },
        );
        expect(schedules).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it('at random moments, of several callers, with a server that loses answers', async () => {
    let scenario: ReturnType<typeof setUp>;
    const { distinct } = await randomInterleavings(
      (pass) => {
        const controllers = [new AbortController(), new AbortController()] as const;
        scenario = setUp(async ({ sequenceId, call }, attempt) => {
          await pass(`${sequenceId} of ${call}`);
          if ((sequenceId + call) % 4 === 0 && attempt === 0) return 'lose';
          if (call === 3 || call === 6) return 'refuse';
          return call === 5 && attempt < 2 ? 'fail' : 'take';
        });
        const { submit } = scenario;
        const [first, second] = controllers;
        const abort = (controller: AbortController) => async (): Promise<void> => {
          await pass('abort');
          controller.abort('enough');
        };
        return [
          () => submit([1, 2, 3, 4], { accumulates: true }, { signal: first.signal }).catch(codeOf),
          () => submit([5, 6, 7], { accumulates: true }, { signal: second.signal }).catch(codeOf),
          () => submit([8]).catch(codeOf),
          abort(first),
          abort(second),
        ];
      },
      async (_, [, , eighth]) => {
        const { server, submit, clock, finish } = scenario;
        expect(eighth).toEqual([{ requestId: 'r-8' }]);
        await clock.drive(submit([9]));
        expect([server.held, server.faults, server.ran.slice(-2)]).toEqual([[], [], [8, 9]]);
        finish();
      },
      { seeds: 150, restTurns: 4, whenBlocked: () => scenario.clock.advance(1_000) },
    );
    expect(distinct).toBeGreaterThan(50);
  });
});

function codeOf(error: unknown): unknown {
  return isTinkerError(error) ? error.code : error;
}

describe('whatever happens', () => {
  const act = fc.constantFrom<Act>('take', 'take', 'take', 'refuse', 'limit', 'lose', 'fail', 'drop');
  const batch = fc.record({
    size: fc.integer({ min: 1, max: 4 }),
    startMs: fc.nat(2_000),
    abortMs: fc.option(fc.nat(3_000), { nil: undefined }),
    onLimit: fc.constantFrom<'wait' | 'throw'>('wait', 'throw'),
  });

  it('no number is skipped or used twice, and what follows runs, unless it is told that the order is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 1, maxLength: 40 }),
        fc.array(batch, { minLength: 1, maxLength: 6 }),
        fc.nat(300),
        fc.boolean(),
        async (acts, batches, latencyMs, parallelChunks) => {
          let isOver = false;
          let turn = 0;
          const base = setUp(
            async (): Promise<Act> => {
              await sleep(base.clock, latencyMs);
              return isOver ? 'take' : (acts[turn++ % acts.length] ?? 'take');
            },
            { retryBudgetMs: 5_000, attemptTimeoutMs: 1_000 },
            { config: { parallelChunks, passDispatchBytes: 25 } },
          );
          const { clock, submit, server, finish } = base;
          let calls = 0;
          const outcomes = batches
            .toSorted((one, other) => one.startMs - other.startMs)
            .map(async ({ size, startMs, abortMs, onLimit }) => {
              const own = Array.from({ length: size }, () => ++calls);
              const controller = new AbortController();
              await sleep(clock, startMs);
              const cancel =
                abortMs === undefined ? undefined : clock.schedule(() => controller.abort('enough'), abortMs);
              const { signal } = controller;
              const outcome = await submit(own, { accumulates: true, bytes: 10 }, { signal, onLimit }).catch(
                codeOf,
              );
              cancel?.();
              return { own, outcome };
            });
          const ends = await clock.drive(Promise.all(outcomes));
          // Attempts that outlive their caller.
          await clock.advance(60_000);
          isOver = true;
          const last = await clock.drive(submit([99]).catch(codeOf));
          const isLost = ends.some(
            ({ outcome }) => outcome === 'submit_ambiguous' || outcome === 'client_poisoned',
          );
          const hasDoubt = acts.some((one) => one !== 'take' && one !== 'limit');
          if (last === 'client_poisoned') expect(isLost || hasDoubt).toBe(true);
          else {
            expect([last, isLost]).toEqual([[{ requestId: 'r-99' }], false]);
            expect([server.held, server.ran.at(-1)]).toEqual([[], 99]);
          }
          for (const { own, outcome } of ends) {
            if (!Array.isArray(outcome)) continue;
            const at = server.ran.indexOf(own[0] ?? 0);
            expect(server.ran.slice(at, at + own.length)).toEqual(own);
          }
          finish();
        },
      ),
      { numRuns: 150 },
    );
  });
});
