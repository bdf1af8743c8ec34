import { systemClock } from '../../../src/kernel/clock.ts';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { guarded } from '../../../src/storage/guarded.ts';
import { indexedDbStorage } from '../../../src/storage/indexeddb.ts';
import {
  type DenoKeyValue,
  denoKvStorage,
  type KeyValueNamespace,
  kvStorage,
} from '../../../src/storage/kv.ts';
import { memoryStorage } from '../../../src/storage/memory.ts';
import { scoped } from '../../../src/storage/scoped.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { storageCases } from '../../../src/testing/storage-contract.ts';
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { createCloudflareKv } from '../../support/cloudflare-kv.ts';
import { assertAlike, assertEqual, assertTrue, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { patientClock } from '../patience.ts';

/** Stores keep their contract, and trouble with them hurts nobody. */
export function storeCases(): readonly ConformanceCase[] {
  return [...contractCases(), ...guardCases(), ...absentCases()];
}

function contractCases(): readonly ConformanceCase[] {
  const memory = storageCases().map(({ name, run }) => ({
    name: `storage: memory ${name}`,
    async run() {
      const clock = patientClock();
      await run(memoryStorage(clock), clock);
      assertEqual('timers left', clock.pending, 0);
    },
  }));
  const cloudflare = storageCases({ update: false }).map(({ name, run }) => ({
    name: `storage: the adapter of Cloudflare KV ${name}`,
    async run() {
      const clock = patientClock();
      const kv = createCloudflareKv({ clock });
      await run(kvStorage(kv.open(), { clock, waitUntil: () => {}, random: () => 0 }), clock);
      await clock.advance(2_000);
      assertEqual('writes refused', kv.writes.filter(({ isRefused }) => isRefused).length, 0);
      assertEqual('timers left', clock.pending, 0);
    },
  }));
  return [...memory, ...cloudflare];
}

/** A guarded store, and what it tells. */
function guard(make: (clock: VirtualClock) => Storage) {
  const clock = patientClock();
  const events: TinkerEvent[] = [];
  const storage = guarded(make(clock), { clock, emit: (event) => events.push(event) });
  return { clock, events, storage };
}

const failing = (work: () => Promise<never>): Storage => ({
  get: work,
  set: work,
  delete: work,
  update: work,
});

function guardCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'storage: a store that throws, rejects or hangs is a miss, and one event',
      async run() {
        const troubles: readonly (() => Promise<never>)[] = [
          () => {
            throw new Error('blocked');
          },
          () => Promise.reject(new DOMException('The disk is full', 'QuotaExceededError')),
          () => Promise.reject(new DOMException('', 'AbortError')),
          () => Promise.reject(null),
          () => new Promise(() => {}),
        ];
        const told: unknown[] = [];
        for (const trouble of troubles) {
          const { clock, events, storage } = guard(() => failing(trouble));
          assertEqual('get', await clock.drive(storage.get('k')), undefined);
          const updated = clock.drive(Promise.resolve(storage.update?.('k', () => Uint8Array.of(1))));
          assertEqual('update', await updated, undefined);
          assertEqual('events', events.length, 1);
          assertAlike('left', [storage.health, clock.pending], ['resting', 0]);
          told.push(...events);
        }
        return textOf(told);
      },
    },
    {
      name: 'storage: a store in trouble is left alone for half a minute, and then asked again',
      async run() {
        let calls = 0;
        const { clock, events, storage } = guard((time) => ({
          ...memoryStorage(time),
          async get() {
            calls += 1;
            if (calls === 1) throw new Error('blocked');
            return Uint8Array.of(7);
          },
        }));
        await Promise.all([storage.get('a'), storage.set('b', Uint8Array.of(1))]);
        await clock.advance(29_999);
        assertAlike('while it rests', [await storage.get('a'), calls], [undefined, 1]);
        await clock.advance(1);
        assertEqual('afterwards', await storage.get('a'), Uint8Array.of(7));
        assertAlike('events, timers', [events.length, clock.pending], [1, 0]);
      },
    },
    {
      name: 'storage: a scope keeps to its keys, and where there is none nothing is kept',
      async run() {
        const whole = memoryStorage();
        const ours = scoped(whole, async () => 'a');
        const nobodys = scoped(whole, async () => undefined);
        const value = Uint8Array.of(1, 2);
        const setting = ours.set('k', value);
        value.fill(9);
        await setting;
        await nobodys.set('k', value);
        assertEqual('under the scope', await ours.get('k'), Uint8Array.of(1, 2));
        assertEqual('in the store', await whole.get('a:k'), Uint8Array.of(1, 2));
        assertEqual('without a scope', await nobodys.get('k'), undefined);
        assertEqual('under the bare key', await whole.get('k'), undefined);
        assertEqual('updated', await ours.update?.('k', (now) => now?.subarray(1)), Uint8Array.of(2));
      },
    },
  ];
}

/** Use a store that may have no platform to it as the client does: guarded, and in real time, which databases take. */
async function used(storage: Storage) {
  const events: TinkerEvent[] = [];
  const safe = guarded(storage, { clock: systemClock, emit: (event) => events.push(event), limitMs: 10_000 });
  await safe.set('k', Uint8Array.of(5));
  return { found: await safe.get('k'), events };
}

function absentCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'storage: IndexedDB works where the platform has it, and is a miss and one event where it has not',
      async run() {
        const { indexedDB } = globalThis as { readonly indexedDB?: IDBFactory };
        const name = `conformance ${crypto.randomUUID()}`;
        const { found, events } = await used(indexedDbStorage({ name }));
        if (indexedDB === undefined) {
          assertEqual('found', found, undefined);
          assertAlike(
            'events',
            events.map(({ type }) => type),
            ['storage_trouble'],
          );
          return;
        }
        indexedDB.deleteDatabase(name);
        assertEqual('found', found, Uint8Array.of(5));
        assertEqual('events', events.length, 0);
      },
    },
    {
      name: 'storage: a KV that is not bound, or not allowed, is a miss and one event',
      async run() {
        const clock = patientClock();
        const refuse = (): Promise<never> => Promise.reject(new TypeError('not bound'));
        const namespace: KeyValueNamespace = { getWithMetadata: refuse, put: refuse, delete: refuse };
        const kvs = [
          kvStorage(namespace, { clock }),
          kvStorage(undefined as unknown as KeyValueNamespace, { clock }),
          denoKvStorage({ get: refuse } as unknown as DenoKeyValue, { clock }),
        ];
        for (const [i, kv] of kvs.entries()) {
          const { found, events } = await used(kv);
          assertEqual(`found in ${i}`, found, undefined);
          assertAlike(
            `events of ${i}`,
            events.map(({ type }) => type),
            ['storage_trouble'],
          );
        }
      },
    },
    {
      name: 'storage: keys and values beyond a platform’s bounds are refused before it is asked',
      async run() {
        const clock = patientClock();
        const kv = createCloudflareKv({ clock });
        const storage = kvStorage(kv.open(), { clock });
        const refused: string[] = [];
        const tries = [
          () => storage.get('é'.repeat(257)),
          () => storage.set('k', new Uint8Array(26_214_401)),
        ];
        for (const attempt of tries)
          await attempt().catch((error: Error) => refused.push(`${error.name} ${error.message}`));
        assertEqual('refusals', refused.length, 2);
        assertTrue('KV was not asked', kv.writes.length === 0);
        return refused.join('\n');
      },
    },
  ];
}
