import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeTar, type TarEntry } from '../../../src/emulator/checkpoints/tar.ts';
import { decodeTar } from '../../support/decode-tar.ts';
import { thrown } from '../../support/settled.ts';

const name = fc
  .string({ minLength: 1, maxLength: 40, unit: 'binary' })
  .filter((text) => !text.includes('\0'))
  .filter((text) => new TextEncoder().encode(text).length <= 100);

it('is read by another reader, whatever the names and sizes', () => {
  const entries = fc.array(fc.record({ name, bytes: fc.uint8Array({ maxLength: 1600 }) }), { maxLength: 5 });
  fc.assert(
    fc.property(entries, fc.nat(4_000_000_000), (files, seconds) => {
      const archive = encodeTar(files, seconds * 1000 + 999);
      expect(archive.length % 512).toBe(0);
      expect(decodeTar(archive)).toEqual(
        files.map((file) => ({ ...file, modifiedAt: seconds * 1000, mode: 0o644 })),
      );
    }),
  );
});

it('holds names and files that fill their place to the last byte, and empty files', () => {
  const files: TarEntry[] = [
    { name: 'n'.repeat(100), bytes: new Uint8Array(512).fill(1) },
    { name: `folder/${'é'.repeat(46)}`, bytes: new Uint8Array(0) },
    { name: 'one', bytes: new Uint8Array(513).fill(2) },
  ];
  const archive = encodeTar(files, 0);
  expect(decodeTar(archive).map(({ name, bytes }) => ({ name, bytes }))).toEqual(files);
  expect(archive.length).toBe((1 + 1 + 1 + 1 + 2 + 2) * 512);
});

it.each(['', 'n'.repeat(101), 'é'.repeat(51), 'a\0b'])('refuses the name %j', (bad) => {
  expect(thrown(() => encodeTar([{ name: bad, bytes: new Uint8Array() }], 0))).toBeInstanceOf(RangeError);
});
