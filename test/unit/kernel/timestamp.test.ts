import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDay, parseIso, parseMailDate } from '../../../src/kernel/timestamp.ts';

const moment = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
});

describe('parseIso', () => {
  it('reads what Date writes', () => {
    fc.assert(
      fc.property(moment, (date) => {
        expect(parseIso(date.toISOString())).toEqual({ ms: date.getTime(), hasZone: true });
      }),
    );
  });

  it('reads any zone as what it is', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1000-01-02'), max: new Date('9000-01-01'), noInvalidDate: true }),
        fc.integer({ min: -14 * 60 + 1, max: 14 * 60 }),
        fc.constantFrom(':', ''),
        (date, minutes, colon) => {
          const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
          const pad = (n: number): string => String(n).padStart(2, '0');
          const size = Math.abs(minutes);
          const zone = `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}${colon}${pad(size % 60)}`;
          expect(parseIso(local + zone)?.ms).toBe(date.getTime());
        },
      ),
    );
  });

  it.each([
    ['2026-11-23T16:15:15.301247', Date.UTC(2026, 10, 23, 16, 15, 15, 301), false],
    ['2026-11-23 16:15:15+00:00', Date.UTC(2026, 10, 23, 16, 15, 15), true],
    ['2026-11-23T16:15', Date.UTC(2026, 10, 23, 16, 15), false],
    ['2026-11-23T16:15:15.5Z', Date.UTC(2026, 10, 23, 16, 15, 15, 500), true],
    ['2026-11-23T16:15:15+02', Date.UTC(2026, 10, 23, 14, 15, 15), true],
    ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1), true],
    ['0001-01-01T00:00:00Z', new Date('0001-01-01T00:00:00Z').getTime(), true],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29), true],
  ])('reads %s', (text, ms, hasZone) => {
    expect(parseIso(text)).toEqual({ ms, hasZone });
  });

  it.each([
    '',
    'yesterday',
    '2026',
    '2026-11-23',
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-11-23T24:00:00Z',
    '2026-11-23T16:60:00Z',
    '2026-11-23T16:15:61Z',
    '2026-11-23T16:15:15+24:00',
    '2026-11-23T16:15:15+01:60',
    '2026-11-23T16:15:15 CET',
    '1700000000',
  ])('refuses %j', (text) => {
    expect(parseIso(text)).toBeUndefined();
  });
});

describe('parseMailDate', () => {
  it('reads what Date writes into headers', () => {
    fc.assert(
      fc.property(moment, (date) => {
        const seconds = Math.floor(date.getTime() / 1_000) * 1_000;
        expect(parseMailDate(new Date(seconds).toUTCString())).toBe(seconds);
      }),
    );
  });

  it.each([
    ['Wed, 21 Oct 2015 07:28:00 GMT', Date.UTC(2015, 9, 21, 7, 28)],
    ['Wed, 21 Oct 2015 07:28:00', Date.UTC(2015, 9, 21, 7, 28)],
    ['21 Oct 2015 07:28 +0200', Date.UTC(2015, 9, 21, 5, 28)],
    ['Wed, 21 Oct 2015 07:28:00 -0000', Date.UTC(2015, 9, 21, 7, 28)],
    ['Wed, 1 Oct 2015 07:28:00 UTC', Date.UTC(2015, 9, 1, 7, 28)],
  ])('reads %s', (text, ms) => {
    expect(parseMailDate(text)).toBe(ms);
  });

  it.each(['', '0', 'soon', 'Wed, 32 Oct 2015 07:28:00 GMT', 'Wed, 21 Okt 2015 07:28:00 GMT'])(
    'refuses %j',
    (text) => {
      expect(parseMailDate(text)).toBeUndefined();
    },
  );
});

describe('parseDay', () => {
  it('reads days that come, and no others', () => {
    expect(parseDay('2025-01-02')).toBe(Date.UTC(2025, 0, 2));
    for (const text of ['2025-1-2', '2025-02-29', '2025-04-31', '20250102', '2025-01-02T00:00:00Z'])
      expect(parseDay(text)).toBeUndefined();
  });
});
