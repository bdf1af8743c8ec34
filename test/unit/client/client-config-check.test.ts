import { describe, expect, it } from 'vitest';
import { checkClientConfig } from '../../../src/client/client-config-check.ts';
import { thrown } from '../../support/settled.ts';

describe('settings of one’s own', () => {
  it('are kept as they are, without those that are undefined', () => {
    const own = { maxChunkTokens: 16_000, parallelChunks: false, jwtAuth: undefined as unknown as boolean };
    expect(checkClientConfig(own)).toEqual({ maxChunkTokens: 16_000, parallelChunks: false });
    expect(Object.keys(checkClientConfig(own))).not.toContain('jwtAuth');
    expect(checkClientConfig({})).toEqual({});
    expect(checkClientConfig(false)).toBe(false);
  });

  it('may lift the limit of tokens, and leave bills unwaited for', () => {
    const own = { maxChunkTokens: Number.POSITIVE_INFINITY, billingPauseMs: 0 };
    expect(checkClientConfig(own)).toEqual(own);
    expect(checkClientConfig({ billingPauseMs: 0.5 })).toEqual({ billingPauseMs: 0.5 });
  });

  it.each<readonly [unknown, string, RegExp]>([
    [true, 'clientConfig', /object or false, got true/],
    [null, 'clientConfig', /object or false, got null/],
    ['off', 'clientConfig', /object or false, got "off"/],
    [{ maxChunks: 1 }, 'clientConfig.maxChunks', /is not one of jwtAuth, sampleDispatchBytes/],
    [{ toString: 1 }, 'clientConfig.toString', /is not one of/],
    [{ jwtAuth: 'yes' }, 'clientConfig.jwtAuth', /true or false, got "yes"/],
    [{ jwtAuth: null }, 'clientConfig.jwtAuth', /true or false, got null/],
    [{ maxChunkLength: 0 }, 'clientConfig.maxChunkLength', /an integer >= 1, got 0/],
    [{ maxChunkBytes: 1.5 }, 'clientConfig.maxChunkBytes', /an integer >= 1, got 1.5/],
    [{ maxChunkTokens: Number.NaN }, 'clientConfig.maxChunkTokens', /an integer >= 1, got NaN/],
    [
      { responseBytes: Number.POSITIVE_INFINITY },
      'clientConfig.responseBytes',
      /an integer >= 1, got Infinity/,
    ],
    [{ billingPauseMs: -1 }, 'clientConfig.billingPauseMs', /a finite number >= 0, got -1/],
    [{ billingPauseMs: Number.POSITIVE_INFINITY }, 'clientConfig.billingPauseMs', /finite/],
    [{ sampleDispatchBytes: '10' }, 'clientConfig.sampleDispatchBytes', /an integer >= 1, got "10"/],
  ])('that cannot be right are refused by name: %j', (value, field, words) => {
    const error = thrown(() => checkClientConfig(value as never));
    expect(error).toMatchObject({ code: 'input_invalid', field });
    expect((error as Error).message).toMatch(words);
  });
});
