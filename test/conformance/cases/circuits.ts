import { sleep } from '../../../src/kernel/abort.ts';
import { encodeUtf8 } from '../../../src/kernel/bytes.ts';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { TinkerApiError, TinkerConnectionError, TinkerTimeoutError } from '../../../src/kernel/errors.ts';
import { createId } from '../../../src/kernel/random.ts';
import { resolveBreakerConfig } from '../../../src/policy/breaker.ts';
import { type Circuit, createCircuit } from '../../../src/policy/circuit.ts';
import { guarded } from '../../../src/storage/guarded.ts';
import { memoryStorage } from '../../../src/storage/memory.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { createSharedStore } from '../../../src/testing/two-contexts.ts';
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { assertAlike, assertEqual, assertTrue, rejectionOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { patientClock } from '../patience.ts';

const KEY = 'circuit';

/** Circuits that contexts share, through stores that can much and stores that can little. */
export function circuitCases(): readonly ConformanceCase[] {
  return [...sharedCases(), ...ownCases()];
}

/** A circuit of one more context, and what it tells. */
function open(clock: VirtualClock, storage?: Storage) {
  const events: TinkerEvent[] = [];
  const circuit = createCircuit({
    name: 'https://host sample',
    storageKey: KEY,
    clock,
    config: resolveBreakerConfig('circuitBreaker', { failureThreshold: 3 }),
    emit: (event) => void events.push(event),
    createId,
    ...(storage && { storage: guarded(storage, { clock, emit: (event) => void events.push(event) }) }),
  });
  return { circuit, events, ...callsOf(circuit, clock) };
}

function callsOf(circuit: Circuit, clock: VirtualClock) {
  const { signal } = new AbortController();
  const run = (work: () => Promise<unknown>): Promise<string> =>
    clock.drive(
      circuit.run(signal, work).then(
        () => 'done',
        (error: Error) => error.name,
      ),
    );
  return {
    succeed: () => run(async () => 'done'),
    fail: (error: Error = new TinkerConnectionError('refused')) => run(() => Promise.reject(error)),
  };
}

const changesOf = (events: readonly TinkerEvent[]): string[] =>
  events.map((event) => (event.type === 'circuit' ? `${event.from} > ${event.to}` : event.type));

function sharedCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'storage: one circuit of all contexts opens, lets one probe through and closes, where the store is atomic',
      async run() {
        const clock = patientClock();
        const store = createSharedStore({ clock, consistency: 'strict', latencyMs: 2 });
        const [one, other] = [open(clock, store.open()), open(clock, store.open())];
        const trace = [await one.fail(), await other.fail(), await one.fail(), await other.succeed()];
        assertEqual('when it is open', trace[3], 'TinkerCircuitOpenError');
        await clock.advance(30_000);
        trace.push(await other.succeed(), await one.succeed());
        assertEqual('at the end', trace[5], 'done');
        const row = await clock.drive(store.open().get(KEY));
        return textOf([trace, changesOf(one.events), changesOf(other.events), new TextDecoder().decode(row)]);
      },
    },
    {
      name: 'storage: of a circuit only the end of its opening is shared, where the store is not atomic',
      async run() {
        const clock = patientClock();
        const store = createSharedStore({ clock, consistency: 'hint', stalenessMs: 500 });
        const [one, other] = [open(clock, store.open()), open(clock, store.open())];
        for (let i = 0; i < 3; i++) await one.fail();
        const trace = [await one.succeed(), await other.succeed()];
        await clock.advance(1_500);
        trace.push(await other.succeed());
        assertAlike('what came through', trace, ['TinkerCircuitOpenError', 'done', 'TinkerCircuitOpenError']);
        const kept = new TextDecoder().decode(await clock.drive(store.open().get(KEY)));
        assertTrue('no more than that', /^\{"version":1,"openUntil":\d+\}$/.test(kept));
        return kept;
      },
    },
    {
      name: 'storage: a circuit goes on by itself when its store breaks, and garbage in it is nothing',
      async run() {
        const clock = patientClock();
        const store = createSharedStore({ clock, consistency: 'strict' });
        await clock.drive(store.open().set(KEY, encodeUtf8('{"version":1,"epoch":"x"}')));
        const { fail, succeed, events } = open(clock, store.open());
        const trace = [await succeed(), await fail()];
        store.fail(undefined, 'hang');
        trace.push(await fail(), await fail(), await succeed());
        assertEqual('at the end', trace[4], 'TinkerCircuitOpenError');
        assertEqual('timers left', clock.pending, 0);
        return textOf([trace, changesOf(events)]);
      },
    },
  ];
}

function ownCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'policy: a circuit opens for what says that a server is down, and for nothing else',
      async run() {
        const errors: readonly (readonly [string, Error, boolean])[] = [
          ['a lost connection', new TinkerConnectionError('cut'), true],
          ['a 503', new TinkerApiError(503, 'busy'), true],
          ['a time-out', new TinkerTimeoutError('attempt', 5), true],
          ['a foreign error', new RangeError('odd'), true],
          ['a 404', new TinkerApiError(404, 'none'), false],
          ['a 429', new TinkerApiError(429, 'slow'), false],
          ['no token', new TinkerConnectionError('no token', { isLocal: true }), false],
        ];
        for (const [what, error, isFailure] of errors) {
          const { circuit, fail } = open(patientClock());
          for (let i = 0; i < 3; i++) await fail(error);
          assertEqual(what, circuit.snapshot().kind, isFailure ? 'open' : 'closed');
        }
      },
    },
    {
      name: 'policy: an aborted probe says nothing, and gives its place back',
      async run() {
        const clock = patientClock();
        const { circuit, fail, succeed } = open(clock, memoryStorage(clock));
        for (let i = 0; i < 3; i++) await fail();
        await clock.advance(30_000);
        const controller = new AbortController();
        const probe = rejectionOf('the probe', () =>
          circuit.run(controller.signal, () => sleep(clock, 60_000, controller.signal)),
        );
        await clock.advance(10);
        assertEqual('another meanwhile', await succeed(), 'TinkerCircuitOpenError');
        controller.abort('enough');
        assertEqual('the probe', await probe, 'enough');
        assertEqual('another afterwards', await succeed(), 'done');
        assertAlike('left', [circuit.snapshot().kind, clock.pending], ['closed', 0]);
      },
    },
  ];
}
