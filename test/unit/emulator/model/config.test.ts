import { describe, expect, it } from 'vitest';
import {
  defaultModelConfig,
  type ModelConfig,
  resolveModelConfig,
} from '../../../../src/emulator/model/config.ts';

describe('resolveModelConfig', () => {
  it('fills defaults that are themselves valid', () => {
    expect(resolveModelConfig()).toEqual(defaultModelConfig);
    expect(resolveModelConfig({ layers: 3 })).toEqual({ ...defaultModelConfig, layers: 3 });
  });

  it.each<[Partial<ModelConfig>, string]>([
    [{ layers: 0 }, 'layers is 0; it must be an integer from 1 to 65536'],
    [{ width: 8.5 }, 'width is 8.5; it must be an integer from 1 to 65536'],
    [{ contextLength: Number.NaN }, 'contextLength is NaN; it must be an integer from 1 to 65536'],
    [{ vocabularySize: 1e9 }, 'vocabularySize is 1000000000; it must be an integer from 1 to 65536'],
    [{ hiddenWidth: -1 }, 'hiddenWidth is -1; it must be an integer from 1 to 65536'],
    [{ width: 30, heads: 4 }, 'width is 30; it must be a multiple of heads (4)'],
    [{ width: 12, heads: 4 }, 'width / heads is 3; it must be even (width 12, heads 4)'],
    [{ seed: Number.POSITIVE_INFINITY }, 'seed is Infinity; it must be a finite number'],
  ])('rejects %o', (partial, message) => {
    expect(() => resolveModelConfig(partial)).toThrow(new RangeError(message));
  });
});
