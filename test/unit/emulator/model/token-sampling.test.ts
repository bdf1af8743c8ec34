import { describe, expect, it } from 'vitest';
import {
  logSoftmaxAt,
  sampleToken,
  type TokenSamplingOptions,
  topLogprobs,
} from '../../../../src/emulator/model/token-sampling.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';

const logits = Float32Array.from([1.2, -0.3, 0.8, 2.1, -1.5, 0.1]);
const plain: TokenSamplingOptions = { temperature: 1, topK: -1, topP: 1 };

function softmax(values: readonly number[]): number[] {
  const weights = values.map((x) => Math.exp(x));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / sum);
}

/** What is left of `probabilities` when only `kept` ids stay. */
function keep(probabilities: readonly number[], kept: readonly number[]): number[] {
  const sum = kept.reduce((total, id) => total + probabilities[id]!, 0);
  return probabilities.map((p, id) => (kept.includes(id) ? p / sum : 0));
}

/** Pearson's statistic of `draws` samples against `expected`; Infinity if an impossible token came up. */
function chiSquare(options: TokenSamplingOptions, expected: readonly number[], draws = 20_000): number {
  const random = seededRandom(17);
  const counts = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < draws; i++) counts[sampleToken(logits, options, random).token]!++;
  return counts.reduce((sum, count, id) => {
    const mean = draws * expected[id]!;
    if (mean === 0) return count === 0 ? sum : Number.POSITIVE_INFINITY;
    return sum + (count - mean) ** 2 / mean;
  }, 0);
}

const values = Array.from(logits);
const atOne = softmax(values);
const atHalf = softmax(values.map((x) => x / 0.5));

describe('the frequencies of sampleToken', () => {
  // 20.5 is the 99.9 % point for 5 degrees of freedom; cases with fewer tokens have fewer.
  it.each<[string, Partial<TokenSamplingOptions>, number[]]>([
    ['the softmax', {}, atOne],
    ['temperature 0.5', { temperature: 0.5 }, atHalf],
    ['temperature 2', { temperature: 2 }, softmax(values.map((x) => x / 2))],
    ['top-k 3', { topK: 3 }, keep(atOne, [3, 0, 2])],
    ['top-k beyond the vocabulary', { topK: 100 }, atOne],
    ['top-k 0 as off', { topK: 0 }, atOne],
    // Descending: .509 (3), .207 (0), .139 (2), ... so .7 takes two and .75 three.
    ['top-p 0.7', { topP: 0.7 }, keep(atOne, [3, 0])],
    ['top-p 0.75', { topP: 0.75 }, keep(atOne, [3, 0, 2])],
    ['top-k, then top-p of what it left', { topK: 2, topP: 0.72 }, keep(atOne, [3, 0])],
    ['top-p of the tempered distribution', { temperature: 0.5, topP: 0.75 }, keep(atHalf, [3])],
    ['top-p 0 as one token', { topP: 0 }, keep(atOne, [3])],
    ['a tiny top-p as one token', { topP: 1e-9 }, keep(atOne, [3])],
    ['top-k 1', { topK: 1 }, keep(atOne, [3])],
    ['temperature 0', { temperature: 0 }, keep(atOne, [3])],
  ])('follow %s', (_, options, expected) => {
    expect(chiSquare({ ...plain, ...options }, expected)).toBeLessThan(20.5);
  });

  it('would show a wrong distribution', () => {
    expect(chiSquare(plain, atHalf)).toBeGreaterThan(1000);
  });
});

describe('sampleToken', () => {
  it('breaks ties by the lowest id', () => {
    const flat = new Float32Array(5).fill(0.25);
    for (const options of [{ temperature: 0 }, { topK: 1 }, { topP: 1e-9 }]) {
      expect(sampleToken(flat, { ...plain, ...options }, seededRandom(1)).token).toBe(0);
    }
    const random = seededRandom(2);
    const seen = new Set<number>();
    for (let i = 0; i < 200; i++) seen.add(sampleToken(flat, { ...plain, topK: 2 }, random).token);
    expect([...seen].sort()).toEqual([0, 1]);
  });

  it('stops top-p at the token that reaches it exactly', () => {
    const random = seededRandom(2);
    const seen = new Set<number>();
    for (let i = 0; i < 200; i++) {
      seen.add(sampleToken(new Float32Array(4), { ...plain, topP: 0.5 }, random).token);
    }
    expect([...seen].sort()).toEqual([0, 1]);
  });

  it('reports the log-prob of the model, not of the truncated or tempered distribution', () => {
    for (const options of [{}, { temperature: 0 }, { temperature: 0.3 }, { topK: 1 }, { topP: 0.1 }]) {
      const { token, logprob } = sampleToken(logits, { ...plain, ...options }, seededRandom(6));
      expect(logprob).toBe(logSoftmaxAt(logits, token));
      expect(logprob).toBeCloseTo(Math.log(atOne[token]!), 6);
    }
  });

  it('draws once per token, and not at temperature 0', () => {
    let draws = 0;
    const random = () => {
      draws++;
      return 0.5;
    };
    sampleToken(logits, { ...plain, temperature: 0 }, random);
    expect(draws).toBe(0);
    sampleToken(logits, plain, random);
    sampleToken(logits, { ...plain, topK: 2, topP: 0.5 }, random);
    expect(draws).toBe(2);
  });

  it('stays in range at both ends of the random numbers', () => {
    expect(sampleToken(logits, plain, () => 0).token).toBe(0);
    expect(sampleToken(logits, plain, () => 1 - 2 ** -32).token).toBe(5);
  });

  it('never takes a token whose logit is -Infinity, however small the temperature', () => {
    const masked = Float32Array.from([Number.NEGATIVE_INFINITY, 1000, 999, Number.NEGATIVE_INFINITY]);
    const random = seededRandom(3);
    for (const temperature of [1, 1e-6, 1e6]) {
      for (let i = 0; i < 100; i++) {
        expect([1, 2]).toContain(sampleToken(masked, { ...plain, temperature }, random).token);
      }
    }
  });
});

describe('topLogprobs', () => {
  it('lists the most likely tokens first', () => {
    expect(topLogprobs(logits, 3).map(([token]) => token)).toEqual([3, 0, 2]);
    for (const [token, logprob] of topLogprobs(logits, 6)) expect(logprob).toBe(logSoftmaxAt(logits, token));
  });

  it('gives what there is', () => {
    expect(topLogprobs(logits, 0)).toEqual([]);
    expect(topLogprobs(logits, 100)).toHaveLength(6);
    expect(topLogprobs(new Float32Array(3), 2).map(([token]) => token)).toEqual([0, 1]);
  });
});
