import { describe, expect, it } from 'vitest';
import { ModelInput } from '../../../../src/wire/types/model-input.ts';
import { thrown } from '../../../support/settled.ts';

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

  it('begins empty, and takes any chunk', () => {
    const image = { type: 'image', data: new Uint8Array(1), format: 'png', expectedTokens: 5 } as const;
    const input = ModelInput.appendChunk(ModelInput.empty(), image);
    expect(ModelInput.empty()).toEqual({ chunks: [] });
    expect(ModelInput.length(ModelInput.empty())).toBe(0);
    expect(input).toEqual({ chunks: [image] });
    expect(ModelInput.append(input, [1]).chunks).toEqual([image, { type: 'encoded_text', tokens: [1] }]);
  });

  it('knows the tokens of text', () => {
    const input = ModelInput.append(ModelInput.fromTokens([1, 2]), Int32Array.of(3));
    expect(ModelInput.tokens(input)).toEqual(Int32Array.of(1, 2, 3));
    expect(ModelInput.tokens(ModelInput.empty())).toEqual(new Int32Array(0));
    expect(thrown(() => ModelInput.tokens(ModelInput.append(input, [1.5])))).toMatchObject({
      message: '"input.chunks[2].tokens[0]" must be an integer >= 0 and <= 2147483647, got 1.5',
    });
    const withDmel = ModelInput.appendChunk(input, { type: 'dmel', dmel: 'BAEJ' });
    expect(thrown(() => ModelInput.tokens(withDmel))).toMatchObject({
      code: 'input_invalid',
      message: '"input.chunks[2]" must be text for its tokens to be known, got "dmel"',
    });
  });

  it('is as long as its chunks say', () => {
    const pointer = { type: 'image_asset_pointer', location: 'a', format: 'png' } as const;
    const chunks = [
      { type: 'encoded_text', tokens: [1, 2] },
      { ...pointer, expectedTokens: 10 },
      { type: 'image', data: 'iVA=', format: 'png', expectedTokens: 0 },
      { type: 'dmel', dmel: Uint8Array.of(4, 2, 100, 80) },
      { type: 'dmel', dmel: 'BAEJ' },
    ] as const;
    expect(ModelInput.length({ chunks })).toBe(2 + 10 + 0 + 100 + 9);
    expect(thrown(() => ModelInput.length({ chunks: [chunks[0], pointer] }))).toMatchObject({
      code: 'input_invalid',
      message: '"input.chunks[1].expectedTokens" is missing: the length of an image is known only by it',
    });
    expect(thrown(() => ModelInput.length({ chunks: [{ ...pointer, expectedTokens: -1 }] }))).toMatchObject({
      message: '"input.chunks[0].expectedTokens" must be an integer >= 0, got -1',
    });
    expect(thrown(() => ModelInput.length({ chunks: [{ type: 'dmel', dmel: 'BAA=' }] }))).toMatchObject({
      message: '"input.chunks[0].dmel" has no dimension 0: it is a serialised tensor of 0',
    });
  });

  it('is plain data', () => {
    const input = ModelInput.fromTokens([1]);
    expect(JSON.parse(JSON.stringify(input))).toEqual(input);
  });
});
