import { describe, expect, it } from 'vitest';
import { matrixOver } from '../../../../src/emulator/model/matrix.ts';
import { createRotaryTable, rotate } from '../../../../src/emulator/model/rotary.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';

const table = createRotaryTable(64, 6);
const random = seededRandom(1);
const vector = () => Float32Array.from({ length: 6 }, () => random() - 0.5);

function turned(values: Float32Array, position: number, direction: 1 | -1 = 1): Float32Array {
  const copy = values.slice();
  rotate(matrixOver(copy, 1, 6), table, position, direction);
  return copy;
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}

describe('rotate', () => {
  it('makes products of query and key depend on their distance only', () => {
    const query = vector();
    const key = vector();
    for (const distance of [0, 1, 17]) {
      const expected = dot(turned(query, distance), turned(key, 0));
      for (const position of [1, 5, 46]) {
        const product = dot(turned(query, position + distance), turned(key, position));
        expect(product).toBeCloseTo(expected, 5);
      }
    }
    expect(dot(turned(query, 3), key)).not.toBeCloseTo(dot(query, key), 3);
  });

  it('leaves position 0 alone, keeps lengths, and turns back', () => {
    const values = vector();
    expect(turned(values, 0)).toEqual(values);
    const far = turned(values, 63);
    expect(dot(far, far)).toBeCloseTo(dot(values, values), 6);
    for (const [i, x] of turned(far, 63, -1).entries()) expect(x).toBeCloseTo(values[i]!, 6);
  });

  it('turns every head of every row, each row by its own position', () => {
    const values = [vector(), vector(), vector(), vector()];
    const matrix = matrixOver(Float32Array.from(values.flatMap((v) => Array.from(v))), 2, 12);
    rotate(matrix, table, 9, 1);
    const expected = values.flatMap((v, i) => Array.from(turned(v, i < 2 ? 9 : 10)));
    expect(Array.from(matrix.values)).toEqual(expected);
  });
});
