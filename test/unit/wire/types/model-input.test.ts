import { describe, expect, it } from 'vitest';
import { ModelInput } from '../../../../src/wire/types/model-input.ts';

describe('ModelInput', () => {
  it('is chunks of tokens, in order, with the sum of their lengths', () => {
    const one = ModelInput.fromTokens([1, 2]);
    const two = ModelInput.append(one, Int32Array.of(3));
    expect(two).toEqual({
      chunks: [
        { type: 'encoded_text', tokens: [1, 2] },
        { type: 'encoded_text', tokens: Int32Array.of(3) },
      ],
    });
    expect([ModelInput.length(one), ModelInput.length(two)]).toEqual([2, 3]);
    expect(one.chunks).toHaveLength(1);
  });

  it('is plain data', () => {
    const input = ModelInput.fromTokens([1]);
    expect(JSON.parse(JSON.stringify(input))).toEqual(input);
  });
});
