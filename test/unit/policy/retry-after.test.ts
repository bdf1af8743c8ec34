import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_HINT_MS, readRetryAfter, usableHint } from '../../../src/policy/retry-after.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);

describe('readRetryAfter', () => {
  it.each<readonly [Record<string, string>, number | undefined]>([
    [{}, undefined],
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': ' 7 ' }, 7_000],
    [{ 'retry-after': '0.25' }, 250],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '100000' }, 100_000_000],
    [{ 'Retry-After': 'Mon, 23 Nov 2026 12:00:05 GMT' }, 5_000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 11:59:55 GMT' }, 0],
    [{ 'retry-after': 'Monday, 23-Nov-26 12:00:05 GMT' }, 5_000],
    [{ 'retry-after-ms': '100' }, 100],
    [{ 'retry-after-ms': '12.5', 'retry-after': '7' }, 12.5],
    [{ 'retry-after-ms': 'soon', 'retry-after': '7' }, 7_000],
    [{ 'retry-after': '-7' }, undefined],
    [{ 'retry-after': '+7' }, undefined],
    [{ 'retry-after': '1e3' }, undefined],
    [{ 'retry-after': '0x10' }, undefined],
    [{ 'retry-after': 'NaN' }, undefined],
    [{ 'retry-after': 'Infinity' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': 'try 5' }, undefined],
    [{ 'retry-after': 'v2 99' }, undefined],
    [{ 'retry-after': '7, 8' }, undefined],
    [{ 'retry-after': '2026-11-23' }, undefined],
    [{ 'retry-after': '12/23/2026' }, undefined],
  ])('reads %j as %s', (headers, expected) => {
    expect(readRetryAfter(new Headers(headers), NOW)).toBe(expected);
  });

  it('reads any number of seconds, and any date to the second', () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.integer({ min: -1e8, max: 1e8 }), (seconds, offset) => {
        expect(readRetryAfter(new Headers({ 'retry-after': String(seconds) }), NOW)).toBe(seconds * 1000);
        const date = new Date(NOW + offset * 1000).toUTCString();
        expect(readRetryAfter(new Headers({ 'retry-after': date }), NOW)).toBe(Math.max(0, offset * 1000));
      }),
    );
  });

  it('gives nothing or a finite number of at least 0 for any text', () => {
    const header = fc.string({ unit: 'grapheme-ascii' }).filter((text) => !/[\r\n\0]/.test(text));
    fc.assert(
      fc.property(header, header, (seconds, milliseconds) => {
        const headers = new Headers({ 'retry-after': seconds, 'retry-after-ms': milliseconds });
        const hint = readRetryAfter(headers, NOW);
        if (hint !== undefined) expect(Number.isFinite(hint) && hint >= 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('usableHint', () => {
  it.each([
    [undefined, undefined],
    [-1, undefined],
    [0, undefined],
    [0.5, 0.5],
    [MAX_HINT_MS, MAX_HINT_MS],
    [MAX_HINT_MS + 1, MAX_HINT_MS],
    [Number.POSITIVE_INFINITY, MAX_HINT_MS],
  ])('obeys %s as %s', (hint, obeyed) => {
    expect(usableHint(hint)).toBe(obeyed);
  });

  it('never waits longer than a minute', () => {
    expect(MAX_HINT_MS).toBe(60_000);
  });
});
