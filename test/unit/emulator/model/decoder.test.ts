import { describe, expect, it } from 'vitest';
import { createDecoder } from '../../../../src/emulator/model/decoder.ts';
import { effectiveWeights } from '../../../../src/emulator/model/effective-weights.ts';
import { computeTargetLogprobs } from '../../../../src/emulator/model/forward.ts';
import { logSoftmaxAt, sampleToken } from '../../../../src/emulator/model/token-sampling.ts';
import { accumulateGradient } from '../../../../src/emulator/model/training.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';
import { randomSequences, tinyModel } from './tiny-model.ts';

const { base, adapter, kernels } = tinyModel();
const weights = effectiveWeights(base, adapter, kernels);
const sequences = randomSequences([40, 23, 9]);

describe('a decoder', () => {
  it('gives the bits of the batched pass, appending token by token', () => {
    const batched = computeTargetLogprobs(weights, sequences, kernels);
    for (const [index, { tokens, targets }] of sequences.entries()) {
      const decoder = createDecoder(weights, kernels);
      const logprobs = Array.from(tokens, (token, i) => logSoftmaxAt(decoder.append(token), targets[i]!));
      expect(Float32Array.from(logprobs)).toEqual(batched[index]);
      expect(logprobs.every((x) => x === Math.fround(x))).toBe(true);
    }
  });

  it.each([1, 2, 3, 5, 16, 17, 33, 40])('gives the same bits after a prefill of %d', (count) => {
    const { tokens } = sequences[0]!;
    const one = createDecoder(weights, kernels);
    const other = createDecoder(weights, kernels);
    let last = new Float32Array();
    for (const token of tokens.subarray(0, count)) last = one.append(token).slice();
    expect(other.prefill(tokens.subarray(0, count))).toEqual(last);
    expect(other.length).toBe(count);
    for (const token of tokens.subarray(count)) expect(other.append(token)).toEqual(one.append(token));
  });

  it('can prefill in pieces', () => {
    const { tokens } = sequences[0]!;
    const whole = createDecoder(weights, kernels).prefill(tokens).slice();
    const decoder = createDecoder(weights, kernels);
    decoder.prefill(tokens.subarray(0, 7));
    decoder.prefill(tokens.subarray(7, 26));
    expect(decoder.prefill(tokens.subarray(26))).toEqual(whole);
  });

  it('reports while sampling the log-probs that training sees', () => {
    const random = seededRandom(31);
    const decoder = createDecoder(weights, kernels);
    const tokens = [2];
    const sampled: number[] = [];
    while (tokens.length < 40) {
      const logits = decoder.append(tokens[tokens.length - 1]!);
      const { token, logprob } = sampleToken(logits, { temperature: 0.8, topK: 5, topP: 0.9 }, random);
      tokens.push(token);
      sampled.push(logprob);
    }
    const sequence = {
      tokens: Int32Array.from(tokens.slice(0, -1)),
      targets: Int32Array.from(tokens.slice(1)),
    };
    const zero = (logprobs: Float32Array) => new Float32Array(logprobs.length);
    const [trained] = accumulateGradient(base, adapter, [...sequences, sequence], zero, kernels).slice(-1);
    expect(trained).toEqual(Float32Array.from(sampled));
  });

  it('forks into independent decoders', () => {
    const { tokens } = sequences[0]!;
    const straight = (...more: number[]) => {
      const decoder = createDecoder(weights, kernels);
      return decoder.prefill(Int32Array.from([...tokens.subarray(0, 10), ...more]));
    };
    const trunk = createDecoder(weights, kernels);
    trunk.prefill(tokens.subarray(0, 10));
    const fork = trunk.fork();
    expect(fork.length).toBe(10);
    expect(trunk.append(1)).toEqual(straight(1));
    expect(fork.append(7)).toEqual(straight(7));
    expect(trunk.append(2)).toEqual(straight(1, 2));
    expect(fork.append(3)).toEqual(straight(7, 3));
    expect(trunk.fork().append(4)).toEqual(straight(1, 2, 4));
  });

  it('works on a snapshot: later training does not show', () => {
    const model = tinyModel();
    const snapshot = effectiveWeights(model.base, model.adapter, model.kernels);
    const before = createDecoder(snapshot, model.kernels).append(3).slice();
    for (const { values } of model.adapter.parameters) values.fill(0.1);
    expect(createDecoder(snapshot, model.kernels).append(3)).toEqual(before);
    const after = effectiveWeights(model.base, model.adapter, model.kernels);
    expect(createDecoder(after, model.kernels).append(3)).not.toEqual(before);
  });

  it('refuses to outgrow its context, and unknown tokens, without changing', () => {
    const decoder = createDecoder(weights, kernels);
    decoder.prefill(sequences[0]!.tokens.subarray(0, 39));
    expect(() => decoder.prefill(new Int32Array(2))).toThrow(
      new RangeError('the sequence would have 41 tokens; the context holds 40'),
    );
    expect(() => decoder.append(11)).toThrow(
      new RangeError('tokens[0] is 11; it must be at least 0 and below 11'),
    );
    expect(() => decoder.prefill(new Int32Array())).toThrow(RangeError);
    expect(decoder.length).toBe(39);
    decoder.append(1);
    expect(() => decoder.append(1)).toThrow(RangeError);
  });
});
