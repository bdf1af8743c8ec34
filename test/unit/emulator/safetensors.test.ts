import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../../src/emulator/checkpoints/safetensors.ts';

it('writes the format byte by byte', () => {
  const file = encodeSafetensors({
    metadata: { a: 'b' },
    tensors: [{ name: 'w', shape: [2], values: Float32Array.of(1, -2) }],
  });
  const header = '{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  expect(Array.from(file.subarray(0, 8))).toEqual([padded.length, 0, 0, 0, 0, 0, 0, 0]);
  expect(new TextDecoder().decode(file.subarray(8, 8 + padded.length))).toBe(padded);
  expect(Array.from(file.subarray(8 + padded.length))).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
});

it('reads back what it wrote, from any offset', () => {
  const tensor = fc.record({
    name: fc.string({ minLength: 1 }).filter((name) => name !== '__metadata__' && name !== '__proto__'),
    values: fc.float32Array({ maxLength: 20 }),
  });
  const tensors = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 5 });
  fc.assert(
    fc.property(
      tensors,
      fc.dictionary(
        fc.string().filter((k) => k !== '__proto__'),
        fc.string(),
      ),
      fc.nat(7),
      (list, metadata, offset) => {
        const written = list.map(({ name, values }) => ({ name, shape: [values.length], values }));
        const file = encodeSafetensors({ metadata: { ...metadata }, tensors: written });
        const shifted = new Uint8Array(file.length + offset);
        shifted.set(file, offset);
        const read = decodeSafetensors(shifted.subarray(offset));
        expect(read.metadata).toEqual({ ...metadata });
        expect(read.tensors.toSorted(byName)).toEqual(written.toSorted(byName));
      },
    ),
  );
});

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

it.each([
  ['an empty file', new Uint8Array(), /cut inside its header/],
  ['a cut header', encodeSafetensors({ metadata: {}, tensors: [] }).subarray(0, 12), /cut inside its header/],
  [
    'cut data',
    encodeSafetensors({
      metadata: {},
      tensors: [{ name: 'w', shape: [1], values: Float32Array.of(1) }],
    }).subarray(0, -1),
    /Tensor w does not fit/,
  ],
])('refuses %s', (_, file, message) => {
  expect(() => decodeSafetensors(file)).toThrow(message);
});
