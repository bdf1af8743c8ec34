import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combineOutputs } from '../../../src/client/passes/combine-outputs.ts';
import type { ForwardBackwardOutput } from '../../../src/wire/types/training.ts';

type Metrics = Readonly<Record<string, number>>;

/** A result of so many outputs, each with a number that tells it from the others. */
function result(outputs: number, metrics: Metrics, type = 'ArrayRecord'): ForwardBackwardOutput {
  return {
    lossFnOutputType: type,
    lossFnOutputs: Array.from({ length: outputs }, (_, index) => ({
      logprobs: { data: Float32Array.of(-index), dtype: 'float32', shape: [1] },
    })),
    metrics,
  };
}

const combined = (...results: readonly (readonly [number, Metrics])[]): Metrics =>
  combineOutputs(results.map(([outputs, metrics]) => result(outputs, metrics))).metrics;

/**
 * What the official Python SDK 0.25.0 makes of seeded random results: 40 times, 1 to 6 `ForwardBackwardOutput` records
 * with 0 to 9 or 1,024 outputs, not all with none, each with the same random choice of one metric per reduction, were
 * given to `combine_fwd_bwd_output_results`, and the metrics of what it returned were written down; hashes as text,
 * because a number of JSON has 53 bits. Metrics of a single result end in neither `:slack` nor `:mean`: see below.
 */
const OFFICIAL = JSON.parse(
  readFileSync(new URL('../../golden/metric-reductions.json', import.meta.url), 'utf8'),
) as readonly {
  readonly results: readonly { readonly outputs: number; readonly metrics: Metrics }[];
  readonly metrics: Readonly<Record<string, number | string>>;
}[];

describe('combineOutputs', () => {
  it('makes an empty result of none', () => {
    expect(combineOutputs([])).toEqual({ lossFnOutputType: '', lossFnOutputs: [], metrics: {} });
  });

  it('concatenates the outputs in the order of the chunks, and takes the type of the first', () => {
    const results = [result(2, {}, 'A'), result(0, {}, 'B'), result(3, {}, 'C')];
    const { lossFnOutputType, lossFnOutputs } = combineOutputs(results);
    expect(lossFnOutputType).toBe('A');
    expect(lossFnOutputs).toHaveLength(5);
    const expected = results.flatMap((one) => one.lossFnOutputs);
    for (const [index, output] of lossFnOutputs.entries()) expect(output).toBe(expected[index]);
  });

  it('case 30: weighs the mean by the number of outputs', () => {
    expect(combined([1, { 'loss:mean': 1 }], [1, { 'loss:mean': 3 }])).toEqual({ 'loss:mean': 2 });
    const uneven = combined([1_024, { 'loss:mean': 1 }], [1, { 'loss:mean': 3 }]);
    expect(uneven['loss:mean']).toBeCloseTo(1.00195, 5);
  });

  it('case 34: reduces 1, 2, 3 with weights 1, 2, 3 as each name says', () => {
    const metrics = (value: number): Metrics => ({
      'a:mean': value,
      'b:slack': value,
      'c:unique': value,
      'd:sum': value,
      'e:min': value,
      'f:max': value,
      'g:hash_unordered': value,
    });
    expect(combined([1, metrics(1)], [2, metrics(2)], [3, metrics(3)])).toEqual({
      'a:mean': 14 / 6,
      'b:slack': 3 - 14 / 6,
      'c:unique': 1,
      'c:unique_1': 2,
      'c:unique_2': 3,
      'd:sum': 6,
      'e:min': 1,
      'f:max': 3,
      // CPython's hash((1, 2, 3)) as the nearest double.
      'g:hash_unordered': Number(529_344_067_295_497_451n),
    });
  });

  it.each(OFFICIAL)('case $# reduces as the official SDK does', ({ results, metrics }) => {
    const expected = Object.fromEntries(
      Object.entries(metrics).map(([name, value]) => [name, Number(value)]),
    );
    expect(combined(...results.map(({ outputs, metrics: own }) => [outputs, own] as const))).toEqual(
      expected,
    );
  });

  it('keeps the metrics of a single result bit by bit, but for the hash', () => {
    const metrics = {
      // 0.1 * 3 / 3 is not 0.1, and the official SDK gives that; of one slack it makes 0.
      'loss:mean': 0.1,
      'late:slack': 7,
      'step:unique': 3,
      plain: 1,
      'rate:avg': 2,
      'a:b:sum': 4,
    };
    expect(combined([3, { ...metrics, 'data:hash_unordered': 5 }])).toEqual({
      ...metrics,
      'data:hash_unordered': Number(-7_813_438_383_599_366_905n),
    });
    expect(combined([0, metrics])).toEqual(metrics);
  });

  it('takes the plain mean where no result has an output', () => {
    const metrics = combined(
      [0, { 'loss:mean': 1, 'late:slack': 1, 'rate:avg': 1 }],
      [0, { 'loss:mean': 4, 'late:slack': 4, 'rate:avg': 4 }],
    );
    expect(metrics).toEqual({ 'loss:mean': 2.5, 'late:slack': 1.5, 'rate:avg': 2.5 });
  });

  it.each([
    'loss',
    'loss:avg',
    'loss:last',
    'loss:',
    ':',
    'a:b:sum',
    'a:sum:b',
    'loss:SUM',
    'loss:toString',
    'toString',
    '',
  ])('takes the weighted mean of %j, which names no reduction', (name) => {
    expect(combined([1, { [name]: 1 }], [3, { [name]: 5 }])).toEqual({ [name]: 4 });
  });

  it('reduces a metric over the results that have it', () => {
    const metrics = combined(
      [1, { 'a:sum': 1, 'b:mean': 1, 'c:slack': 1, 'd:unique': 1, 'e:hash_unordered': 1, 'only:slack': 9 }],
      [2, { 'f:min': 5, constructor: 1 }],
      [3, { 'a:sum': 3, 'b:mean': 5, 'c:slack': 5, 'd:unique': 3, 'e:hash_unordered': 2, 'last:avg': 8 }],
    );
    expect(metrics).toEqual({
      'a:sum': 4,
      'b:mean': 4,
      'c:slack': 1,
      'd:unique': 1,
      'd:unique_1': 3,
      'e:hash_unordered': Number(-3_550_055_125_485_641_917n),
      'only:slack': 9,
      'f:min': 5,
      constructor: 1,
      'last:avg': 8,
    });
  });

  it('takes the plain mean where those that have a metric have no outputs', () => {
    expect(combined([0, { x: 1 }], [5, {}], [0, { x: 2 }])).toEqual({ x: 1.5 });
  });

  it('lets the numbered values of a unique metric win over a metric that is called alike', () => {
    const first = { 'a:unique': 1, 'a:unique_1': 7 };
    const second = { 'a:unique_1': 7, 'a:unique': 2 };
    expect(combined([1, first], [1, second])).toEqual({ 'a:unique': 1, 'a:unique_1': 2 });
  });

  it('reads a metric called __proto__ as any other', () => {
    const metrics = JSON.parse('{"__proto__": 1}') as Metrics;
    expect(Object.entries(combined([1, metrics], [1, metrics]))).toEqual([['__proto__', 1]]);
  });

  it.each(['mean', 'sum', 'min', 'max', 'slack', 'hash_unordered', 'avg'])(
    'passes NaN over in no %s',
    (name) => {
      const key = `x:${name}`;
      for (const values of [
        [Number.NaN, 1],
        [1, Number.NaN],
        [Number.NaN, Number.NaN],
      ]) {
        const results = values.map((value) => [1, { [key]: value }] as const);
        expect(combined(...results)).toEqual({ [key]: Number.NaN });
      }
      expect(combined([1, { [key]: Number.NaN }])).toEqual({ [key]: Number.NaN });
    },
  );

  it('keeps NaN among unique values, and infinity where it has a meaning', () => {
    expect(combined([1, { 'x:unique': Number.NaN }], [1, { 'x:unique': 1 }])).toEqual({
      'x:unique': Number.NaN,
      'x:unique_1': 1,
    });
    const infinite = { 'a:sum': Number.POSITIVE_INFINITY, 'b:hash_unordered': Number.POSITIVE_INFINITY };
    expect(combined([1, infinite], [1, { 'a:sum': 1, 'b:hash_unordered': 1 }])).toEqual({
      'a:sum': Number.POSITIVE_INFINITY,
      'b:hash_unordered': Number.NaN,
    });
  });

  it('gives what the parts of a batch would have given as one, however it was cut', () => {
    const cuts = fc.array(fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 1, maxLength: 5 }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(cuts, (chunks) => {
        const metricsOf = (values: readonly number[]): Metrics => ({
          'loss:mean': values.reduce((sum, value) => sum + value, 0) / values.length,
          'loss:sum': values.reduce((sum, value) => sum + value, 0),
          'loss:min': Math.min(...values),
          'loss:max': Math.max(...values),
        });
        const whole = metricsOf(chunks.flat());
        const metrics = combined(...chunks.map((values) => [values.length, metricsOf(values)] as const));
        expect(Object.keys(metrics)).toEqual(Object.keys(whole));
        for (const [name, value] of Object.entries(whole)) expect(metrics[name]).toBeCloseTo(value, 9);
      }),
    );
  });

  it('has every metric of every result, each once, and changes none of them', () => {
    const name = fc.constantFrom(
      'a',
      'a:sum',
      'b:mean',
      'c:avg',
      'd:max',
      'e:hash_unordered',
      'f:x:sum',
      '__proto__',
    );
    const metrics = fc.dictionary(name, fc.double());
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4), metrics), { maxLength: 5 }), (results) => {
        const before = structuredClone(results);
        const names = new Set(results.flatMap(([, own]) => Object.keys(own)));
        expect(new Set(Object.keys(combined(...results)))).toEqual(names);
        expect(results).toEqual(before);
      }),
    );
  });
});
