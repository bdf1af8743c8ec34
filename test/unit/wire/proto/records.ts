import fc from 'fast-check';
import type { TensorData } from '../../../../src/wire/types/datum.ts';

/** A dtype of the wire: how its numbers are written, and what they are read as. */
interface WireDtype {
  readonly number: number;
  readonly name: TensorData['dtype'];
  readonly width: number;
  readonly put: (view: DataView, at: number, value: number) => void;
}

const DTYPES: readonly WireDtype[] = [
  { number: 1, name: 'float32', width: 4, put: (view, at, value) => view.setFloat32(at, value, true) },
  { number: 2, name: 'int64', width: 8, put: (view, at, value) => view.setBigInt64(at, BigInt(value), true) },
  { number: 3, name: 'int64', width: 4, put: (view, at, value) => view.setInt32(at, value, true) },
  // Whole numbers this small lose nothing when the lower half of a float32 is cut off.
  {
    number: 4,
    name: 'float32',
    width: 2,
    put(view, at, value) {
      const float = new DataView(new ArrayBuffer(4));
      float.setFloat32(0, value);
      view.setUint16(at, float.getUint16(0), true);
    },
  },
];

/** Rows of numbers per datum, all of one dtype and trailing shape: one field of one record. */
interface Field {
  readonly dtype: WireDtype;
  readonly trailing: readonly number[];
  /** Per datum, its numbers; as many as whole rows hold. */
  readonly datums: readonly (readonly number[])[];
}

function field(datumCount: number): fc.Arbitrary<Field> {
  const trailing = fc.array(fc.nat(3), { maxLength: 2 });
  return fc.tuple(fc.constantFrom(...DTYPES), trailing).chain(([dtype, axes]) => {
    const rowSize = axes.reduce((size, axis) => size * axis, 1);
    const row = fc.array(fc.integer({ min: -127, max: 127 }), { minLength: rowSize, maxLength: rowSize });
    const numbers = fc.array(row, { maxLength: 4 }).map((rows) => rows.flat());
    const datums = fc.array(numbers, { minLength: datumCount, maxLength: datumCount });
    return datums.map((values) => ({ dtype, trailing: axes, datums: values }));
  });
}

/** Records that all have the same fields, as a server would send them, and what they are to be read as. */
export const records = fc
  .record({
    counts: fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }),
    names: fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 6 }), { minLength: 1, maxLength: 3 }),
    isCounted: fc.boolean(),
  })
  .chain(({ counts, names, isCounted }) =>
    fc.tuple(...counts.map((count) => fc.tuple(...names.map(() => field(count))))).map((fields) => ({
      init: fields.map((columns, r) => ({
        typeTag: 'T',
        fields: Object.fromEntries(columns.map((column, c) => [names[c], batchedInit(column)])),
        numDatums: isCounted ? BigInt(counts[r] ?? 0) : 0n,
      })),
      expected: fields.flatMap((columns, r) =>
        Array.from({ length: counts[r] ?? 0 }, (_, i) =>
          Object.fromEntries(columns.map((column, c) => [names[c], expectedTensor(column, i)])),
        ),
      ),
    })),
  );

function batchedInit({ dtype, trailing, datums }: Field): object {
  const numbers = datums.flat();
  const data = new DataView(new ArrayBuffer(dtype.width * numbers.length));
  for (const [i, value] of numbers.entries()) dtype.put(data, dtype.width * i, value);
  const ends = datums.map((_, i) => dtype.width * datums.slice(0, i + 1).flat().length);
  return {
    data: new Uint8Array(data.buffer),
    offsets: offsetBytes([0, ...ends]),
    dtype: dtype.number,
    trailingShape: trailing.map(BigInt),
  };
}

/** Offsets as the wire has them. */
export function offsetBytes(offsets: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * offsets.length));
  for (const [i, offset] of offsets.entries()) view.setBigInt64(8 * i, BigInt(offset), true);
  return new Uint8Array(view.buffer);
}

function expectedTensor({ dtype, trailing, datums }: Field, i: number): TensorData {
  const numbers = datums[i] ?? [];
  const rowSize = trailing.reduce((size, axis) => size * axis, 1);
  return {
    data: dtype.name === 'int64' ? BigInt64Array.from(numbers, BigInt) : Float32Array.from(numbers),
    dtype: dtype.name,
    shape: [rowSize === 0 ? 0 : numbers.length / rowSize, ...trailing],
  } as TensorData;
}
