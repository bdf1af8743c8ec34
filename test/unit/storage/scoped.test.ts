import { expect, it } from 'vitest';
import { memoryStorage } from '../../../src/storage/memory.ts';
import { scoped } from '../../../src/storage/scoped.ts';
import { STORAGE_CONTRACT } from '../../../src/testing/storage-contract.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';

// A scope takes its share of the 512 bytes of a key.
const contract = STORAGE_CONTRACT.filter(({ name }) => !name.includes('512 bytes'));

it.each(contract)('is a store like any other: $name', async ({ run }) => {
  const clock = createVirtualClock();
  await run(
    scoped(memoryStorage(clock), async () => 's'),
    clock,
  );
});

it('keeps two scopes of one store apart, and its keys under the scope', async () => {
  const store = memoryStorage();
  const one = scoped(store, async () => 'one');
  const other = scoped(store, async () => 'other');
  await one.set('k', Uint8Array.of(1));
  await other.update?.('k', (current) => Uint8Array.of((current?.[0] ?? 0) + 2));
  expect(await one.get('k')).toEqual(Uint8Array.of(1));
  expect(await store.get('other:k')).toEqual(Uint8Array.of(2));
  await one.delete('k');
  expect([await one.get('k'), await other.get('k')]).toEqual([undefined, Uint8Array.of(2)]);
});

it('finds and keeps nothing where there is no scope, and has an update only where the store has one', async () => {
  const store = memoryStorage();
  const nowhere = scoped(store, async () => undefined);
  await nowhere.set('k', Uint8Array.of(1));
  let isCalled = false;
  await nowhere.update?.('k', () => {
    isCalled = true;
    return Uint8Array.of(1);
  });
  expect([await nowhere.get('k'), isCalled, await store.get('undefined:k')]).toEqual([
    undefined,
    false,
    undefined,
  ]);
  const { get, set, delete: remove } = store;
  expect('update' in scoped({ get, set, delete: remove }, async () => 's')).toBe(false);
});
