import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../../src/storage/memory.ts';
import { STORAGE_CONTRACT } from '../../../src/testing/storage-contract.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';

describe('memoryStorage', () => {
  it.each(STORAGE_CONTRACT)('$name', async ({ run }) => {
    const clock = createVirtualClock();
    await run(memoryStorage(clock), clock);
    expect(clock.pending).toBe(0);
  });

  it('is private: two of them share nothing', async () => {
    const one = memoryStorage();
    await one.set('a', Uint8Array.of(1));
    expect(await memoryStorage().get('a')).toBeUndefined();
    expect(await one.get('a')).toEqual(Uint8Array.of(1));
  });

  it('sees each update whole: nothing comes between reading and writing', async () => {
    const storage = memoryStorage();
    const order: string[] = [];
    const first = storage.update('a', () => {
      order.push('change');
      return Uint8Array.of(1);
    });
    const second = storage.get('a').then((value) => order.push(`read ${value?.[0]}`));
    await Promise.all([first, second]);
    expect(order).toEqual(['change', 'read 1']);
  });
});
