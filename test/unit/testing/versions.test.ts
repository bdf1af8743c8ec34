import { expect, it } from 'vitest';
import { createVersions } from '../../../src/testing/versions.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';

it('keeps no more versions than somebody may still see', async () => {
  const clock = createVirtualClock({ graceTurns: 1 });
  const versions = createVersions(clock, () => 10);
  const write = (value: number): void => versions.write(1, 'k', { bytes: Uint8Array.of(value) });
  for (let value = 1; value <= 100; value++) write(value);
  // The other context sees none of them yet.
  expect([versions.size, versions.read(1, 'k'), versions.read(2, 'k')]).toEqual([
    100,
    Uint8Array.of(100),
    undefined,
  ]);
  await clock.advance(10);
  write(101);
  expect([versions.size, versions.read(2, 'k')]).toEqual([2, Uint8Array.of(100)]);
  versions.write(2, 'other', { bytes: undefined });
  expect(versions.size).toBe(3);
  for (let value = 102; value <= 1_000; value++) {
    await clock.advance(10);
    write(value);
  }
  expect(versions.size).toBe(3);
});
