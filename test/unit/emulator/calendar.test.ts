import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isDay, isoDay, parseIsoTime } from '../../../src/emulator/calendar.ts';
import { httpDate, isoTime } from '../../../src/kernel/clock.ts';

it('words a moment for answers and for headers', () => {
  const at = Date.UTC(2024, 1, 29, 4, 5, 6, 78);
  expect(isoTime(at)).toBe('2024-02-29T04:05:06.078Z');
  expect(isoDay(at)).toBe('2024-02-29');
  expect(httpDate(at)).toBe('Thu, 29 Feb 2024 04:05:06 GMT');
});

it('reads back what it words', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), (at) => {
      expect(parseIsoTime(isoTime(at))).toBe(at);
      expect(isDay(isoDay(at))).toBe(true);
    }),
  );
});

it.each([
  ['2024-02-29', Date.UTC(2024, 1, 29)],
  ['2024-02-29T10:00', Date.UTC(2024, 1, 29, 10)],
  ['2024-02-29T10:00:00', Date.UTC(2024, 1, 29, 10)],
  ['2024-02-29T10:00:00Z', Date.UTC(2024, 1, 29, 10)],
  ['2024-02-29T10:00:00.5Z', Date.UTC(2024, 1, 29, 10, 0, 0, 500)],
  ['2024-02-29T10:00:00+02:00', Date.UTC(2024, 1, 29, 8)],
  ['2023-02-29', undefined],
  ['2023-02-30T00:00:00Z', undefined],
  ['2024-02-29T25:00:00Z', undefined],
  ['2024-02-29 10:00:00Z', undefined],
  ['29 Feb 2024', undefined],
  ['', undefined],
])('takes %s for %s', (text, at) => {
  expect(parseIsoTime(text)).toBe(at);
});

it.each(['2024-02-30', '2024-13-01', '2024-2-1', '2024-02-01T00:00:00Z', 'today'])(
  'knows no day %s',
  (text) => {
    expect(isDay(text)).toBe(false);
  },
);
