import { describe, expect, it } from 'vitest';
import { imageFormatOf } from '../../../src/wire/image-format.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

describe('imageFormatOf', () => {
  it.each([
    ['\x89PNG\r\n\x1a\nIHDR', 'png'],
    ['\xff\xd8\xff\xe0', 'jpeg'],
    ['\xff\xd8\xff', 'jpeg'],
    ['GIF89a', 'gif'],
    ['RIFF\x00\x00\x00\x00WEBPVP8 ', 'webp'],
    ['RIFF\x00\x00\x00\x00WAVEfmt ', undefined],
    ['\x89PNG\r\n\x1a', undefined],
    ['\xff\xd8', undefined],
    ['', undefined],
    ['<!doctype html>', undefined],
  ])('%j is of %s', (text, format) => {
    expect(imageFormatOf(bytes(text))).toBe(format);
  });
});
