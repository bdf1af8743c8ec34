import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRange, serveBytes } from '../../../src/emulator/http/byte-range.ts';

describe('what a range asks for', () => {
  it('is what RFC 9110 says, for any numbers', () => {
    const edge = fc.option(fc.nat(30), { nil: undefined });
    fc.assert(
      fc.property(edge, edge, fc.nat(20), (first, last, length) => {
        const asked = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, length);
        // The reference: which of the positions are meant.
        const positions = Array.from({ length }, (_, position) => position);
        const meant = positions.filter((position) =>
          first === undefined
            ? position >= length - (last ?? 0)
            : position >= first && position <= (last ?? Number.POSITIVE_INFINITY),
        );
        const isInvalid =
          (first === undefined && last === undefined) ||
          (first !== undefined && last !== undefined && last < first);
        if (isInvalid) expect(asked).toBe('whole');
        else if (meant.length === 0) expect(asked).toBe('unsatisfiable');
        else expect(asked).toEqual({ start: meant[0], end: (meant.at(-1) ?? 0) + 1 });
      }),
      { numRuns: 500 },
    );
  });

  it.each([null, '', 'bytes', 'bytes=', 'items=0-1', 'bytes=a-b', 'bytes=0-1,3-4', 'bytes=1.5-'])(
    'is everything for %j',
    (header) => {
      expect(parseRange(header, 10)).toBe('whole');
    },
  );
});

describe('serving', () => {
  const bytes = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
  const serve = async (headers: Record<string, string>) => {
    const request = new Request('https://host/file', { headers });
    const response = serveBytes(request, bytes, { etag: '"a"', 'content-type': 'text/x' });
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      bytes: [...new Uint8Array(await response.arrayBuffer())],
    };
  };
  const common = { etag: '"a"', 'content-type': 'text/x', 'accept-ranges': 'bytes' };

  it('gives the whole, a part, or nothing', async () => {
    expect(await serve({})).toEqual({
      status: 200,
      headers: { ...common, 'content-length': '10' },
      bytes: [...bytes],
    });
    expect(await serve({ range: 'bytes=7-' })).toEqual({
      status: 206,
      headers: { ...common, 'content-length': '3', 'content-range': 'bytes 7-9/10' },
      bytes: [7, 8, 9],
    });
    expect(await serve({ range: 'bytes=10-' })).toEqual({
      status: 416,
      headers: { ...common, 'content-range': 'bytes */10' },
      bytes: [],
    });
  });

  it('gives the whole where the part is of something else', async () => {
    expect((await serve({ range: 'bytes=7-', 'if-range': '"a"' })).status).toBe(206);
    expect((await serve({ range: 'bytes=7-', 'if-range': '"b"' })).status).toBe(200);
  });
});
