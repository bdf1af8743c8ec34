import { BinaryReader } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ProtobufField, readMessage } from '../../../../src/wire/proto/protobuf-reader.ts';
import { thrown } from '../../../support/settled.ts';
import { delimited, double, join, raw, varint } from './raw-fields.ts';

/** What `read` makes of every field 1, named `f`, of a message `M`. */
function readAll<T>(bytes: Uint8Array, read: (field: ProtobufField) => T): T[] {
  const values: T[] = [];
  readMessage('M', ['f'], bytes, (field) => values.push(read(field)));
  return values;
}

const LONGEST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

describe('readMessage', () => {
  it('hands over every known field in order, with its number', () => {
    const seen: unknown[] = [];
    const bytes = join(varint(2, 5), delimited(1, 'a'), varint(3, 1), delimited(1, 'b'), double(4, 0.5));
    readMessage('M', ['a', 'b', 'c', 'd'], bytes, (field) => {
      if (field.number === 1) seen.push(field.string());
      else seen.push(field.number);
    });
    expect(seen).toEqual([2, 'a', 3, 'b', 4]);
  });

  it('reads numbers as protobuf-es does', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (value) => {
        const bytes = varint(1, BigInt.asIntN(64, value));
        const oracle = (): BinaryReader => {
          const reader = new BinaryReader(bytes);
          reader.tag();
          return reader;
        };
        expect(readAll(bytes, (field) => field.int32())).toEqual([oracle().int32()]);
        expect(readAll(bytes, (field) => field.uint32())).toEqual([oracle().uint32()]);
        const exact = BigInt(oracle().int64());
        if (exact >= -(2n ** 53n) + 1n && exact <= 2n ** 53n - 1n) {
          expect(readAll(bytes, (field) => field.int64())).toEqual([Number(exact)]);
        } else {
          expect(() => readAll(bytes, (field) => field.int64())).toThrow(
            'M.f has an integer beyond 2^53 - 1',
          );
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    [0n, 0],
    [127n, 127],
    [128n, 128],
    [2n ** 28n - 1n, 2 ** 28 - 1],
    [2n ** 28n, 2 ** 28],
    [2n ** 32n - 1n, 2 ** 32 - 1],
    [2n ** 32n, 2 ** 32],
    [2n ** 35n, 2 ** 35],
    [2n ** 53n - 1n, 2 ** 53 - 1],
    [-1n, -1],
    [-(2n ** 53n) + 1n, -(2 ** 53) + 1],
  ])('reads an int64 of %s', (sent, expected) => {
    expect(readAll(varint(1, sent), (field) => field.int64())).toEqual([expected]);
  });

  it.each([[2n ** 53n], [-(2n ** 53n)], [2n ** 53n + 1n], [2n ** 63n - 1n], [-(2n ** 63n)]])(
    'refuses an int64 of %s, which no number holds exactly',
    (sent) => {
      expect(thrown(() => readAll(varint(1, sent), (field) => field.int64()))).toMatchObject({
        name: 'TinkerResponseError',
        message: 'M.f has an integer beyond 2^53 - 1, which a number cannot hold exactly',
      });
    },
  );

  it('reads longer forms of a number than it needs', () => {
    expect(readAll(raw(1, 0, 0x85, 0x80, 0x80, 0x00), (field) => field.int64())).toEqual([5]);
    expect(readAll(Uint8Array.of(0x88, 0x80, 0x00, 0x07), (field) => field.int64())).toEqual([7]);
  });

  it('reads text of any script, and keeps a byte order mark', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(readAll(delimited(1, text), (field) => field.string())).toEqual([text]);
      }),
    );
    expect(readAll(delimited(1, '\uFEFFa'), (field) => field.string())).toEqual(['\uFEFFa']);
  });

  it('reads every double, bit for bit', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(readAll(double(1, value), (field) => field.double())).toEqual([value]);
      }),
    );
  });

  it.each<readonly [string, Uint8Array]>([
    ['M: a tag is cut inside a varint', Uint8Array.of(0x80)],
    ['M: a tag has a field number out of bounds', Uint8Array.of(0)],
    ['M: a tag has a field number out of bounds', Uint8Array.of(0x07)],
    ['M: a tag has a field number out of bounds', Uint8Array.of(0x88, 0x80, 0x80, 0x80, 0x10, 0)],
    ['M.f is cut inside a varint', raw(1, 0)],
    ['M.f is cut inside a varint', raw(1, 0, ...LONGEST)],
    ['M.f has a varint of more than 64 bits', raw(1, 0, ...LONGEST, 0x80, 0)],
    ['M.f has a varint of more than 64 bits', raw(1, 0, ...LONGEST, 0x02)],
    ['M.f is cut: 1 bytes are left of 2', raw(1, 2, 2, 0)],
    ['M.f is cut: 0 bytes are left of 4294967296', raw(1, 2, 0x80, 0x80, 0x80, 0x80, 0x10)],
    ['M.f is cut: 1 bytes are left of 18446744073709552000', raw(1, 2, ...LONGEST, 0x01, 0)],
    ['M.f is cut: 7 bytes are left of 8', raw(1, 1, 1, 2, 3, 4, 5, 6, 7)],
    ['M.f is cut: 3 bytes are left of 4', raw(1, 5, 1, 2, 3)],
    ['M.f has wire type 3, which is not supported', raw(1, 3)],
    ['M.f has wire type 4, which is not supported', raw(1, 4)],
    ['M.f has wire type 6, which is not supported', raw(1, 6)],
    ['M.f has wire type 7, which is not supported', raw(1, 7)],
    ['M: field 9 is cut inside a varint', raw(9, 0, 0x80)],
    ['M: field 9 is cut: 2 bytes are left of 3', raw(9, 2, 3, 0, 0)],
    ['M: field 9 is cut: 3 bytes are left of 8', raw(9, 1, 0, 0, 0)],
    ['M: field 9 has wire type 3, which is not supported', raw(9, 3)],
  ])('says %j', (message, bytes) => {
    expect(thrown(() => readAll(bytes, () => undefined))).toMatchObject({
      name: 'TinkerResponseError',
      message,
    });
  });

  it('allows the longest varint', () => {
    expect(readAll(raw(1, 0, ...LONGEST, 0x01), (field) => field.int64())).toEqual([-1]);
  });

  it('reads what is known of the largest field numbers', () => {
    expect(readAll(join(varint(2 ** 29 - 1, 1), varint(1, 2)), (field) => field.int64())).toEqual([2]);
  });

  it.each<readonly [string, Uint8Array, (field: ProtobufField) => unknown]>([
    ['M.f has wire type 2 instead of 0', delimited(1, ''), (field) => field.int32()],
    ['M.f has wire type 2 instead of 0', delimited(1, ''), (field) => field.uint32()],
    ['M.f has wire type 1 instead of 0', double(1, 0), (field) => field.int64()],
    ['M.f has wire type 1 instead of 0', double(1, 0), (field) => field.eachInt64(() => undefined)],
    ['M.f has wire type 5 instead of 1', raw(1, 5, 0, 0, 0, 0), (field) => field.double()],
    ['M.f has wire type 0 instead of 2', varint(1, 0), (field) => field.string()],
    ['M.f has wire type 0 instead of 2', varint(1, 0), (field) => field.bytes()],
    ['M.f is not text in UTF-8', delimited(1, Uint8Array.of(0xff)), (field) => field.string()],
    [
      'M.f is cut inside a varint',
      delimited(1, Uint8Array.of(1, 0x80)),
      (field) => field.eachInt64(() => undefined),
    ],
  ])('says %j of a value that is asked for as another', (message, bytes, read) => {
    expect(thrown(() => readAll(bytes, read))).toMatchObject({ name: 'TinkerResponseError', message });
  });
});
