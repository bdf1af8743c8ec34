import { describe, expect, it } from 'vitest';
import type { CheckedChunk } from '../../../src/wire/checked-datum.ts';
import { estimatedPromptBytes } from '../../../src/wire/estimated-prompt-bytes.ts';

const TEXT: CheckedChunk = { type: 'encoded_text', tokens: new Int32Array(7) };
const IMAGE: CheckedChunk = { type: 'image', data: new Uint8Array(1_000), format: 'png', expectedTokens: 5 };
const POINTER: CheckedChunk = {
  type: 'image_asset_pointer',
  location: 'asset://1',
  format: 'png',
  expectedTokens: undefined,
};
const DMEL: CheckedChunk = { type: 'dmel', dmel: new Uint8Array(300) };

describe('estimatedPromptBytes', () => {
  it.each<readonly [readonly CheckedChunk[], number]>([
    [[], 0],
    [[TEXT], 70],
    [[IMAGE], 1_000],
    [[POINTER], 9],
    [[DMEL], 300],
    [[TEXT, IMAGE, POINTER, DMEL, TEXT], 1_449],
  ])('counts 10 a token, and other chunks as they are (protocol 5.7)', (chunks, bytes) => {
    expect(estimatedPromptBytes(chunks)).toBe(bytes);
  });
});
