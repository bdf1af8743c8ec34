import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sleep } from '../../../src/kernel/abort.ts';
import { isTinkerError } from '../../../src/kernel/errors.ts';
import type { NumberedRequest } from '../../../src/operations/numbered-submission.ts';
import type { Scope } from '../../../src/operations/scope.ts';
import { type Batch, createTurns, type Turns } from '../../../src/operations/turns.ts';
import { resolveBreakerConfig } from '../../../src/policy/breaker.ts';
import { countListeners, type ListenerCount } from '../../../src/testing/abort-listeners.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { answerAfter, testRuntime } from '../../support/runtime.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

/** What fills a hole. */
const filler = (): NumberedRequest => ({
  path: '/api/v1/fill',
  body: (sequenceId) => ({ seq_id: sequenceId, call: 'filler' }),
});

type Hooks = Pick<Batch, 'precondition' | 'accepted'>;

/** A batch of one, and what became of it. */
async function submitOne(
  turns: Pick<Turns, 'submit'>,
  scope: Scope,
  request: NumberedRequest,
  hooks: Hooks = {},
) {
  const [submitted] = await turns.submit(scope, { requests: [request], ...hooks });
  return submitted;
}

function setUp(
  answers: readonly Answer[],
  options: Parameters<typeof testRuntime>[1] = {},
  account: Parameters<typeof testRuntime>[2] = {},
) {
  const script: Record<string, readonly Answer[]> = { train: answers };
  const base = testRuntime(script, options, account);
  const turns = createTurns(base.runtime, filler);
  const counts: ListenerCount[] = [];
  let calls = 0;
  /** Submit as an operation of its own; the body tells which call it was. */
  const submit = (
    { precondition, accepted, ...more }: Partial<NumberedRequest> & Hooks = {},
    controller = new AbortController(),
  ) => {
    const hooks = { ...(precondition && { precondition }), ...(accepted && { accepted }) };
    const call = ++calls;
    counts.push(countListeners(controller.signal));
    return base.runtime.scopes.run({ signal: controller.signal }, (scope) =>
      submitOne(
        turns,
        scope,
        { path: '/api/v1/train', body: (sequenceId) => ({ seq_id: sequenceId, call }), ...more },
        hooks,
      ),
    );
  };
  const seen = () => base.requests.map(({ body }) => [body['seq_id'], body['call']]);
  const finish = (): void => {
    expect(base.runtime.scopes.size).toBe(0);
    expect(base.clock.pending).toBe(0);
    expect(counts.map(({ left }) => left)).toEqual(counts.map(() => 0));
  };
  return { ...base, script, submit, seen, finish };
}

/** A connection that was cut: what was sent may have arrived. */
const cut: Answer = () => {
  throw new TypeError('fetch failed', { cause: new Error('read ECONNRESET') });
};
const OK: Answer = { status: 200, body: { request_id: 'r' } };

describe('turns', () => {
  it('number requests from 1 in call order, one at a time', async () => {
    const base = setUp([]);
    let inFlight = 0;
    base.script['train'] = [
      (request) => {
        inFlight += 1;
        expect(inFlight).toBe(1);
        const held = answerAfter(base.clock, 100, () => {
          inFlight -= 1;
          return Response.json({ request_id: 'r' });
        });
        return (held as (request: Request) => Promise<Response>)(request);
      },
    ];
    const all = Promise.all([base.submit(), base.submit(), base.submit()]);
    expect(await base.clock.drive(all)).toEqual([{ requestId: 'r' }, { requestId: 'r' }, { requestId: 'r' }]);
    expect(base.seen()).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(base.times).toEqual([0, 100, 200]);
    base.finish();
  });

  it('keep the number over retries', async () => {
    const { submit, seen, clock, finish } = setUp([{ status: 503 }, { status: 429 }, 'refused', OK]);
    await clock.drive(submit());
    await clock.drive(submit());
    expect(seen()).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 1],
      [2, 2],
    ]);
    finish();
  });

  it.each([400, 401, 403, 404, 409, 413, 422])(
    'use the number of a request that was refused with %d again',
    async (status) => {
      const { submit, seen, clock, finish } = setUp([{ status, body: { detail: 'no' } }, OK]);
      const refused = rejection(submit());
      const next = submit();
      expect(await clock.drive(refused)).toMatchObject({ status });
      await clock.drive(next);
      expect(seen()).toEqual([
        [1, 1],
        [1, 2],
      ]);
      finish();
    },
  );

  it('take no number for a call that is aborted in the queue', async () => {
    const base = setUp([]);
    base.script['train'] = [answerAfter(base.clock, 100, () => Response.json({ request_id: 'r' }))];
    const controller = new AbortController();
    const first = base.submit();
    const aborted = rejection(base.submit({}, controller));
    const next = base.submit();
    await base.clock.advance(50);
    controller.abort('enough');
    expect(await aborted).toBe('enough');
    await base.clock.drive(Promise.all([first, next]));
    expect(base.seen()).toEqual([
      [1, 1],
      [2, 3],
    ]);
    base.finish();
  });

  it('free an aborted caller at once, and wait for the answer before they go on', async () => {
    const base = setUp([]);
    base.script['train'] = [answerAfter(base.clock, 100, () => Response.json({ request_id: 'r' }))];
    const controller = new AbortController();
    let isAccepted = false;
    const accepted = (): void => {
      isAccepted = true;
    };
    const first = rejection(base.submit({ accepted }, controller));
    const next = base.submit();
    await base.clock.advance(50);
    controller.abort('enough');
    expect(await first).toBe('enough');
    await base.clock.advance(49);
    expect(base.seen()).toEqual([[1, 1]]);
    await base.clock.drive(next);
    expect(isAccepted).toBe(true);
    expect(base.seen()).toEqual([
      [1, 1],
      [2, 2],
    ]);
    base.finish();
  });

  it('give the number on where the aborted caller’s request was refused after all', async () => {
    const base = setUp([]);
    base.script['train'] = [
      answerAfter(base.clock, 100, () => Response.json({ detail: 'no' }, { status: 400 })),
      OK,
    ];
    const controller = new AbortController();
    const first = rejection(base.submit({}, controller));
    const next = base.submit();
    await base.clock.advance(50);
    controller.abort('enough');
    await base.clock.drive(next);
    expect(await first).toBe('enough');
    expect(base.seen()).toEqual([
      [1, 1],
      [1, 2],
    ]);
    base.finish();
  });

  it('give the number on where the caller aborts between refusals', async () => {
    const { submit, seen, clock, finish } = setUp([{ status: 429 }, OK]);
    const controller = new AbortController();
    const first = rejection(submit({}, controller));
    await clock.advance(100);
    controller.abort('enough');
    expect(await first).toBe('enough');
    await clock.drive(submit());
    expect(seen()).toEqual([
      [1, 1],
      [1, 2],
    ]);
    finish();
  });
});

describe('a request whose fate is unknown', () => {
  it.each<readonly [string, readonly Answer[], object]>([
    ['5xx until the budget ends', [{ status: 503 }], { code: 'http_status', status: 503 }],
    ['408 until the budget ends', [{ status: 408 }], { code: 'http_status', status: 408 }],
    [
      'a 5xx that must not be retried',
      [{ status: 500, headers: { 'x-should-retry': 'false' } }],
      { status: 500 },
    ],
    ['a cut connection until the budget ends', [cut], { code: 'connection_failed' }],
    ['no answer until the budget ends', ['nothing'], { code: 'timed_out' }],
    ['an answer that was cut', [{ status: 200, text: '{"request' }], { code: 'response_invalid' }],
    ['an answer without an id', [{ status: 200, body: {} }], { code: 'response_invalid' }],
    ['a redirect', [{ status: 302 }], { status: 302 }],
    [
      'trouble, and then a refusal: was it refused as a duplicate?',
      [{ status: 503 }, { status: 409 }],
      { status: 409 },
    ],
    ['a cut connection, and then none at all', [cut, 'refused'], { code: 'connection_failed' }],
  ])('poisons what follows: %s', async (_, answers, failure) => {
    const { submit, seen, clock, finish } = setUp(answers, { retryBudgetMs: 1_000, attemptTimeoutMs: 400 });
    const first = submit();
    const queued = rejection(submit());
    const error = await driveToRejection(clock, first);
    expect(error).toMatchObject({
      code: 'submit_ambiguous',
      sequenceId: 1,
      lastAcceptedId: 0,
      retryable: false,
    });
    expect((error as Error).cause).toMatchObject(failure);
    const count = seen().length;
    const poison = await queued;
    expect(poison).toMatchObject({ code: 'client_poisoned', sequenceId: 1, lastAcceptedId: 0 });
    expect((poison as Error).cause).toBe(error);
    let asked = false;
    const later = submit({
      precondition: () => {
        asked = true;
      },
    });
    expect(await rejection(later)).toBe(poison);
    expect(asked).toBe(false);
    expect(seen()).toHaveLength(count);
    expect(seen().every(([sequenceId]) => sequenceId === 1)).toBe(true);
    finish();
  });

  it.each([true, false])(
    'is followed up where its caller aborts before it is repeated, on a server that knows numbers again: %s',
    async (serverDeduplicates) => {
      const { submit, seen, clock, finish } = setUp([{ status: 503 }, OK], { serverDeduplicates });
      const controller = new AbortController();
      const first = rejection(submit({}, controller));
      await clock.advance(100);
      controller.abort('enough');
      if (serverDeduplicates) {
        expect(await first).toBe('enough');
        await clock.drive(submit());
        expect(seen()).toEqual([
          [1, 1],
          [1, 1],
          [2, 2],
        ]);
      } else {
        // Lost with its only attempt, and so told before the abort.
        expect(await first).toMatchObject({ code: 'submit_ambiguous' });
        expect(await rejection(submit())).toMatchObject({ code: 'client_poisoned' });
      }
      finish();
    },
  );

  it('is followed up where its caller aborts an attempt that is then lost', async () => {
    const base = setUp([]);
    base.script['train'] = [answerAfter(base.clock, 100, () => new Response('down', { status: 503 })), OK];
    const controller = new AbortController();
    const first = rejection(base.submit({}, controller));
    await base.clock.advance(50);
    controller.abort('enough');
    expect(await first).toBe('enough');
    await base.clock.drive(base.submit());
    expect(base.seen()).toEqual([
      [1, 1],
      [1, 1],
      [2, 2],
    ]);
    base.finish();
  });

  it('is followed up for as long as the retry budget lasts, and not longer', async () => {
    const { submit, clock, finish } = setUp([{ status: 503 }], { retryBudgetMs: 5_000 });
    const first = rejection(submit());
    expect(await clock.drive(first)).toMatchObject({ code: 'submit_ambiguous' });
    finish();
    const other = setUp([{ status: 503 }], { retryBudgetMs: 5_000 });
    const controller = new AbortController();
    const aborted = rejection(other.submit({}, controller));
    await other.clock.advance(100);
    controller.abort('enough');
    expect(await aborted).toBe('enough');
    expect(await driveToRejection(other.clock, other.submit())).toMatchObject({ code: 'client_poisoned' });
    expect(other.clock.monotonic()).toBe(5_000);
    other.finish();
  });

  it('is no matter of a limit: a 429 refuses it, also for those who do not want to wait', async () => {
    const { runtime, script, requests, clock, finish } = setUp([{ status: 429 }, OK]);
    const turns = createTurns(runtime, filler);
    const request = { path: '/api/v1/train', body: (sequenceId: number) => ({ seq_id: sequenceId }) };
    const submit = (onLimit: 'wait' | 'throw') =>
      runtime.scopes.run({ onLimit }, (scope) => submitOne(turns, scope, request));
    expect(await rejection(submit('throw'))).toMatchObject({ code: 'limit_reached', scope: 'rate' });
    await clock.drive(submit('throw'));
    expect(requests.map(({ body }) => body['seq_id'])).toEqual([1, 1]);
    // After a lost attempt it waits all the same: only an answer tells its fate.
    script['train'] = [{ status: 200 }, { status: 200 }, cut, { status: 429 }, OK];
    await clock.drive(submit('throw'));
    expect(requests.map(({ body }) => body['seq_id'])).toEqual([1, 1, 2, 2, 2]);
    finish();
  });

  it('names the last request that was accepted', async () => {
    const { submit, clock, finish } = setUp([OK, OK, cut], { retryBudgetMs: 1_000 });
    await clock.drive(Promise.all([submit(), submit()]));
    const error = await driveToRejection(clock, submit());
    expect(error).toMatchObject({ code: 'submit_ambiguous', sequenceId: 3, lastAcceptedId: 2 });
    expect((error as Error).message).toMatch(
      /^Training request 3 may or may not have reached the server \(the last one accepted is 2\): Could not reach .*Continue from the last checkpoint/,
    );
    expect(await rejection(submit())).toMatchObject({
      code: 'client_poisoned',
      sequenceId: 3,
      lastAcceptedId: 2,
    });
    finish();
  });

  it.each<readonly [string, Answer]>([
    ['a refused connection', 'refused'],
    ['a key that could not be had', OK],
  ])('is not one that never left: %s', async (what, answer) => {
    const base = setUp([answer], { retryBudgetMs: 1_000 });
    const noKey = new Error('no key');
    const pipeline = what.includes('key') ? { send: () => Promise.reject(noKey) } : base.runtime.pipeline;
    const turns = createTurns({ ...base.runtime, pipeline }, filler);
    const request = { path: '/api/v1/train', body: (sequenceId: number) => ({ seq_id: sequenceId }) };
    const submit = () => base.runtime.scopes.run({}, (scope) => submitOne(turns, scope, request));
    const error = await driveToRejection(base.clock, submit());
    if (what.includes('key')) expect(error).toBe(noKey);
    else expect(error).toMatchObject({ code: 'connection_failed', isUnsent: true });
    base.script['train'] = [OK];
    const again = await base.clock.drive(submit().catch((refused: unknown) => refused));
    if (what.includes('key')) expect(again).toBe(noKey);
    else expect(base.requests.at(-1)?.body).toEqual({ seq_id: 1 });
    base.finish();
  });

  it('on a server that does not know a number again is lost with the first attempt, and never sent twice', async () => {
    const { submit, seen, clock, finish } = setUp([{ status: 503 }, OK], { serverDeduplicates: false });
    expect(await driveToRejection(clock, submit())).toMatchObject({
      code: 'submit_ambiguous',
      cause: { status: 503, attempts: 1 },
    });
    expect(seen()).toEqual([[1, 1]]);
    expect(await rejection(submit())).toMatchObject({ code: 'client_poisoned' });
    finish();
  });

  it('on such a server is repeated where it is certain that nothing arrived', async () => {
    const answers: Answer[] = ['refused', { status: 429 }, OK];
    const { submit, seen, clock, finish } = setUp(answers, { serverDeduplicates: false });
    await clock.drive(submit());
    expect(seen()).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    finish();
  });

  it('item 34: was carried out after all, where its owner can show so', async () => {
    const answers: Answer[] = [{ status: 503 }, { status: 409, body: { detail: 'exists' } }, OK];
    const { submit, seen, clock, finish } = setUp(answers);
    const asked: number[] = [];
    const startedAt = clock.now();
    const recover: NumberedRequest['recover'] = async (_, since) => {
      asked.push(since - startedAt);
      return { settled: { path: 'found' } };
    };
    let isAccepted = false;
    const accepted = (): void => {
      isAccepted = true;
    };
    expect(await clock.drive(submit({ recover, accepted }))).toEqual({ settled: { path: 'found' } });
    expect([asked, isAccepted]).toEqual([[0], true]);
    await clock.drive(submit());
    expect(seen().at(-1)).toEqual([2, 2]);
    finish();
  });

  it.each<readonly [string, NumberedRequest['recover']]>([
    ['cannot', async () => undefined],
    ['fails to', () => Promise.reject(new Error('no list'))],
  ])('item 34: stays ambiguous where its owner %s show so', async (_, recover) => {
    const { submit, clock, finish } = setUp([{ status: 503 }, { status: 409 }]);
    expect(await driveToRejection(clock, submit({ recover: recover! }))).toMatchObject({
      code: 'submit_ambiguous',
      cause: { status: 409 },
    });
    finish();
  });

  it('item 34: is not looked for where the first answer was the refusal', async () => {
    const { submit, seen, clock, finish } = setUp([{ status: 409, body: { detail: 'exists' } }, OK]);
    let isAsked = false;
    const recover = async () => {
      isAsked = true;
      return { settled: {} };
    };
    expect(await driveToRejection(clock, submit({ recover }))).toMatchObject({
      code: 'http_status',
      status: 409,
    });
    expect(isAsked).toBe(false);
    await clock.drive(submit());
    expect(seen()).toEqual([
      [1, 1],
      [1, 2],
    ]);
    finish();
  });

  it('is not made one by an open circuit: it waits for the probe', async () => {
    const breaker = resolveBreakerConfig('circuitBreaker', { failureThreshold: 2, resetMs: 20_000 });
    const { submit, clock, times, events, finish } = setUp(
      [{ status: 503 }, { status: 503 }, OK],
      {},
      { breaker },
    );
    await clock.drive(submit());
    expect(times).toEqual([0, 500, 20_500]);
    expect(events.filter(({ type }) => type === 'circuit')).toMatchObject([
      { from: 'closed', to: 'open' },
      { from: 'open', to: 'half_open' },
      { from: 'half_open', to: 'closed' },
    ]);
    finish();
  });

  it('402: waits for the bill to be paid', async () => {
    const { submit, clock, times, finish } = setUp([{ status: 402 }, { status: 402 }, OK], {
      retryBudgetMs: 1_000,
    });
    await clock.drive(submit());
    expect(times).toEqual([0, 5_000, 10_000]);
    finish();
  });

  it('is given up after ten identical 500, not three', async () => {
    const { submit, seen, clock, finish } = setUp([{ status: 500, text: 'Internal Server Error' }]);
    expect(await driveToRejection(clock, submit())).toMatchObject({
      code: 'submit_ambiguous',
      cause: { status: 500, attempts: 10 },
    });
    expect(seen()).toHaveLength(10);
    finish();
  });

  it('is no longer one when a repetition is accepted', async () => {
    const { submit, seen, clock, finish } = setUp([{ status: 503 }, OK]);
    await clock.drive(submit());
    await clock.drive(submit());
    expect(seen().at(-1)).toEqual([2, 2]);
    finish();
  });
});

describe('a precondition', () => {
  it('is looked at when the turn has come, and fails the request before it takes a number', async () => {
    const base = setUp([]);
    base.script['train'] = [answerAfter(base.clock, 100, () => Response.json({ request_id: 'r' }))];
    const order: string[] = [];
    const first = base.submit({ accepted: () => order.push('accepted') });
    const reason = new Error('not now');
    const refused = rejection(
      base.submit({
        precondition: () => {
          order.push('looked');
          throw reason;
        },
      }),
    );
    const next = base.submit();
    await base.clock.drive(Promise.all([first, next]));
    expect(await refused).toBe(reason);
    expect(order).toEqual(['accepted', 'looked']);
    expect(base.seen()).toEqual([
      [1, 1],
      [2, 3],
    ]);
    base.finish();
  });

  it('lets the request pass that it has nothing against', async () => {
    const { submit, seen, clock, finish } = setUp([OK]);
    await clock.drive(submit({ precondition: () => {} }));
    expect(seen()).toEqual([[1, 1]]);
    finish();
  });
});

describe('a turn that is held', () => {
  it('lets no other request in between, and is given back when its work fails', async () => {
    const base = setUp([OK]);
    const turns = createTurns(base.runtime, filler);
    const request = (call: string) => ({
      path: '/api/v1/train',
      body: (sequenceId: number) => ({ seq_id: sequenceId, call }),
    });
    let finishWork = (): void => {};
    const between = new Promise<void>((resolve) => {
      finishWork = resolve;
    });
    const run = <T>(work: (scope: Scope) => Promise<T>) => base.runtime.scopes.run({}, work);
    const held = rejection(
      run((scope) =>
        turns.hold(scope, async (submit) => {
          await submit({ requests: [request('first')] });
          await between;
          await submit({ requests: [request('second')] });
          throw new Error('mine');
        }),
      ),
    );
    const other = run((scope) => submitOne(turns, scope, request('other')));
    await base.clock.advance(1_000);
    expect(base.seen()).toEqual([[1, 'first']]);
    finishWork();
    await base.clock.drive(other);
    expect(base.seen()).toEqual([
      [1, 'first'],
      [2, 'second'],
      [3, 'other'],
    ]);
    expect(await held).toMatchObject({ message: 'mine' });
    base.finish();
  });

  it('frees an aborted caller at once, and takes no number for what was not sent', async () => {
    const base = setUp([OK]);
    const turns = createTurns(base.runtime, filler);
    const request = { path: '/api/v1/train', body: (sequenceId: number) => ({ seq_id: sequenceId }) };
    const controller = new AbortController();
    const held = rejection(
      base.runtime.scopes.run({ signal: controller.signal }, (scope) =>
        turns.hold(scope, async (submit) => {
          await submit({ requests: [request] });
          await sleep(base.clock, 60_000, scope.signal);
          return submit({ requests: [request] });
        }),
      ),
    );
    await base.clock.advance(100);
    controller.abort('enough');
    expect(await held).toBe('enough');
    await base.clock.drive(base.runtime.scopes.run({}, (scope) => submitOne(turns, scope, request)));
    expect(base.requests.map(({ body }) => body['seq_id'])).toEqual([1, 2]);
    base.finish();
  });
});

describe('close', () => {
  it('ends an attempt under way, and what waits behind it', async () => {
    const { submit, clock, runtime, requests, finish } = setUp(['nothing']);
    const work = [submit(), submit()].map(rejection);
    await clock.advance(10);
    await runtime.scopes.close('shut');
    expect(await Promise.all(work)).toEqual(['shut', 'shut']);
    expect(requests).toHaveLength(1);
    finish();
  });
});

describe('whatever happens', () => {
  /** What a server does with one attempt, and what the client does with one call. */
  const serverAct = fc.constantFrom('ok', 'lost', 'refuse', 'limit', 'fail', 'drop', 'cut');
  const call = fc.record({ startMs: fc.nat(2_000), abortMs: fc.option(fc.nat(3_000), { nil: undefined }) });

  it('accepted numbers are 1 to n, without a hole and without two bodies for one number', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(serverAct, { minLength: 1, maxLength: 40 }),
        fc.array(call, { minLength: 1, maxLength: 12 }),
        fc.nat(300),
        async (acts, calls, latencyMs) => {
          const base = setUp([], { retryBudgetMs: 5_000, attemptTimeoutMs: 1_000 });
          /** A server that runs numbers in order and knows a number it has. */
          const accepted = new Map<number, unknown>();
          const faults: string[] = [];
          let act = 0;
          const accept = (body: { seq_id: number; call: number }): Response => {
            const known = accepted.get(body.seq_id);
            if (known !== undefined && known !== body.call) faults.push(`${body.seq_id} has two bodies`);
            if (known === undefined && body.seq_id !== accepted.size + 1)
              faults.push(`${body.seq_id} leaves a hole`);
            accepted.set(body.seq_id, body.call);
            return Response.json({ request_id: `r-${body.seq_id}` });
          };
          base.script['train'] = [
            async (request) => {
              const body = await request.clone().json();
              const what = acts[act++ % acts.length]!;
              if (what === 'drop') throw new TypeError('fetch failed');
              const answer = (): Response => {
                if (what === 'refuse') return Response.json({ detail: 'no' }, { status: 400 });
                if (what === 'limit') return new Response('', { status: 429 });
                if (what === 'fail') return new Response('', { status: 503 });
                const accepted = accept(body);
                if (what === 'cut')
                  return new Response('{"requ', { headers: { 'content-type': 'application/json' } });
                return what === 'lost' ? new Response('', { status: 502 }) : accepted;
              };
              return (answerAfter(base.clock, latencyMs, answer) as (request: Request) => Promise<Response>)(
                request,
              );
            },
          ];
          const outcomes = calls
            .toSorted((one, other) => one.startMs - other.startMs)
            .map(async ({ startMs, abortMs }) => {
              const controller = new AbortController();
              await new Promise<void>((resolve) => void base.clock.schedule(resolve, startMs));
              if (abortMs !== undefined) base.clock.schedule(() => controller.abort('enough'), abortMs);
              return base.submit({}, controller).then(
                () => 'accepted',
                (error) => (isTinkerError(error) ? error.code : error),
              );
            });
          const ends = await base.clock.drive(Promise.all(outcomes));
          // Timers of aborts that came too late, and attempts that outlive their caller.
          await base.clock.advance(20_000);
          expect(faults).toEqual([]);
          expect([...accepted.keys()]).toEqual(Array.from({ length: accepted.size }, (_, i) => i + 1));
          const told = ends.filter((end) => end === 'accepted').length;
          expect(told).toBeLessThanOrEqual(accepted.size);
          base.finish();
        },
      ),
      { numRuns: 150 },
    );
  });
});
