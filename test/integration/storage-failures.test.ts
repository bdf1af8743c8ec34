import { afterEach, describe, expect, it } from 'vitest';
import { createServiceClient, type TinkerEvent } from '../../src/index.ts';
import { indexedDbStorage } from '../../src/storage/indexeddb.ts';
import { memoryStorage } from '../../src/storage/memory.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { type Answer, scriptedFetch } from '../../src/testing/scripted-fetch.ts';
import { createVirtualClock } from '../../src/testing/virtual-clock.ts';
import {
  type FaultPhase,
  type FaultyIndexedDb,
  type IndexedDbFault,
  installFaultyIndexedDb,
} from '../support/faulty-indexeddb.ts';
import { healthyScript } from '../support/service.ts';
import { driveToRejection } from '../support/settled.ts';
import { forbidUnhandledRejections } from '../support/unhandled.ts';

forbidUnhandledRejections();

const ACCEPTED: Answer = { status: 200, body: { request_id: 'asample' } };
const DOWN: Answer = { status: 503 };
const LIMITED: Answer = { status: 429, headers: { 'retry-after': '20' } };

const REST_MS = 30_000;
const PHASES: readonly FaultPhase[] = ['open', 'read', 'write', 'commit'];
/** Every call is struck, for as long as it lasts: the store is of no use. */
const FATAL: readonly IndexedDbFault[] = [
  'absent',
  'SecurityError',
  'QuotaExceededError',
  'no reason',
  'close',
  'silent close',
  'hang',
];

let faulty: FaultyIndexedDb | undefined;
afterEach(() => faulty?.uninstall());

/** Time, and a database that can be struck. */
function createWorld() {
  // The platform's database takes many turns of the event loop, and virtual time must not pass it by.
  const clock = createVirtualClock({ graceTurns: 40 });
  faulty = installFaultyIndexedDb(clock);
  return { clock, faulty };
}

/** A store that is another's, which can be changed. */
function createSwitch(first: Required<Storage>) {
  let current = first;
  const storage: Storage = {
    get: (key) => current.get(key),
    set: (key, value, options) => current.set(key, value, options),
    delete: (key) => current.delete(key),
    update: (key, change, options) => current.update(key, change, options),
  };
  return {
    storage,
    turnTo(next: Required<Storage>): void {
      current = next;
    },
  };
}

/** A client on IndexedDB. The fault strikes from the database's opening on, or once it is open. */
async function setUp(
  script: readonly Answer[],
  fault?: IndexedDbFault,
  phase: FaultPhase = 'read',
  { world = createWorld(), skewMs = 0 } = {},
) {
  const { faulty: installed } = world;
  // Time is the same for all; what the calendar says of it need not be.
  const clock = { ...world.clock, now: () => world.clock.now() + skewMs };
  // Until it has begun its session: its digest is work for another thread, during which virtual time may pass.
  const { storage, turnTo } = createSwitch(memoryStorage(clock));
  const events: (TinkerEvent & { readonly at: number })[] = [];
  const answers: Answer[] = [ACCEPTED];
  const { fetch, requests } = scriptedFetch({ ...healthyScript(), asample: answers }, undefined, { clock });
  const service = createServiceClient({
    apiKey: 'tml-test',
    fetch,
    clock,
    storage,
    random: () => 0,
    circuitBreaker: { failureThreshold: 3, resetMs: 20_000 },
    retryBudgetMs: 120_000,
    onEvent: (event) => events.push({ ...event, at: clock.monotonic() }),
  });
  const sampler = await world.clock.drive(service.createSamplingClient({ baseModel: 'm' }));
  const database = indexedDbStorage({ clock });
  if (phase !== 'open') await world.clock.drive(database.get('k'));
  turnTo(database);
  if (fault !== undefined) installed.strike(fault, phase);
  // Only now, so that the script begins with the next sample.
  answers.splice(0, 1, ...script);
  return {
    clock: world.clock,
    service,
    faulty: installed,
    world,
    sample: () => sampler.sample({ prompt: [1], maxTokens: 1 }),
    submissions: () => requests.filter(({ path }) => path === 'asample'),
    troubles: () => events.flatMap((event) => (event.type === 'storage_trouble' ? [event] : [])),
    health: () => service.snapshot().storage,
    /** Close it, and others of its world, and see that nothing is left. */
    async finish(...others: readonly { readonly service: typeof service }[]) {
      for (const one of [{ service }, ...others]) await world.clock.drive(one.service.close());
      // The guard waits for no call any more; what the platform holds back has an end of its own.
      if (fault === 'hang') await world.clock.advance(REST_MS);
      expect(world.clock.pending).toBe(0);
    },
  };
}

/** One event in each rest of the store, and no more. */
function expectOneEventARest(troubles: readonly { readonly at: number }[]): void {
  const rests = troubles.slice(1).map(({ at }, i) => at - (troubles[i]?.at ?? 0));
  expect(rests.filter((ms) => ms < REST_MS)).toEqual([]);
}

const FATAL_CASES = FATAL.flatMap((fault) => PHASES.map((phase) => ({ fault, phase })));

describe.each(FATAL_CASES)('$fault at $phase', ({ fault, phase }) => {
  it('fails no sample, is told once, and the circuit opens in memory', async () => {
    const one = await setUp([DOWN, ACCEPTED, DOWN], fault, phase);
    const { sequences } = await one.clock.drive(one.sample());
    expect(sequences).toHaveLength(1);
    expect(one.submissions()).toHaveLength(2);
    expect(one.faulty.strikes).toBeGreaterThan(0);
    expect(one.troubles()).toHaveLength(1);
    expect(one.health()).toBe('resting');
    // The failure before the success no longer counts.
    expect(await driveToRejection(one.clock, one.sample())).toMatchObject({ code: 'circuit_open' });
    expect(one.submissions()).toHaveLength(5);
    expect(one.service.snapshot().circuits.sample).toMatchObject({ state: 'open', failures: 3 });
    expect(await driveToRejection(one.clock, one.sample())).toMatchObject({ code: 'circuit_open' });
    expect(one.submissions()).toHaveLength(5);
    expectOneEventARest(one.troubles());
    await one.finish();
  });

  it('leaves a pause kept here, by all who ask', async () => {
    const one = await setUp([LIMITED, ACCEPTED], fault, phase);
    const askedAt = one.clock.monotonic();
    const first = one.sample();
    await one.clock.advance(10_000);
    const second = one.sample();
    await one.clock.drive(Promise.all([first, second]));
    const [, ...sent] = one.submissions().map(({ startedAt = 0 }) => startedAt - askedAt);
    // Two seconds more where the store was waited for before the first was sent.
    expect(sent.every((ms) => ms >= 20_000 && ms < 24_000)).toBe(true);
    expect(sent).toHaveLength(2);
    expect(one.troubles().length).toBeGreaterThan(0);
    expectOneEventARest(one.troubles());
    await one.finish();
  });

  it('is told again after each rest, and over when it is over', async () => {
    const one = await setUp([DOWN, ACCEPTED, DOWN, ACCEPTED, DOWN, ACCEPTED], fault, phase);
    await one.clock.drive(one.sample());
    expect(one.troubles()).toHaveLength(1);
    await one.clock.advance(REST_MS);
    await one.clock.drive(one.sample());
    // A database that took half a minute to open is open now.
    const told = fault === 'hang' && phase === 'open' ? 1 : 2;
    expect(one.troubles()).toHaveLength(told);
    one.faulty.heal();
    await one.clock.advance(2 * REST_MS);
    await one.clock.drive(one.sample());
    expect([one.troubles().length, one.health()]).toEqual([told, 'ok']);
    expectOneEventARest(one.troubles());
    await one.finish();
  });
});

describe.each(PHASES)('versionchange at %s', (phase) => {
  it('is no trouble: the store makes way, and opens anew', async () => {
    const one = await setUp([DOWN, ACCEPTED, DOWN], 'versionchange', phase);
    await one.clock.drive(one.sample());
    expect(await driveToRejection(one.clock, one.sample())).toMatchObject({ code: 'circuit_open' });
    expect(one.faulty.strikes).toBeGreaterThan(0);
    expect([one.troubles(), one.health()]).toEqual([[], 'ok']);
    await one.finish();
  });
});

describe('a database that another page holds up', () => {
  it('is waited for no longer than two seconds, and used again when it is free', async () => {
    const one = await setUp([ACCEPTED]);
    const { healthy } = one.faulty;
    const blocker = await new Promise<IDBDatabase>((resolve) => {
      const request = healthy.open('isotinker');
      request.onsuccess = () => resolve(request.result);
    });
    healthy.deleteDatabase('isotinker');
    await one.clock.advance(0);
    const askedAt = one.clock.monotonic();
    await one.clock.drive(one.sample());
    expect(one.submissions()[0]?.startedAt).toBe(askedAt + 2_000);
    expect(one.troubles()).toMatchObject([{ operation: 'get', message: 'no answer within 2000 ms' }]);
    blocker.close();
    await one.clock.advance(REST_MS);
    await one.clock.drive(one.sample());
    expect([one.troubles().length, one.health()]).toEqual([1, 'ok']);
    await one.finish();
  });
});

describe.each(['corrupt value', 'other version', 'corrupt bytes'] as const)('data: %s', (fault) => {
  it('is none: the circuit and the pause are kept in memory, and the store is not left alone', async () => {
    const one = await setUp([DOWN, LIMITED, ACCEPTED, DOWN], fault);
    const askedAt = one.clock.monotonic();
    await one.clock.drive(one.sample());
    expect((one.submissions()[2]?.startedAt ?? 0) - askedAt).toBeGreaterThanOrEqual(20_000);
    expect(await driveToRejection(one.clock, one.sample())).toMatchObject({ code: 'circuit_open' });
    expect(one.submissions()).toHaveLength(6);
    expect(one.service.snapshot().circuits.sample).toMatchObject({ state: 'open', failures: 3 });
    expect(one.faulty.strikes).toBeGreaterThan(0);
    // What the store itself takes for no row is none, and nobody hears of it.
    const told =
      fault === 'corrupt bytes' ? [{ operation: 'parse', message: 'not a value of this version' }] : [];
    expect(one.troubles().slice(0, 1)).toMatchObject(told);
    expectOneEventARest(one.troubles());
    expect(one.health()).toBe('ok');
    await one.finish();
  });
});

describe('a row that was written by a wrong clock', () => {
  it.each([
    ['a day ahead', 24 * 3_600_000],
    ['ten minutes ahead', 600_000],
    ['ten minutes behind', -600_000],
    ['a day behind', -24 * 3_600_000],
    ['before the epoch', -1_800_000_000_000],
  ])('holds nothing for longer than it may: %s', async (_, skewMs) => {
    const wrong = await setUp([DOWN], undefined, 'read', { skewMs });
    const right = await setUp([LIMITED, ACCEPTED], undefined, 'read', { world: wrong.world });
    expect(await driveToRejection(wrong.clock, wrong.sample())).toMatchObject({ code: 'circuit_open' });
    await right.clock.drive(Promise.allSettled([right.sample()]));
    await right.clock.advance(20_000);
    await right.clock.drive(right.sample());
    expect(right.service.snapshot().circuits.sample).toMatchObject({ state: 'closed' });
    // And the other way round: the pause that the right clock wrote, and what became of the circuit.
    await wrong.clock.advance(20_000);
    expect(await driveToRejection(wrong.clock, wrong.sample())).toMatchObject({ code: 'circuit_open' });
    expect(wrong.submissions().length).toBeGreaterThan(3);
    expect([wrong.troubles(), wrong.health(), right.troubles(), right.health()]).toEqual([
      [],
      'ok',
      [],
      'ok',
    ]);
    await right.finish(wrong);
  });
});

it('where the store works, what one client learns another knows', async () => {
  const one = await setUp([DOWN]);
  const other = await setUp([ACCEPTED], undefined, 'read', { world: one.world });
  expect(await driveToRejection(one.clock, one.sample())).toMatchObject({ code: 'circuit_open' });
  expect(await driveToRejection(other.clock, other.sample())).toMatchObject({ code: 'circuit_open' });
  expect(other.submissions()).toHaveLength(0);
  await one.finish(other);
});
