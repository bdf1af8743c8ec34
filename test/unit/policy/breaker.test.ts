import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/kernel/bytes.ts';
import {
  acquire,
  admitsAt,
  type BreakerConfig,
  type BreakerOutcome,
  type BreakerState,
  freshBreaker,
  holdOpen,
  loadBreaker,
  type Permit,
  readRow,
  resolveBreakerConfig,
  saveBreaker,
  settle,
} from '../../../src/policy/breaker.ts';

const NOW = 1_700_000_000_000;
const YEAR_MS = 365 * 24 * 3_600_000;
const CONFIG = resolveBreakerConfig('circuitBreaker', true);
const OUTCOMES: readonly BreakerOutcome[] = ['success', 'failure', 'cancel'];

/** A breaker that is told things one after the other. */
function drivenBreaker(config: BreakerConfig, start: BreakerState = freshBreaker) {
  let state = start;
  return {
    get state() {
      return state;
    },
    ask(id: string, now: number): Permit | undefined {
      const admission = acquire(state, { id, now }, config);
      state = admission.state;
      return 'permit' in admission ? admission.permit : undefined;
    },
    tell(permit: Permit, outcome: BreakerOutcome, now: number): void {
      state = settle(state, permit, { outcome, now }, config);
    },
  };
}

/** The breaker told anew: one mutable record, no epochs, but a list of those whose word counts. */
function referenceBreaker({ failureThreshold, resetMs, halfOpenCalls, leaseMs }: BreakerConfig) {
  let kind: BreakerState['kind'] = 'closed';
  let failures = 0;
  let dueAt = 0;
  /** With the time at which each loses its place. */
  const heard = new Map<string, number>();
  const become = (next: typeof kind): void => {
    kind = next;
    heard.clear();
  };
  return {
    view: () => ({ kind, failures }),
    ask(id: string, now: number): boolean {
      dueAt = Math.min(dueAt, now + resetMs);
      if (kind === 'open' && now < dueAt) return false;
      if (kind === 'open') become('half_open');
      if (kind === 'half_open') {
        for (const [other, end] of [...heard]) {
          if (end > now) heard.set(other, Math.min(end, now + leaseMs));
          else heard.delete(other);
        }
        if (heard.size === halfOpenCalls) return false;
      }
      heard.set(id, now + leaseMs);
      return true;
    },
    tell(id: string, outcome: BreakerOutcome, now: number): void {
      if (!heard.delete(id) || outcome === 'cancel') return;
      failures = outcome === 'success' ? 0 : Math.min(failures + 1, failureThreshold);
      const isProbe = kind === 'half_open';
      if (outcome === 'failure' && (isProbe || failures === failureThreshold)) {
        become('open');
        dueAt = now + resetMs;
      } else if (isProbe) become('closed');
    },
  };
}

/** Every order of so many calls' beginnings and ends; each call stands for its beginning first. */
function ordersOf(calls: number): number[][] {
  const extend = (order: number[]): number[][] => {
    if (order.length === 2 * calls) return [order];
    const next = Array.from({ length: calls }, (_, call) => call).filter(
      (call) => order.filter((one) => one === call).length < 2,
    );
    return next.flatMap((call) => extend([...order, call]));
  };
  return extend([]);
}

const failing = (failures: number): BreakerState => ({ ...freshBreaker, failures });
const openState = (openUntil = NOW + 30_000): BreakerState => ({
  ...freshBreaker,
  kind: 'open',
  epoch: 1,
  failures: 5,
  openUntil,
});
const probe = (id: string, leaseUntil = NOW + 120_000) => ({ id, leaseUntil });
const halfOpen = (...probes: ReturnType<typeof probe>[]): BreakerState => ({
  ...freshBreaker,
  kind: 'half_open',
  epoch: 2,
  failures: 5,
  probes,
});
const askAt = (state: BreakerState, now = NOW, config = CONFIG) => acquire(state, { id: 'me', now }, config);
const call = (epoch = 0): Permit => ({ kind: 'call', id: 'me', epoch });
const tell = (state: BreakerState, permit: Permit, outcome: BreakerOutcome) =>
  settle(state, permit, { outcome, now: NOW }, CONFIG);

describe('resolveBreakerConfig', () => {
  it('fills in what is left out', () => {
    const defaults = { failureThreshold: 5, resetMs: 30_000, halfOpenCalls: 1, leaseMs: 120_000 };
    expect(resolveBreakerConfig('circuitBreaker', true)).toEqual(defaults);
    expect(resolveBreakerConfig('circuitBreaker', {})).toEqual(defaults);
    expect(resolveBreakerConfig('circuitBreaker', { resetMs: undefined, halfOpenCalls: 3 })).toEqual({
      ...defaults,
      halfOpenCalls: 3,
    });
    const own = { failureThreshold: 1, resetMs: 0.5, halfOpenCalls: 1, leaseMs: 0.25 };
    expect(resolveBreakerConfig('circuitBreaker', own)).toEqual(own);
  });

  it.each([
    [{ failureThreshold: 0 }, '"circuitBreaker.failureThreshold" must be an integer >= 1, got 0'],
    [{ failureThreshold: 1.5 }, '"circuitBreaker.failureThreshold" must be an integer >= 1, got 1.5'],
    [{ resetMs: 0 }, '"circuitBreaker.resetMs" must be a finite number > 0, got 0'],
    [
      { resetMs: Number.POSITIVE_INFINITY },
      '"circuitBreaker.resetMs" must be a finite number > 0, got Infinity',
    ],
    [{ halfOpenCalls: 0 }, '"circuitBreaker.halfOpenCalls" must be an integer >= 1, got 0'],
    [{ leaseMs: 0 }, '"circuitBreaker.leaseMs" must be a finite number > 0, got 0'],
    [{ leaseMs: '5' }, '"circuitBreaker.leaseMs" must be a finite number > 0, got "5"'],
    ['on', '"circuitBreaker" must be true, false or an object of numbers, got "on"'],
    [null, '"circuitBreaker" must be true, false or an object of numbers, got null'],
    [[5], '"circuitBreaker" must be true, false or an object of numbers, got an array of 1'],
  ])('refuses %j', (options, message) => {
    expect(() => resolveBreakerConfig('circuitBreaker', options as never)).toThrow(
      expect.objectContaining({ code: 'input_invalid', message }),
    );
  });
});

describe('acquire', () => {
  it('lets everybody in while closed, and keeps no list of them', () => {
    const { state, permit } = askAt(failing(4)) as { state: BreakerState; permit: Permit };
    expect(state).toEqual(failing(4));
    expect(permit).toEqual({ kind: 'call', id: 'me', epoch: 0 });
  });

  it('lets nobody in while open, up to its last millisecond', () => {
    expect(askAt(openState(NOW + 1))).toEqual({ state: openState(NOW + 1), retryAtMs: NOW + 1 });
  });

  it('lets a probe in when the time has come, and takes its place before the call', () => {
    expect(askAt(openState(NOW))).toEqual({
      state: halfOpen(probe('me')),
      permit: { kind: 'probe', id: 'me', epoch: 2 },
    });
  });

  it.each([1, 3])('lets %i probes in at once, and of ten no more', (halfOpenCalls) => {
    const config = resolveBreakerConfig('circuitBreaker', { halfOpenCalls });
    const breaker = drivenBreaker(config, openState(NOW));
    const permits = Array.from({ length: 10 }, (_, index) => breaker.ask(`${index}`, NOW));
    expect(permits.filter((permit) => permit !== undefined)).toHaveLength(halfOpenCalls);
    expect(permits.slice(0, halfOpenCalls)).not.toContain(undefined);
    expect(breaker.state).toMatchObject({ kind: 'half_open', epoch: 2 });
    expect(breaker.state.probes).toHaveLength(halfOpenCalls);
  });

  it('tells who finds the probes under way to ask again in a second, or when a lease ends', () => {
    expect(askAt(halfOpen(probe('a')))).toMatchObject({ retryAtMs: NOW + 1_000 });
    const config = { ...CONFIG, halfOpenCalls: 2 };
    const state = halfOpen(probe('a', NOW + 700), probe('b', NOW + 300));
    expect(askAt(state, NOW, config)).toMatchObject({ retryAtMs: NOW + 300 });
  });

  it('gives the place of a lost probe to another, and hears no more of the lost one', () => {
    const breaker = drivenBreaker(CONFIG, openState(NOW));
    const lost = breaker.ask('lost', NOW)!;
    expect(breaker.ask('early', NOW + 119_999)).toBeUndefined();
    const next = breaker.ask('next', NOW + 120_000)!;
    expect(next).toEqual({ kind: 'probe', id: 'next', epoch: lost.epoch });
    for (const outcome of OUTCOMES) breaker.tell(lost, outcome, NOW + 120_001);
    expect(breaker.state).toEqual(halfOpen(probe('next', NOW + 240_000)));
  });

  it('still hears a probe whose lease is over, while nobody took its place', () => {
    const breaker = drivenBreaker(CONFIG, openState(NOW));
    breaker.tell(breaker.ask('late', NOW)!, 'success', NOW + YEAR_MS);
    expect(breaker.state).toMatchObject({ kind: 'closed', failures: 0 });
  });
});

describe('settle', () => {
  it('opens at the threshold of failures in a row, and not before', () => {
    expect(tell(failing(3), call(), 'failure')).toEqual(failing(4));
    expect(tell(failing(4), call(), 'failure')).toEqual(openState(NOW + 30_000));
  });

  it('starts afresh after a success, and not after an abort', () => {
    expect(tell(failing(4), call(), 'success')).toEqual(failing(0));
    const state = failing(4);
    expect(tell(state, call(), 'cancel')).toBe(state);
    expect(tell(freshBreaker, call(), 'success')).toBe(freshBreaker);
  });

  it('closes after a probe that succeeds, and opens for a whole time again after one that fails', () => {
    const state = halfOpen(probe('me'), probe('b'));
    const permit: Permit = { kind: 'probe', id: 'me', epoch: 2 };
    expect(tell(state, permit, 'success')).toEqual({ ...freshBreaker, epoch: 3 });
    expect(tell(state, permit, 'failure')).toEqual({ ...openState(NOW + 30_000), epoch: 3 });
    expect(tell(state, permit, 'cancel')).toEqual(halfOpen(probe('b')));
  });

  it('is deaf to all but the present epoch and its probes', () => {
    for (const outcome of OUTCOMES) {
      for (const state of [{ ...failing(2), epoch: 2 }, openState(), halfOpen(probe('b'))]) {
        for (const epoch of [0, 3]) expect(tell(state, call(epoch), outcome)).toBe(state);
      }
      const state = halfOpen(probe('b'));
      expect(tell(state, { kind: 'probe', id: 'me', epoch: 2 }, outcome)).toBe(state);
    }
  });

  it('V3: a success from before the opening leaves it half open', () => {
    const breaker = drivenBreaker(CONFIG);
    const old = breaker.ask('old', NOW)!;
    for (let i = 0; i < 5; i++) breaker.tell(breaker.ask(`${i}`, NOW)!, 'failure', NOW);
    expect(breaker.state.kind).toBe('open');
    breaker.ask('probe', NOW + 30_000);
    breaker.tell(old, 'success', NOW + 30_001);
    expect(breaker.state).toMatchObject({ kind: 'half_open', failures: 5 });
    expect(breaker.state.probes).toHaveLength(1);
  });
});

describe('against the model', () => {
  /** Both, told the same. Where they differ is only noted: there are too many for an assertion each. */
  const compare = (config: BreakerConfig, failuresBefore: number) => {
    const breaker = drivenBreaker(config);
    const model = referenceBreaker(config);
    const permits = new Map<string, Permit>();
    const differences: string[] = [];
    const note = (what: string, actual: unknown, expected: unknown): void => {
      if (actual !== expected) differences.push(`${what}: ${actual} instead of ${expected}`);
    };
    const ask = (id: string, now: number): void => {
      const permit = breaker.ask(id, now);
      if (permit !== undefined) permits.set(id, permit);
      note(`${id} admitted`, permit !== undefined, model.ask(id, now));
    };
    const finish = (id: string, outcome: BreakerOutcome, now: number): void => {
      const permit = permits.get(id);
      if (permit !== undefined) breaker.tell(permit, outcome, now);
      model.tell(id, outcome, now);
      const expected = model.view();
      note(`kind after ${id}`, breaker.state.kind, expected.kind);
      note(`failures after ${id}`, breaker.state.failures, expected.failures);
    };
    for (let i = 0; i < failuresBefore; i++) {
      ask(`before ${i}`, NOW);
      finish(`before ${i}`, 'failure', NOW);
    }
    return { breaker, differences, ask, finish };
  };

  it('V3: does the same in every order of three calls, whatever becomes of each', () => {
    const orders = ordersOf(3);
    expect(orders).toHaveLength(90);
    const triples = OUTCOMES.flatMap((a) => OUTCOMES.flatMap((b) => OUTCOMES.map((c) => [a, b, c] as const)));
    expect(triples).toHaveLength(27);
    const reached = new Set<string>();
    for (const failureThreshold of [1, 2, 3])
      for (const halfOpenCalls of [1, 2, 3])
        for (const stepMs of [0, 20, 60])
          for (const failuresBefore of [0, failureThreshold])
            for (const order of orders)
              for (const outcomes of triples) {
                const config = { failureThreshold, halfOpenCalls, resetMs: 60, leaseMs: 100 };
                const { breaker, differences, ask, finish } = compare(config, failuresBefore);
                const begun = new Set<number>();
                for (const [step, one] of order.entries()) {
                  const now = NOW + (failuresBefore > 0 ? 60 : 0) + step * stepMs;
                  if (begun.has(one)) finish(`${one}`, outcomes[one]!, now);
                  else ask(`${one}`, now);
                  begun.add(one);
                }
                if (differences.length > 0) expect({ config, order, outcomes, differences }).toBeUndefined();
                reached.add(`${breaker.state.kind} ${breaker.state.failures}`);
              }
    expect([...reached].sort()).toEqual([
      'closed 0',
      'closed 1',
      'closed 2',
      'half_open 1',
      'half_open 2',
      'half_open 3',
      'open 1',
      'open 2',
      'open 3',
    ]);
  });

  it('does the same over any history, with clocks that step', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ does: fc.constant('ask' as const) }) },
      {
        weight: 6,
        arbitrary: fc.record({
          does: fc.constant('tell' as const),
          which: fc.nat(20),
          outcome: fc.constantFrom('failure' as const, ...OUTCOMES),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.integer({ min: -150, max: 250 }) }),
      },
    );
    const numbers = fc.record({
      failureThreshold: fc.integer({ min: 1, max: 4 }),
      halfOpenCalls: fc.integer({ min: 1, max: 3 }),
      resetMs: fc.integer({ min: 1, max: 100 }),
      leaseMs: fc.integer({ min: 1, max: 200 }),
    });
    const kinds = new Set<string>();
    fc.assert(
      fc.property(numbers, fc.array(step, { maxLength: 80 }), (config, steps) => {
        const { breaker, differences, ask, finish } = compare(config, 0);
        const underWay: string[] = [];
        let now = NOW;
        for (const [index, one] of steps.entries()) {
          if (one.does === 'wait') now += one.ms;
          else if (one.does === 'ask') {
            ask(`${index}`, now);
            underWay.push(`${index}`);
          } else {
            const [id] = underWay.splice(one.which % Math.max(1, underWay.length), 1);
            if (id !== undefined) finish(id, one.outcome, now);
          }
          kinds.add(breaker.state.kind);
          const { epoch, probes } = breaker.state;
          expect(probes.length).toBeLessThanOrEqual(config.halfOpenCalls);
          expect(loadBreaker(saveBreaker(breaker.state), now, config)?.epoch).toBe(epoch);
        }
        expect(differences).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
    expect([...kinds].sort()).toEqual(['closed', 'half_open', 'open']);
  });
});

describe('a clock that steps', () => {
  it('back by a year keeps it open for no longer than its own time', () => {
    const breaker = drivenBreaker(CONFIG, openState(NOW));
    const then = NOW - YEAR_MS;
    expect(breaker.ask('a', then)).toBeUndefined();
    expect(breaker.ask('b', then + 29_999)).toBeUndefined();
    expect(breaker.ask('c', then + 30_000)).toMatchObject({ kind: 'probe' });
  });

  it('back by a year keeps a lost probe for no longer than a lease', () => {
    const breaker = drivenBreaker(CONFIG, halfOpen(probe('lost', NOW)));
    const then = NOW - YEAR_MS;
    expect(breaker.ask('a', then)).toBeUndefined();
    expect(breaker.ask('b', then + 119_999)).toBeUndefined();
    expect(breaker.ask('c', then + 120_000)).toMatchObject({ kind: 'probe' });
  });

  it('forward by a year lets a probe in', () => {
    expect(askAt(openState(), NOW + YEAR_MS)).toMatchObject({ permit: { kind: 'probe' } });
    expect(askAt(halfOpen(probe('a')), NOW + YEAR_MS)).toMatchObject({ permit: { kind: 'probe' } });
  });
});

describe('admitsAt', () => {
  it('is when it is worth asking', () => {
    expect(admitsAt(failing(4), NOW, CONFIG)).toBe(NOW);
    expect(admitsAt(openState(NOW + 7), NOW, CONFIG)).toBe(NOW + 7);
    expect(admitsAt(openState(NOW + YEAR_MS), NOW, CONFIG)).toBe(NOW + 30_000);
    expect(admitsAt(halfOpen(), NOW, CONFIG)).toBe(NOW);
    expect(admitsAt(halfOpen(probe('a', NOW)), NOW, CONFIG)).toBe(NOW);
    expect(admitsAt(halfOpen(probe('a')), NOW, CONFIG)).toBe(NOW + 1_000);
  });
});

describe('holdOpen', () => {
  it('opens in a new epoch, no longer than its own time', () => {
    const state = { ...failing(2), epoch: 6 };
    const opened = { ...openState(NOW + 500), failures: 2, epoch: 7 };
    expect(holdOpen(state, NOW + 500, NOW, CONFIG)).toEqual(opened);
    expect(holdOpen(state, NOW + YEAR_MS, NOW, CONFIG).openUntil).toBe(NOW + 30_000);
  });
});

describe('a stored state', () => {
  const load = (value: unknown, now = NOW) =>
    loadBreaker(encodeUtf8(typeof value === 'string' ? value : JSON.stringify(value)), now, CONFIG);

  it.each([freshBreaker, failing(3), openState(), halfOpen(), halfOpen(probe('a'), probe('b', NOW + 5))])(
    'comes back as it was: %j',
    (state) => {
      expect(loadBreaker(saveBreaker(state), NOW, CONFIG)).toEqual(state);
    },
  );

  it('is bounded by what this breaker would have set itself', () => {
    expect(load(openState(NOW + YEAR_MS))).toEqual(openState(NOW + 30_000));
    expect(load(halfOpen(probe('a', NOW + YEAR_MS)))).toEqual(halfOpen(probe('a')));
    // A late probe is still heard until another takes its place.
    expect(load(halfOpen(probe('late', NOW - YEAR_MS)))).toEqual(halfOpen(probe('late', NOW - YEAR_MS)));
    expect(load(failing(1_000))).toEqual(failing(5));
  });

  it('has times of its kind only, and no fields of another’s', () => {
    expect(load({ ...failing(1), openUntil: NOW + 5, probes: [probe('a')], key: 'x' })).toEqual(failing(1));
    expect(load(halfOpen({ ...probe('a'), key: 'x' } as never))).toEqual(halfOpen(probe('a')));
  });

  it('is none where there is none', () => {
    expect(loadBreaker(undefined, NOW, CONFIG)).toBeUndefined();
    expect(readRow(undefined)).toBeUndefined();
  });

  it.each([
    '',
    'null',
    '5',
    '"closed"',
    '[]',
    '{',
    '{"version":1}',
    { ...freshBreaker, version: 0 },
    { ...freshBreaker, version: 2 },
    { ...freshBreaker, version: '1' },
    { ...freshBreaker, kind: 'half-open' },
    { ...freshBreaker, epoch: -1 },
    { ...freshBreaker, epoch: 0.5 },
    { ...freshBreaker, epoch: Number.MAX_SAFE_INTEGER },
    { ...freshBreaker, failures: -1 },
    { ...freshBreaker, failures: 1.5 },
    { ...freshBreaker, failures: null },
    { ...freshBreaker, openUntil: null },
    { ...freshBreaker, openUntil: '5' },
    '{"version":1,"epoch":0,"kind":"open","failures":0,"openUntil":1e999,"probes":[]}',
    { ...freshBreaker, probes: {} },
    { ...halfOpen(), probes: [null] },
    { ...halfOpen(), probes: [{ id: 1, leaseUntil: NOW }] },
    { ...halfOpen(), probes: [{ id: 'a' }] },
    { ...halfOpen(), probes: [{ id: 'a', leaseUntil: null }] },
  ])('is none where it cannot be one: %j', (value) => {
    expect(load(value)).toBeUndefined();
  });

  it('cannot hold anybody back for longer than a reset or a lease, whatever the bytes', () => {
    const kind = fc.constantFrom('closed', 'open', 'half_open', 'other');
    const time = fc.oneof(
      fc.constant(NOW),
      fc.double(),
      fc.integer({ min: -YEAR_MS, max: YEAR_MS }).map((ms) => NOW + ms),
    );
    const row = fc.record({
      version: fc.constant(1),
      epoch: fc.oneof(fc.nat(), fc.maxSafeNat()),
      kind,
      failures: fc.nat(20),
      openUntil: time,
      probes: fc.array(fc.record({ id: fc.string(), leaseUntil: time }), { maxLength: 4 }),
    });
    let admitted = 0;
    fc.assert(
      fc.property(fc.oneof({ weight: 5, arbitrary: row }, fc.jsonValue()), (value) => {
        const state = load(value);
        if (state === undefined) return;
        const later = NOW + (state.kind === 'half_open' ? CONFIG.leaseMs : CONFIG.resetMs);
        expect(acquire(state, { id: 'me', now: later }, CONFIG)).toHaveProperty('permit');
        admitted += 1;
      }),
      { numRuns: 1_000 },
    );
    expect(admitted).toBeGreaterThan(100);
  });
});
