import { describe, expect, it } from 'vitest';
import { createJavascriptKernels } from '../../../../src/emulator/model/javascript-kernels.ts';
import { logSoftmaxEntry } from '../../../../src/emulator/model/log-softmax.ts';
import { matrixOver, windowOf } from '../../../../src/emulator/model/matrix.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';

const kernels = createJavascriptKernels();

function randomValues(length: number, reach = 4): Float32Array {
  const random = seededRandom(length);
  return Float32Array.from({ length }, () => (random() - 0.5) * reach);
}

describe('causalSoftmax', () => {
  it('gives each row a distribution over its own and earlier columns, zero after them', () => {
    const scores = matrixOver(randomValues(3 * 7), 3, 7);
    const before = scores.values.slice();
    kernels.causalSoftmax(scores, 2, 0.5);
    for (let row = 0; row < 3; row++) {
      const visible = row + 3;
      const weights = Array.from({ length: visible }, (_, i) => Math.exp(before[row * 7 + i]! * 0.5));
      const sum = weights.reduce((a, b) => a + b, 0);
      for (let column = 0; column < 7; column++) {
        const expected = column < visible ? weights[column]! / sum : 0;
        expect(scores.values[row * 7 + column]).toBeCloseTo(expected, 6);
      }
    }
  });

  it('survives scores no exponential could hold', () => {
    const scores = matrixOver(Float32Array.from([3e4, 2e4, -3e4]), 1, 3);
    kernels.causalSoftmax(scores, 2, 1);
    expect(Array.from(scores.values)).toEqual([1, 0, 0]);
  });
});

describe('gatedSilu', () => {
  it('is gate / (1 + e^-gate) * up, also far from zero', () => {
    const gateUp = matrixOver(Float32Array.from([-800, -1, 0, 2, 800, 3, 4, 5, -6, 7]), 1, 10);
    const into = matrixOver(new Float32Array(5), 1, 5);
    kernels.gatedSilu(gateUp, into);
    const expected = [0, (-1 / (1 + Math.E)) * 4, 0, (2 / (1 + Math.exp(-2))) * -6, 5600];
    for (const [i, value] of expected.entries()) expect(into.values[i]).toBeCloseTo(value, 5);
  });
});

describe('softmax', () => {
  const targets = Int32Array.from([0, 4, 2]);

  it('reports the very log-probs of logSoftmaxEntry', () => {
    const values = randomValues(15, 20);
    const logprobs = new Float32Array(3);
    kernels.softmax(matrixOver(values.slice(), 3, 5), targets, logprobs);
    const expected = Array.from(targets, (target, row) => logSoftmaxEntry(values, row * 5, 5, target));
    expect(Array.from(logprobs)).toEqual(expected);
  });

  it('leaves probabilities, from which logSoftmaxGradient makes scale * (one-hot - probability)', () => {
    const values = randomValues(15);
    const logits = matrixOver(values.slice(), 3, 5);
    kernels.softmax(logits, targets, new Float32Array(3));
    const probabilities = logits.values.slice();
    for (let row = 0; row < 3; row++) {
      for (let id = 0; id < 5; id++) {
        const expected = Math.exp(logSoftmaxEntry(values, row * 5, 5, id));
        expect(probabilities[row * 5 + id]).toBeCloseTo(expected, 6);
      }
    }
    const scales = Float32Array.from([-1, 0, 2.5]);
    kernels.logSoftmaxGradient(logits, targets, scales);
    for (const [i, gradient] of logits.values.entries()) {
      const row = Math.floor(i / 5);
      const oneHot = targets[row] === i % 5 ? 1 : 0;
      expect(gradient).toBeCloseTo(scales[row]! * (oneHot - probabilities[i]!), 6);
    }
  });
});

describe('the kernels', () => {
  it('touch nothing outside their windows', () => {
    const around = randomValues(8 * 9);
    const whole = matrixOver(around.slice(), 8, 9);
    const inside = windowOf(whole, 2, 3, 1, 6);
    const side = windowOf(matrixOver(randomValues(8 * 9), 8, 9), 1, 3, 2, 6);
    const half = windowOf(matrixOver(randomValues(8 * 9), 8, 9), 1, 3, 2, 3);
    kernels.causalSoftmax(inside, 3, 1);
    kernels.causalSoftmaxGradient(side, inside, 1);
    kernels.gatedSiluGradient(inside, half);
    kernels.softmax(inside, new Int32Array(3), new Float32Array(3));
    kernels.logSoftmaxGradient(inside, new Int32Array(3), new Float32Array(3));
    for (const [i, value] of whole.values.entries()) {
      const within = Math.floor(i / 9) >= 2 && Math.floor(i / 9) < 5 && i % 9 >= 1 && i % 9 < 7;
      if (!within) expect(value).toBe(around[i]);
    }
  });

  it('allocate zeros', () => {
    expect(kernels.allocate(3)).toEqual(new Float32Array(3));
  });
});
