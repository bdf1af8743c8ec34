import { describe, expect, it } from 'vitest';
import { checkedChunks, chunksLength, dmelLength, knownLength } from '../../../src/wire/checked-chunks.ts';
import type { CheckedChunk } from '../../../src/wire/checked-datum.ts';
import { ModelInput, type ModelInputChunk } from '../../../src/wire/types/model-input.ts';
import { thrown } from '../../support/settled.ts';

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0);
/** 300 rows of 80, as a serialised tensor's header. */
const DMEL = Uint8Array.of(4, 2, 0xac, 0x02, 80);

const text = (...tokens: number[]): CheckedChunk => ({
  type: 'encoded_text',
  tokens: Int32Array.from(tokens),
});

describe('checkedChunks', () => {
  it('keeps chunks apart and in order', () => {
    const input = ModelInput.append(ModelInput.fromTokens([1, 2]), Int32Array.of(3));
    expect(checkedChunks('prompt', input)).toEqual([text(1, 2), text(3)]);
    expect(checkedChunks('prompt', [4])).toEqual([text(4)]);
  });

  it('takes every kind of chunk, bytes or base64', () => {
    const chunks: ModelInputChunk[] = [
      { type: 'encoded_text', tokens: [1] },
      { type: 'image', data: PNG, format: 'png' },
      { type: 'image', data: '/9j/4A==', format: 'jpeg', expectedTokens: 0 },
      { type: 'image_asset_pointer', location: 'asset://1', format: 'jpeg', expectedTokens: 5 },
      { type: 'dmel', dmel: DMEL },
      { type: 'dmel', dmel: btoa(String.fromCharCode(...DMEL)) },
    ];
    expect(checkedChunks('prompt', { chunks })).toEqual([
      text(1),
      { type: 'image', data: PNG, format: 'png', expectedTokens: undefined },
      { type: 'image', data: JPEG, format: 'jpeg', expectedTokens: 0 },
      { type: 'image_asset_pointer', location: 'asset://1', format: 'jpeg', expectedTokens: 5 },
      { type: 'dmel', dmel: DMEL },
      { type: 'dmel', dmel: DMEL },
    ]);
  });

  it('takes data of no format it knows: the server decides', () => {
    const data = Uint8Array.of(0x89, 0x50);
    expect(checkedChunks('prompt', { chunks: [{ type: 'image', data, format: 'png' }] })).toHaveLength(1);
  });

  it('copies: what the caller changes later is not sent', () => {
    const [tokens, data, dmel] = [Int32Array.of(1), PNG.slice(), DMEL.slice()];
    const chunks = checkedChunks('prompt', {
      chunks: [
        { type: 'encoded_text', tokens },
        { type: 'image', data, format: 'png' },
        { type: 'dmel', dmel },
      ],
    });
    for (const array of [tokens, data, dmel]) array.fill(9);
    expect(chunks).toEqual([
      text(1),
      { type: 'image', data: PNG, format: 'png', expectedTokens: undefined },
      { type: 'dmel', dmel: DMEL },
    ]);
  });

  it.each<readonly [unknown, string]>([
    [[-1], '"prompt[0]" must be an integer >= 0 and <= 2147483647, got -1'],
    [{ chunks: [] }, '"prompt" must hold at least one token, got none'],
    [{ chunks: [{ type: 'encoded_text', tokens: [] }] }, '"prompt" must hold at least one token, got none'],
    [
      { chunks: [{ tokens: [1] }] },
      '"prompt.chunks[0].type" must be "encoded_text", "image", "image_asset_pointer" or "dmel", got undefined',
    ],
    [
      { chunks: [{ type: 'audio' }] },
      '"prompt.chunks[0].type" must be "encoded_text", "image", "image_asset_pointer" or "dmel", got "audio"',
    ],
    [
      { chunks: [{ type: 'image', data: PNG, format: 'jpg' }] },
      '"prompt.chunks[0].format" must be "png" or "jpeg", got "jpg"',
    ],
    [
      { chunks: [{ type: 'image', data: PNG, format: 'jpeg' }] },
      '"prompt.chunks[0].format" is "jpeg", but the data are those of a png image',
    ],
    [
      { chunks: [{ type: 'image', data: '/9j/4A==', format: 'png' }] },
      '"prompt.chunks[0].format" is "png", but the data are those of a jpeg image',
    ],
    [
      { chunks: [{ type: 'image', data: 'UklGRgAAAABXRUJQ', format: 'png' }] },
      '"prompt.chunks[0].format" is "png", but the data are those of a webp image',
    ],
    [
      { chunks: [{ type: 'image', data: [1, 2], format: 'png' }] },
      '"prompt.chunks[0].data" must be a Uint8Array or base64, got an array of 2',
    ],
    [
      { chunks: [{ type: 'image', data: new Uint8Array(0), format: 'png' }] },
      '"prompt.chunks[0].data" must hold at least one byte, got none',
    ],
    [
      { chunks: [{ type: 'image', data: '', format: 'png' }] },
      '"prompt.chunks[0].data" must hold at least one byte, got none',
    ],
    [
      { chunks: [{ type: 'image', data: 'a-b=', format: 'png' }] },
      '"prompt.chunks[0].data" must be base64 in the standard alphabet, got "-" at 1',
    ],
    [
      { chunks: [{ type: 'image', data: PNG, format: 'png', expectedTokens: -1 }] },
      '"prompt.chunks[0].expectedTokens" must be an integer >= 0 and <= 2147483647, got -1',
    ],
    [
      { chunks: [{ type: 'image', data: PNG, format: 'png', expectedTokens: 2 ** 31 }] },
      '"prompt.chunks[0].expectedTokens" must be an integer >= 0 and <= 2147483647, got 2147483648',
    ],
    [
      { chunks: [{ type: 'image', data: PNG, format: 'png', expectedTokens: null }] },
      '"prompt.chunks[0].expectedTokens" must be an integer >= 0 and <= 2147483647, got null',
    ],
    [
      { chunks: [{ type: 'image_asset_pointer', location: '', format: 'png' }] },
      '"prompt.chunks[0].location" must be a non-empty string, got ""',
    ],
    [
      { chunks: [{ type: 'image_asset_pointer', location: 'a' }] },
      '"prompt.chunks[0].format" must be "png" or "jpeg", got undefined',
    ],
    [
      { chunks: [{ type: 'dmel', dmel: Uint8Array.of(9) }] },
      '"prompt.chunks[0].dmel" is not a serialised tensor: Unknown TensorContainer dtype byte, must be <= 7, got 9',
    ],
    [
      { chunks: [{ type: 'dmel', dmel: Uint8Array.of(4, 0) }] },
      '"prompt.chunks[0].dmel" has no dimension 0: it is a serialised tensor of 0',
    ],
    [{ chunks: [{ type: 'dmel' }] }, '"prompt.chunks[0].dmel" must be a Uint8Array or base64, got undefined'],
  ])('refuses %j', (input, message) => {
    expect(thrown(() => checkedChunks('prompt', input as ModelInput))).toMatchObject({
      code: 'input_invalid',
      message,
    });
  });
});

describe('lengths', () => {
  const image = (expectedTokens: number | undefined): CheckedChunk => ({
    type: 'image',
    data: PNG,
    format: 'png',
    expectedTokens,
  });
  const pointer = (expectedTokens: number | undefined): CheckedChunk => ({
    type: 'image_asset_pointer',
    location: 'a',
    format: 'png',
    expectedTokens,
  });

  it.each<readonly [readonly CheckedChunk[], number | undefined, number]>([
    [[text(1, 2)], 2, 2],
    [[text(1, 2), image(0), pointer(10), { type: 'dmel', dmel: DMEL }], 312, 312],
    [[text(1, 2), image(undefined), text(3)], undefined, 3],
    [[pointer(undefined)], undefined, 0],
  ])('of %j are %s, of which %s are known', (chunks, length, known) => {
    expect(chunksLength(chunks)).toBe(length);
    expect(knownLength(chunks)).toBe(known);
  });

  it('dmel is as long as its first axis', () => {
    expect(dmelLength('x', DMEL)).toBe(300);
    expect(dmelLength('x', btoa(String.fromCharCode(...DMEL)))).toBe(300);
  });
});
