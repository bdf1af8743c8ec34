import { afterEach, describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { guarded } from '../../../src/storage/guarded.ts';
import { indexedDbStorage } from '../../../src/storage/indexeddb.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { realTurns } from '../../../src/testing/real-turns.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import {
  type FaultPhase,
  type FaultyIndexedDb,
  type IndexedDbFault,
  installFaultyIndexedDb,
} from '../../support/faulty-indexeddb.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

type Operation = 'get' | 'set' | 'delete' | 'update';

/** The phases that each call goes through. */
const PHASES: Readonly<Record<Operation, readonly FaultPhase[]>> = {
  get: ['open', 'read'],
  set: ['open', 'write', 'commit'],
  delete: ['open', 'write', 'commit'],
  update: ['open', 'read', 'write', 'commit'],
};

/** What a call rejects with, by the phase in which it is struck; `undefined` where it does its work. */
const REJECTIONS: Readonly<
  Partial<Record<IndexedDbFault, Readonly<Record<FaultPhase, object | undefined>>>>
> = {
  absent: {
    open: { name: 'ReferenceError' },
    read: { name: 'AbortError' },
    write: { name: 'AbortError' },
    commit: { name: 'AbortError' },
  },
  SecurityError: {
    open: { name: 'SecurityError', message: 'injected SecurityError' },
    read: { name: 'SecurityError' },
    write: { name: 'SecurityError' },
    commit: { name: 'SecurityError' },
  },
  QuotaExceededError: {
    open: { name: 'QuotaExceededError' },
    read: { name: 'QuotaExceededError' },
    write: { name: 'QuotaExceededError' },
    commit: { name: 'QuotaExceededError' },
  },
  'no reason': {
    open: { name: 'UnknownError' },
    read: { name: 'AbortError' },
    write: { name: 'AbortError' },
    commit: { name: 'Error', message: 'IndexedDB gave up a transaction' },
  },
  close: {
    open: { name: 'InvalidStateError' },
    read: { name: 'AbortError' },
    write: { name: 'AbortError' },
    commit: { name: 'AbortError' },
  },
  'silent close': {
    open: { name: 'InvalidStateError' },
    read: { name: 'AbortError' },
    write: { name: 'AbortError' },
    commit: { name: 'AbortError' },
  },
  versionchange: { open: undefined, read: undefined, write: undefined, commit: undefined },
  hang: { open: undefined, read: undefined, write: undefined, commit: undefined },
};

const CASES = Object.entries(REJECTIONS).flatMap(([fault, expected]) =>
  Object.entries(PHASES).flatMap(([operation, phases]) =>
    phases.map((phase) => ({
      fault: fault as IndexedDbFault,
      phase,
      operation: operation as Operation,
      expected: expected[phase],
    })),
  ),
);

const OLD = Uint8Array.of(1);
const NEW = Uint8Array.of(2);

const ask = (storage: Storage, operation: Operation): Promise<unknown> =>
  ({
    get: () => storage.get('k'),
    set: () => storage.set('k', NEW),
    delete: () => storage.delete('k'),
    update: () => storage.update!('k', () => NEW),
  })[operation]();

let faulty: FaultyIndexedDb | undefined;
afterEach(() => faulty?.uninstall());

/** A store with a value in it that is about to be struck; opened before, unless it is struck in opening. */
async function setUp(fault: IndexedDbFault, phase: FaultPhase) {
  const clock = createVirtualClock({ graceTurns: 40 });
  faulty = installFaultyIndexedDb(clock);
  const opened = indexedDbStorage({ clock });
  await opened.set('k', OLD);
  const storage = phase === 'open' ? indexedDbStorage({ clock }) : opened;
  faulty.strike(fault, phase);
  return { clock, storage, faulty };
}

describe.each(CASES)('$fault at $phase of $operation', ({ fault, phase, operation, expected }) => {
  it('is told, or nothing is amiss; and the next call works', async () => {
    const { clock, storage, faulty } = await setUp(fault, phase);
    if (expected === undefined) {
      await clock.drive(ask(storage, operation));
      expect(clock.monotonic()).toBe(fault === 'hang' ? 30_000 : 0);
    } else {
      expect(await driveToRejection(clock, ask(storage, operation))).toMatchObject(expected);
      expect(clock.monotonic()).toBe(0);
    }
    expect(faulty.strikes).toBeGreaterThan(0);
    faulty.heal();
    // What failed has changed nothing.
    if (expected !== undefined) expect(await clock.drive(storage.get('k'))).toEqual(OLD);
    await clock.drive(storage.set('k', Uint8Array.of(3)));
    expect(await clock.drive(storage.get('k'))).toEqual(Uint8Array.of(3));
    expect(clock.pending).toBe(0);
  });

  it('is a miss behind a guard with one event, and after half a minute it is tried again', async () => {
    const { clock, storage, faulty } = await setUp(fault, phase);
    const events: TinkerEvent[] = [];
    const guard = guarded(storage, { clock, emit: (event) => events.push(event) });
    const isTrouble = fault === 'hang' || expected !== undefined;
    const [first] = await clock.drive(Promise.all([1, 2, 3].map(() => ask(guard, operation))));
    expect(events).toHaveLength(isTrouble ? 1 : 0);
    expect(guard.health).toBe(isTrouble ? 'resting' : 'ok');
    if (isTrouble) {
      expect(first).toBeUndefined();
      expect(events).toMatchObject([{ type: 'storage_trouble', operation, key: 'k' }]);
      const { strikes } = faulty;
      expect(await ask(guard, operation)).toBeUndefined();
      expect([events.length, faulty.strikes]).toEqual([1, strikes]);
    }
    faulty.heal();
    await clock.advance(30_000);
    await clock.drive(guard.set('k', Uint8Array.of(3)));
    expect(await clock.drive(guard.get('k'))).toEqual(Uint8Array.of(3));
    expect([guard.health, events.length, clock.pending]).toEqual(['ok', isTrouble ? 1 : 0, 0]);
  });
});

describe('the event', () => {
  it.each([
    ['absent', 'open', /^ReferenceError: indexedDB is not defined$/],
    ['SecurityError', 'open', /^SecurityError: injected SecurityError$/],
    ['QuotaExceededError', 'commit', /^QuotaExceededError/],
    ['QuotaExceededError', 'write', /^QuotaExceededError: injected QuotaExceededError$/],
    ['no reason', 'write', /^AbortError$/],
    ['no reason', 'commit', /^IndexedDB gave up a transaction$/],
    ['hang', 'read', /^no answer within 2000 ms$/],
    ['close', 'read', /^AbortError/],
  ] as const)('says what happened: %s at %s', async (fault, phase, message) => {
    const { clock, storage } = await setUp(fault, phase);
    const events: TinkerEvent[] = [];
    const guard = guarded(storage, { clock, emit: (event) => events.push(event) });
    await clock.drive(ask(guard, 'update'));
    expect(events).toMatchObject([{ message: expect.stringMatching(message) }]);
  });
});

describe('a close that strikes once', () => {
  it.each(['close', 'silent close'] as const)(
    'costs a call nothing where it had not begun: %s',
    async (fault) => {
      const { clock, storage, faulty } = await setUp(fault, 'read');
      await driveToRejection(clock, storage.get('k'));
      faulty.heal();
      expect(await clock.drive(Promise.all([storage.get('k'), storage.update('k', () => NEW)]))).toEqual([
        OLD,
        NEW,
      ]);
    },
  );
});

describe('a connection', () => {
  /** How often the database is opened by `work`. */
  async function opens(work: () => Promise<unknown>): Promise<number> {
    const { open } = indexedDB;
    let count = 0;
    indexedDB.open = (name) => {
      count += 1;
      return open(name);
    };
    await work();
    return count;
  }

  it.each(['read', 'write', 'commit'] as const)('that failed is not used again: %s', async (phase) => {
    const { clock, storage, faulty } = await setUp('no reason', phase);
    await driveToRejection(
      clock,
      storage.update('k', () => NEW),
    );
    faulty.heal();
    expect(await opens(() => Promise.all([storage.get('k'), storage.set('k', NEW)]))).toBe(1);
    expect(await opens(() => storage.get('k'))).toBe(0);
  });

  it('takes no other along: what was under way on it ends, and what was about to begin begins anew', async () => {
    const { clock, storage, faulty } = await setUp('QuotaExceededError', 'read');
    const failing = driveToRejection(clock, storage.get('k'));
    const others = Array.from({ length: 20 }, (_, i) => storage.set(`k${i}`, OLD));
    await failing;
    others.push(storage.set('last', OLD));
    await clock.drive(Promise.all(others));
    faulty.heal();
    expect(await storage.get('k19')).toEqual(OLD);
    expect(await storage.get('last')).toEqual(OLD);
  });
});

describe('a value that is over', () => {
  it.each(['read', 'write', 'commit'] as const)(
    'is none, even if it cannot be deleted: %s',
    async (phase) => {
      const { clock, storage, faulty } = await setUp('close', 'open');
      faulty.heal();
      await storage.set('k', NEW, { ttlMs: 10 });
      clock.freeze(10);
      // The first read is the one that finds it.
      const reading = storage.get('k');
      if (phase === 'read') await realTurns(1);
      faulty.strike('QuotaExceededError', phase);
      expect(await clock.drive(reading)).toBeUndefined();
      expect(faulty.strikes).toBeGreaterThan(0);
      faulty.heal();
      expect(await storage.get('k')).toBeUndefined();
    },
  );
});

describe('data that is no value', () => {
  it.each(['corrupt value', 'other version'] as const)('is none: %s', async (fault) => {
    const { clock, storage } = await setUp(fault, 'read');
    expect(await storage.get('k')).toBeUndefined();
    let seen: unknown;
    await storage.update('k', (current) => {
      seen = current;
      return NEW;
    });
    expect([seen, clock.pending]).toEqual([undefined, 0]);
  });
});

describe('a value that cannot be read', () => {
  it.each(['set', 'delete'] as const)('can be written over: %s', async (operation) => {
    const { storage, faulty } = await setUp('QuotaExceededError', 'read');
    expect(await rejection(storage.get('k'))).toMatchObject({ name: 'QuotaExceededError' });
    await ask(storage, operation);
    faulty.heal();
    expect(await storage.get('k')).toEqual(operation === 'set' ? NEW : undefined);
  });
});

describe('an update that the guard gave up', () => {
  it.each(['open', 'read'] as const)('changes nothing when it comes to it after all: %s', async (phase) => {
    const { clock, storage, faulty } = await setUp('hang', phase);
    const guard = guarded(storage, { clock, emit: () => {} });
    let calls = 0;
    const change = () => {
      calls += 1;
      return NEW;
    };
    expect(await clock.drive(guard.update!('k', change))).toBeUndefined();
    faulty.heal();
    await clock.advance(60_000);
    expect([calls, await clock.drive(storage.get('k'))]).toEqual([0, OLD]);
  });

  it.each(['write', 'commit'] as const)('had been decided, and is written late: %s', async (phase) => {
    const { clock, storage, faulty } = await setUp('hang', phase);
    const guard = guarded(storage, { clock, emit: () => {} });
    expect(await clock.drive(guard.update!('k', () => NEW))).toBeUndefined();
    faulty.heal();
    await clock.advance(60_000);
    expect(await clock.drive(storage.get('k'))).toEqual(NEW);
  });
});
