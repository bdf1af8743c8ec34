import { expect, it } from 'vitest';
import { createNumberedRequests } from '../../../src/emulator/futures/numbered-requests.ts';
import { problem } from '../../../src/emulator/http/http.ts';
import { foldSeed, seedNumber } from '../../../src/emulator/seeds.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

it('knows a repetition by its number and bytes', () => {
  const requests = createNumberedRequests();
  let opened = 0;
  const open = () => `request-${++opened}`;
  expect(requests.once(1, bytes(1, 2), open)).toBe('request-1');
  expect(requests.once(1n, bytes(1, 2), open)).toBe('request-1');
  expect(requests.once(2n ** 63n - 1n, bytes(1, 2), open)).toBe('request-2');
  expect(requests.once(2n ** 63n - 2n, bytes(1, 2), open)).toBe('request-3');
  for (const other of [bytes(2, 1), bytes(1), bytes(1, 2, 0), bytes()]) {
    expect(() => requests.once(1, other, open)).toThrowError(
      expect.objectContaining({ status: 409, detail: 'Sequence id 1 was used for another request' }),
    );
  }
});

it('leaves the number free where nothing was opened', () => {
  const requests = createNumberedRequests();
  const refuse = () => {
    throw problem(429, 'later');
  };
  expect(() => requests.once(1, bytes(1), refuse)).toThrowError(expect.objectContaining({ status: 429 }));
  expect(requests.once(1, bytes(2), () => 'request-1')).toBe('request-1');
});

it('forgets the oldest', () => {
  const requests = createNumberedRequests();
  for (let id = 0; id <= 4096; id++) requests.once(id, bytes(1), () => `first-${id}`);
  expect(requests.once(1, bytes(1), () => 'again')).toBe('first-1');
  expect(requests.once(0, bytes(1), () => 'again')).toBe('again');
});

it('folds seeds into 63 bits, and those into a number, losing none that are small', () => {
  const top = 2n ** 63n - 1n;
  expect([0n, 5n, top - 1n, top, top + 5n, -1n, -top].map(foldSeed)).toEqual([
    0n,
    5n,
    top - 1n,
    0n,
    5n,
    top - 1n,
    0n,
  ]);
  expect([0n, 5n, 2n ** 53n - 1n].map(seedNumber)).toEqual([0, 5, 2 ** 53 - 1]);
  const large = Array.from({ length: 64 }, (_, i) => seedNumber(2n ** 53n + BigInt(i)));
  const high = Array.from({ length: 64 }, (_, i) => seedNumber(BigInt(i + 1) * 2n ** 56n));
  expect(new Set([...large, ...high]).size).toBe(128);
  expect([...large, ...high].every((seed) => Number.isSafeInteger(seed) && seed >= 0)).toBe(true);
});
