import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64 } from '../../../../src/wire/base64.ts';
import { checkedChunks } from '../../../../src/wire/checked-chunks.ts';
import type { CheckedChunk } from '../../../../src/wire/checked-datum.ts';
import { chunkJson } from '../../../../src/wire/json/chunk.ts';

describe('chunkJson', () => {
  it.each<readonly [CheckedChunk, string]>([
    [{ type: 'encoded_text', tokens: Int32Array.of(5, 6) }, '{"tokens":[5,6],"type":"encoded_text"}'],
    [
      { type: 'image', data: Uint8Array.of(0x89, 0x50), format: 'png', expectedTokens: undefined },
      '{"data":"iVA=","format":"png","type":"image"}',
    ],
    [
      { type: 'image', data: Uint8Array.of(0xff), format: 'jpeg', expectedTokens: 0 },
      '{"data":"/w==","format":"jpeg","expected_tokens":0,"type":"image"}',
    ],
    [
      { type: 'image_asset_pointer', location: 'a/b', format: 'png', expectedTokens: 7 },
      '{"format":"png","location":"a/b","expected_tokens":7,"type":"image_asset_pointer"}',
    ],
    [
      { type: 'image_asset_pointer', location: 'a/b', format: 'jpeg', expectedTokens: undefined },
      '{"format":"jpeg","location":"a/b","type":"image_asset_pointer"}',
    ],
    [{ type: 'dmel', dmel: Uint8Array.of(4, 2, 1, 80) }, '{"dmel":"BAIBUA==","type":"dmel"}'],
  ])('writes %j as the protocol does (4.8)', (chunk, json) => {
    expect(JSON.stringify(chunkJson(chunk))).toBe(json);
  });

  it('carries every byte and every token through JSON', () => {
    const token = fc.integer({ min: 0, max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.array(token), (data, tokens) => {
        const chunks = checkedChunks('x', {
          chunks: [
            { type: 'encoded_text', tokens },
            { type: 'image_asset_pointer', location: 'a', format: 'png' },
          ],
        });
        const image: CheckedChunk = { type: 'image', data, format: 'png', expectedTokens: undefined };
        const [text, , sent] = JSON.parse(JSON.stringify([...chunks, image].map(chunkJson))) as [
          { tokens: number[] },
          object,
          { data: string },
        ];
        expect(text.tokens).toEqual(tokens);
        expect(decodeBase64('x', sent.data)).toEqual(data);
      }),
    );
  });
});
