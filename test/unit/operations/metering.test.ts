import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createMeter,
  passUsage,
  sampleEstimate,
  sampleUsage,
  TOKEN_KINDS,
  totalTokens,
} from '../../../src/operations/metering.ts';

const sequencesOf = (...lengths: number[]) =>
  lengths.map((length) => ({
    tokens: new Int32Array(length),
    logprobs: undefined,
    stopReason: 'length' as const,
  }));

describe('createMeter', () => {
  it('counts by kind, here and above', () => {
    const service = createMeter();
    const training = createMeter(service);
    const sampling = createMeter(service);
    training.add('trained', 100);
    training.add('prefill', 7);
    sampling.add('prefill', 20);
    sampling.add('cached', 5);
    sampling.add('sampled', 64);
    expect(training.snapshot()).toEqual({ trained: 100, prefill: 7, cached: 0, sampled: 0 });
    expect(sampling.snapshot()).toEqual({ trained: 0, prefill: 20, cached: 5, sampled: 64 });
    expect(service.snapshot()).toEqual({ trained: 100, prefill: 27, cached: 5, sampled: 64 });
    expect([training.total, sampling.total, service.total]).toEqual([107, 89, 196]);
  });

  it('gives copies', () => {
    const meter = createMeter();
    const before = meter.snapshot();
    meter.add('trained', 3);
    expect(before.trained).toBe(0);
    Object.assign(meter.snapshot(), { trained: 99 });
    expect(meter.total).toBe(3);
    expect(JSON.parse(JSON.stringify(meter.snapshot()))).toEqual(meter.snapshot());
  });

  it('is the sum of those below it, whatever they count', () => {
    const count = fc.record({
      client: fc.nat(4),
      kind: fc.constantFrom(...TOKEN_KINDS),
      tokens: fc.nat(1_000_000),
    });
    fc.assert(
      fc.property(fc.array(count), (counts) => {
        const service = createMeter();
        const clients = Array.from({ length: 5 }, () => createMeter(service));
        for (const { client, kind, tokens } of counts) clients[client]?.add(kind, tokens);
        for (const kind of TOKEN_KINDS) {
          const sum = clients.reduce((total, client) => total + client.snapshot()[kind], 0);
          expect(service.snapshot()[kind]).toBe(sum);
        }
        expect(service.total).toBe(counts.reduce((total, { tokens }) => total + tokens, 0));
      }),
    );
  });
});

describe('usage', () => {
  it('of passes: with a gradient it is training, without one it is prefill', () => {
    expect(passUsage('forward_backward', 12)).toEqual({ trained: 12 });
    expect(passUsage('forward', 12)).toEqual({ prefill: 12 });
  });

  it('of a sample: its prompt once, less what was cached, and every token generated', () => {
    const usage = sampleUsage(10, { sequences: sequencesOf(4, 0, 3), promptCacheHitTokens: 6 });
    expect(usage).toEqual({ prefill: 4, cached: 6, sampled: 7 });
    expect(totalTokens(usage)).toBe(17);
  });

  it.each([
    [0, 0],
    [10, 10],
    [11, 10],
    [-3, 0],
    [2.7, 2],
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 0],
  ])('takes %d cached tokens of ten for %d', (promptCacheHitTokens, cached) => {
    const usage = sampleUsage(10, { sequences: [], promptCacheHitTokens });
    expect(usage).toEqual({ prefill: 10 - cached, cached, sampled: 0 });
  });

  it('is never more than the estimate', () => {
    const tokens = fc.nat(50);
    fc.assert(
      fc.property(
        tokens,
        fc.integer({ min: 1, max: 50 }),
        fc.array(tokens, { maxLength: 5 }),
        fc.integer(),
        (promptTokens, maxTokens, lengths, promptCacheHitTokens) => {
          const sequences = sequencesOf(...lengths.map((length) => Math.min(length, maxTokens)));
          const estimate = sampleEstimate({ promptTokens, numSamples: lengths.length, maxTokens });
          const used = totalTokens(sampleUsage(promptTokens, { sequences, promptCacheHitTokens }));
          expect(used).toBeLessThanOrEqual(estimate);
          expect(used).toBe(
            promptTokens + sequences.reduce((sum, sequence) => sum + sequence.tokens.length, 0),
          );
        },
      ),
    );
    expect(sampleEstimate({ promptTokens: 10, numSamples: 4, maxTokens: 64 })).toBe(266);
  });
});
