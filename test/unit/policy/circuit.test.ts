import { afterEach, describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import {
  TinkerApiError,
  TinkerConnectionError,
  TinkerInputError,
  TinkerOperationError,
  TinkerResponseError,
  TinkerTimeoutError,
} from '../../../src/kernel/errors.ts';
import { TinkerCircuitOpenError, TinkerLimitError } from '../../../src/kernel/limit-errors.ts';
import { type CircuitBreakerOptions, resolveBreakerConfig } from '../../../src/policy/breaker.ts';
import { createCircuit } from '../../../src/policy/circuit.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection } from '../../support/settled.ts';

const NAME = 'https://host sample';
const YEAR_MS = 365 * 24 * 3_600_000;

const clocks: VirtualClock[] = [];
afterEach(() => {
  for (const clock of clocks.splice(0)) expect(clock.pending).toBe(0);
});

function setUp(options: true | CircuitBreakerOptions = true, storage?: Storage, ignoresTimeouts?: boolean) {
  const clock = createVirtualClock();
  clocks.push(clock);
  const events: TinkerEvent[] = [];
  let ids = 0;
  const circuit = createCircuit({
    name: NAME,
    storageKey: 'k',
    clock,
    config: resolveBreakerConfig('circuitBreaker', options),
    emit: (event) => events.push(event),
    createId: () => `${++ids}`,
    storage,
    ignoresTimeouts,
  });
  return { clock, circuit, events };
}
type Circuit = ReturnType<typeof setUp>['circuit'];

/** A call that is under way until it is told how to end. */
function begin(circuit: Circuit, controller = new AbortController()) {
  let calls = 0;
  let end: { resolve(value: string): void; reject(error: unknown): void } | undefined;
  const result = circuit.run(controller.signal, () => {
    calls += 1;
    return new Promise<string>((resolve, reject) => {
      end = { resolve, reject };
    });
  });
  const settled = result.then(
    (value) => value,
    (error: unknown) => error,
  );
  const ended = (): NonNullable<typeof end> => end!;
  return {
    /** Its value, or what it rejected with. */
    settled,
    get calls() {
      return calls;
    },
    succeed: () => {
      ended().resolve('done');
      return settled;
    },
    fail: (error: unknown) => {
      ended().reject(error);
      return settled;
    },
    abort: (reason: unknown) => {
      controller.abort(reason);
      ended().reject(controller.signal.reason);
      return settled;
    },
  };
}

const DOWN = new TinkerConnectionError('refused');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const { signal: CALM } = new AbortController();
const failTimes = async (circuit: Circuit, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await rejection(circuit.run(CALM, () => Promise.reject(DOWN)));
};
/** Failures up to the opening, and the time until the first probe. */
const openAndWait = async ({ circuit, clock }: Pick<ReturnType<typeof setUp>, 'circuit' | 'clock'>) => {
  await failTimes(circuit, 5);
  expect(circuit.snapshot().kind).toBe('open');
  await clock.advance(30_000);
};
const changes = (events: readonly TinkerEvent[]): string[] =>
  events.map((event) => (event.type === 'circuit' ? `${event.from} > ${event.to}` : event.type));

describe('createCircuit', () => {
  it('gives what the work gives, the error as it is', async () => {
    const { circuit, events } = setUp();
    expect(await circuit.run(CALM, async () => 5)).toBe(5);
    expect(await rejection(circuit.run(CALM, () => Promise.reject(DOWN)))).toBe(DOWN);
    expect(circuit.snapshot()).toEqual({ kind: 'closed', failures: 1, retryAfterMs: 0 });
    expect(events).toEqual([]);
  });

  it.each([
    [20, 'open'],
    [19, 'closed'],
  ] as const)('V3.1: %i overlapping failures at a threshold of 20 leave it %s', async (count, kind) => {
    const { circuit, events } = setUp({ failureThreshold: 20 });
    const calls = Array.from({ length: count }, () => begin(circuit));
    await turn();
    for (const call of calls) void call.fail(DOWN);
    expect(await Promise.all(calls.map(({ settled }) => settled))).toEqual(new Array(count).fill(DOWN));
    expect(circuit.snapshot()).toMatchObject({ kind, failures: count });
    expect(events).toEqual(
      kind === 'open' ? [{ type: 'circuit', circuit: NAME, from: 'closed', to: 'open', failures: 20 }] : [],
    );
  });

  it('refuses at once while open, naming itself and the time, and calls nothing', async () => {
    const { circuit, clock } = setUp();
    await failTimes(circuit, 5);
    await clock.advance(12_000);
    const call = begin(circuit);
    const error = await call.settled;
    expect(error).toBeInstanceOf(TinkerCircuitOpenError);
    expect(error).toMatchObject({ code: 'circuit_open', circuit: NAME, retryAfterMs: 18_000 });
    expect(call.calls).toBe(0);
    expect(circuit.snapshot()).toEqual({ kind: 'open', failures: 5, retryAfterMs: 18_000 });
    await clock.advance(17_999);
    expect(await begin(circuit).settled).toMatchObject({ retryAfterMs: 1 });
    await clock.advance(1);
    expect(circuit.snapshot()).toEqual({ kind: 'open', failures: 5, retryAfterMs: 0 });
    expect(await circuit.run(CALM, async () => 'probed')).toBe('probed');
    expect(circuit.snapshot()).toEqual({ kind: 'closed', failures: 0, retryAfterMs: 0 });
  });

  it.each([1, 3])(
    'V3.2: %i probes at once: of ten callers the others make no call',
    async (halfOpenCalls) => {
      const { circuit, clock, events } = setUp({ halfOpenCalls });
      await openAndWait({ circuit, clock });
      const calls = Array.from({ length: 10 }, () => begin(circuit));
      await turn();
      expect(calls.map(({ calls }) => calls)).toEqual(
        calls.map((_, index) => (index < halfOpenCalls ? 1 : 0)),
      );
      const refused = await Promise.all(calls.slice(halfOpenCalls).map(({ settled }) => settled));
      for (const error of refused) expect(error).toMatchObject({ code: 'circuit_open', retryAfterMs: 1_000 });
      expect(circuit.snapshot()).toEqual({ kind: 'half_open', failures: 5, retryAfterMs: 1_000 });
      for (const call of calls.slice(0, halfOpenCalls)) expect(await call.succeed()).toBe('done');
      expect(changes(events)).toEqual(['closed > open', 'open > half_open', 'half_open > closed']);
    },
  );

  it('opens for a whole time again where a probe fails', async () => {
    const { circuit, clock } = setUp();
    await openAndWait({ circuit, clock });
    const probe = begin(circuit);
    await clock.advance(7_000);
    await probe.fail(DOWN);
    expect(circuit.snapshot()).toEqual({ kind: 'open', failures: 5, retryAfterMs: 30_000 });
  });

  it('V3.3: a success that began before the opening leaves it half open', async () => {
    const { circuit, clock } = setUp();
    const old = begin(circuit);
    await openAndWait({ circuit, clock });
    const probe = begin(circuit);
    await turn();
    expect(await old.succeed()).toBe('done');
    expect(circuit.snapshot()).toMatchObject({ kind: 'half_open', failures: 5 });
    expect(await begin(circuit).settled).toMatchObject({ code: 'circuit_open' });
    await probe.succeed();
    expect(circuit.snapshot().kind).toBe('closed');
  });

  it('V3.3: a failure that began before the opening does not fail the probe', async () => {
    const { circuit, clock } = setUp();
    const old = begin(circuit);
    await openAndWait({ circuit, clock });
    const probe = begin(circuit);
    await turn();
    await old.fail(DOWN);
    expect(circuit.snapshot().kind).toBe('half_open');
    await probe.succeed();
    expect(circuit.snapshot()).toMatchObject({ kind: 'closed', failures: 0 });
  });

  it('V3.4: a probe that is aborted says nothing, and leaves its place', async () => {
    const { circuit, clock } = setUp();
    await openAndWait({ circuit, clock });
    const aborted = begin(circuit);
    await turn();
    expect(await aborted.abort('enough')).toBe('enough');
    expect(circuit.snapshot()).toEqual({ kind: 'half_open', failures: 5, retryAfterMs: 0 });
    const next = begin(circuit);
    await turn();
    expect(next.calls).toBe(1);
    await next.succeed();
    expect(circuit.snapshot().kind).toBe('closed');
  });

  it('V3.4: a probe that throws is a failure, and leaves its place', async () => {
    const { circuit, clock } = setUp();
    await openAndWait({ circuit, clock });
    const bug = new Error('a bug');
    const work = (): never => {
      throw bug;
    };
    expect(await rejection(circuit.run(CALM, work))).toBe(bug);
    expect(circuit.snapshot()).toEqual({ kind: 'open', failures: 5, retryAfterMs: 30_000 });
    await clock.advance(30_000);
    expect(await circuit.run(CALM, async () => 'probed')).toBe('probed');
  });

  it('gives the place of a probe that was lost to another when its lease ends', async () => {
    const { circuit, clock } = setUp({ leaseMs: 90_000 });
    await openAndWait({ circuit, clock });
    const lost = begin(circuit);
    await clock.advance(89_999);
    expect(await begin(circuit).settled).toMatchObject({ code: 'circuit_open', retryAfterMs: 1 });
    await clock.advance(1);
    const next = begin(circuit);
    await turn();
    expect(next.calls).toBe(1);
    await lost.succeed();
    expect(circuit.snapshot().kind).toBe('half_open');
    await next.fail(DOWN);
    expect(circuit.snapshot().kind).toBe('open');
  });

  it.each([
    ['forward', YEAR_MS, 0],
    ['back', -YEAR_MS, 30_000],
  ] as const)(
    'stays open no longer than its time where the clock steps %s by a year',
    async (_, jump, leftMs) => {
      const { circuit, clock } = setUp();
      await failTimes(circuit, 5);
      await clock.advance(10_000);
      clock.jumpWall(jump);
      expect(circuit.snapshot().retryAfterMs).toBe(leftMs);
      if (leftMs > 0) expect(await begin(circuit).settled).toMatchObject({ retryAfterMs: leftMs });
      await clock.advance(leftMs);
      expect(await circuit.run(CALM, async () => 'probed')).toBe('probed');
    },
  );
});

describe('what counts', () => {
  const answer = (status: number) => new TinkerApiError(status, 'no');
  it.each([
    ['a 500', 'failure', answer(500)],
    ['a 503', 'failure', answer(503)],
    ['a 499', 'success', answer(499)],
    ['a 429', 'success', answer(429)],
    ['a 408', 'success', answer(408)],
    ['a 400', 'success', answer(400)],
    ['a redirect', 'success', answer(0)],
    ['no connection', 'failure', DOWN],
    ['no answer in time', 'failure', new TinkerTimeoutError('attempt', 5)],
    ['an answer that makes no sense', 'failure', new TinkerResponseError('junk')],
    ['an operation that failed', 'failure', new TinkerOperationError('operation_failed', 'user', 'no')],
    ['an error of others', 'failure', new TypeError('a bug')],
    ['no error at all', 'failure', undefined],
    ['an input', 'cancel', new TinkerInputError('data', 'is wrong')],
    ['a limit', 'cancel', new TinkerLimitError('bytes', 'full')],
    ['another circuit', 'cancel', new TinkerCircuitOpenError('other', 5)],
  ] as const)('takes %s for a %s', async (_, outcome, error) => {
    const { circuit } = setUp();
    await failTimes(circuit, 2);
    const call = begin(circuit);
    await turn();
    expect(await call.fail(error)).toBe(error);
    expect(circuit.snapshot().failures).toBe({ failure: 3, success: 0, cancel: 2 }[outcome]);
  });

  it('hears nothing of a call that was aborted, whatever it ends with', async () => {
    const { circuit } = setUp();
    await failTimes(circuit, 2);
    for (const error of [DOWN, answer(503), answer(400)]) {
      const controller = new AbortController();
      const call = begin(circuit, controller);
      await turn();
      controller.abort('enough');
      expect(await call.fail(error)).toBe(error);
      expect(circuit.snapshot().failures).toBe(2);
    }
  });

  it('hears of a value that comes after the abort: the server is alive', async () => {
    const { circuit } = setUp();
    await failTimes(circuit, 2);
    const controller = new AbortController();
    const call = begin(circuit, controller);
    await turn();
    controller.abort('enough');
    expect(await call.succeed()).toBe('done');
    expect(circuit.snapshot().failures).toBe(0);
  });
});

describe('an abort', () => {
  it('before the call ends it, with nothing asked', async () => {
    const { circuit, clock } = setUp();
    await openAndWait({ circuit, clock });
    let calls = 0;
    const work = async (): Promise<void> => {
      calls += 1;
    };
    expect(await rejection(circuit.run(AbortSignal.abort('enough'), work))).toBe('enough');
    expect([calls, circuit.snapshot().kind]).toEqual([0, 'open']);
  });

  it('at any step of a probe’s admission leaves its place free, and makes no call', async () => {
    const ends = new Set<string>();
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      const { circuit, clock } = setUp();
      await openAndWait({ circuit, clock });
      const controller = new AbortController();
      let isAborted = false;
      const call = circuit.run(controller.signal, async () => {
        expect(isAborted).toBe(false);
        return 'called';
      });
      const settled = call.catch((error: unknown) => error);
      for (let i = 0; i < microtasks; i++) await undefined;
      isAborted = true;
      controller.abort('enough');
      const end = await settled;
      ends.add(String(end));
      await turn();
      const expected = end === 'called' ? 'closed' : 'half_open';
      expect(circuit.snapshot()).toMatchObject({ kind: expected, retryAfterMs: 0 });
    }
    expect([...ends].sort()).toEqual(['called', 'enough']);
  });

  it('leaves no listener behind, nor does any call', async () => {
    const { circuit, clock } = setUp();
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    await circuit.run(controller.signal, async () => 5);
    await rejection(circuit.run(controller.signal, () => Promise.reject(DOWN)));
    await failTimes(circuit, 4);
    await rejection(circuit.run(controller.signal, async () => 5));
    await clock.advance(30_000);
    const call = begin(circuit, controller);
    await turn();
    await call.abort('enough');
    expect(listeners.added).toBe(4);
    expect(listeners.left).toBe(0);
  });
});

it.each([
  [false, 'open'],
  [true, 'closed'],
])('time-outs of requests that may be held on purpose (%s) leave it %s', async (ignoresTimeouts, kind) => {
  const { circuit } = setUp({ failureThreshold: 2 }, undefined, ignoresTimeouts);
  const { signal } = new AbortController();
  for (let i = 0; i < 2; i++) {
    const error = new TinkerTimeoutError('attempt', 45_000);
    expect(await rejection(circuit.run(signal, () => Promise.reject(error)))).toBe(error);
  }
  expect(circuit.snapshot().kind).toBe(kind);
});
