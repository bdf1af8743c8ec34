import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createJavascriptKernels } from '../../../../src/emulator/model/javascript-kernels.ts';
import type { Matrix } from '../../../../src/emulator/model/matrix.ts';
import { createSimdProducts } from '../../../../src/emulator/model/simd-products.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';
import { assemble, BYTES_MODULE, bytesModule, readProgram } from '../../../kernels/assemble.ts';

/** Sums of products of these lose and regain digits: each order of addition ends elsewhere. */
const CANCELLING = [2 ** 28, -(2 ** 28), 1, -1, 1 / 3];

const SPECIALS = [0, -0, 1e-45, -1e-45, 1.1e-38, 3.4e38, -3.4e38, Infinity, -Infinity, Number.NaN];

/** A product to compute, without its numbers. */
interface Task {
  readonly kind: 'multiply' | 'multiplyTransposedLeft' | 'multiplyTransposedRight';
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly accumulate: boolean;
  /** Unused elements before each matrix, and between the rows of left, right and result. */
  readonly offset: number;
  readonly gaps: readonly [number, number, number];
  /** Selects the numbers: how many binary orders of magnitude they span, the shares of the lists above. */
  readonly seed: number;
  readonly magnitudes: number;
  readonly cancelling: number;
  readonly specials: number;
}

const size = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 10, max: 70 }));

/** Longer than what is packed at a time, in one direction. */
const sizes = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(size, size, size) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.integer({ min: 300, max: 2500 }), size, fc.integer({ max: 9, min: 0 })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.integer({ min: 3, max: 9 }), fc.integer({ min: 500, max: 4200 }), size),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.integer({ min: 3, max: 30 }), size, fc.integer({ min: 250, max: 600 })),
  },
);

const gap = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 80 }));

const task: fc.Arbitrary<Task> = fc
  .record({
    kind: fc.constantFrom('multiply', 'multiplyTransposedLeft', 'multiplyTransposedRight'),
    sizes,
    accumulate: fc.boolean(),
    offset: fc.integer({ min: 0, max: 5 }),
    gaps: fc.tuple(gap, gap, gap),
    seed: fc.nat(),
    magnitudes: fc.constantFrom(1, 20, 250),
    cancelling: fc.constantFrom(0, 1),
    specials: fc.constantFrom(0, 0, 0.01),
  })
  .map(({ sizes: [rows, inner, columns], ...rest }) => ({ ...rest, rows, inner, columns }));

/** The whole array of the result, gaps included, when `products` does `task`. */
function run(
  products: Pick<ReturnType<typeof createJavascriptKernels>, Task['kind']>,
  task: Task,
): Float32Array {
  const random = seededRandom(task.seed);
  const pick = (list: readonly number[]): number => list[Math.floor(random() * list.length)]!;
  const number = (): number => {
    if (random() < task.specials) return pick(SPECIALS);
    if (random() < task.cancelling) return pick(CANCELLING);
    return (random() - 0.5) * 2 ** Math.round((random() - 0.5) * task.magnitudes);
  };
  const matrix = (rows: number, columns: number, gap: number): Matrix => {
    const stride = columns + gap;
    const values = Float32Array.from({ length: task.offset + rows * stride }, number);
    return { values, offset: task.offset, rows, columns, stride };
  };
  const { kind, rows, inner, columns, gaps } = task;
  const a = kind === 'multiplyTransposedLeft' ? matrix(inner, rows, gaps[0]) : matrix(rows, inner, gaps[0]);
  const b =
    kind === 'multiplyTransposedRight' ? matrix(columns, inner, gaps[1]) : matrix(inner, columns, gaps[1]);
  const into = matrix(rows, columns, gaps[2]);
  products[kind](a, b, into, task.accumulate);
  return into.values;
}

/** Where two arrays differ in a bit, NaN aside, of which there is one. */
function firstDifference(a: Float32Array, b: Float32Array): string | undefined {
  if (a.length !== b.length) return `lengths ${a.length} and ${b.length}`;
  const at = a.findIndex((value, index) => !Object.is(value, b[index]));
  return at < 0 ? undefined : `${a[at]} and ${b[at]} at ${at}`;
}

describe('products in WebAssembly', () => {
  const javascript = createJavascriptKernels();
  const simd = createSimdProducts(javascript, WebAssembly);
  if (simd === undefined) throw new Error('Node has WebAssembly with 128-bit registers');

  it('are those of JavaScript, bit for bit', () => {
    fc.assert(
      fc.property(task, (task) => {
        expect(firstDifference(run(simd, task), run(javascript, task))).toBeUndefined();
      }),
      { numRuns: 400 },
    );
  });

  it('round once when they accumulate, and sum in ascending order', () => {
    const row = (...values: number[]): Matrix => {
      const rows = 200; // enough for the fast path
      return {
        values: Float32Array.from({ length: rows * values.length }, (_, i) => values[i % values.length]!),
        offset: 0,
        rows,
        columns: values.length,
        stride: values.length,
      };
    };
    const ones: Matrix = { values: new Float32Array(3).fill(1), offset: 0, rows: 3, columns: 1, stride: 1 };
    const into = row(1);
    // 2^-24 twice is lost to 1 if each is rounded away in 32 bits, and counts if the sum is rounded once.
    simd.multiply(row(2 ** -24, 2 ** -24, 0), ones, into, true);
    expect(into.values[0]).toBe(1 + 2 ** -23);
    // 2^60 swallows 1 before it is taken away again; in any other order something else comes out.
    simd.multiply(row(1, 2 ** 60, -(2 ** 60)), ones, into, false);
    expect(into.values[0]).toBe(0);
    simd.multiply(row(2 ** 60, -(2 ** 60), 1), ones, into, false);
    expect(into.values[0]).toBe(1);
  });

  it('do not look for the neighbours of a single row where there are none', () => {
    const wide = (rows: number, stride: number): Matrix => {
      return {
        values: new Float32Array((rows - 1) * stride + 200).fill(1),
        offset: 0,
        rows,
        columns: 200,
        stride,
      };
    };
    const into: Matrix = { values: new Float32Array(4), offset: 0, rows: 4, columns: 1, stride: 1 };
    simd.multiplyTransposedRight(wide(4, 200), wide(1, 1e6), into, false);
    expect([...into.values]).toEqual([200, 200, 200, 200]);
  });

  it('are committed as the text assembles, small enough for every browser to compile at once', async () => {
    const bytes = await assemble(readProgram());
    expect(readFileSync(BYTES_MODULE, 'utf8')).toBe(bytesModule(bytes));
    expect(bytes.length).toBeLessThan(4096);
  });
});
