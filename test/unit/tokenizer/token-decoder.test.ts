import { describe, expect, it } from 'vitest';
import { createTokenDecoder } from '../../../src/tokenizer/hugging-face/token-decoder.ts';

const decode = (config: object, tokens: readonly string[]): readonly string[] | undefined =>
  createTokenDecoder({ ...config })?.(tokens);

// Each as the Python package decodes.
describe('decoders', () => {
  it.each<readonly [string, object, readonly string[], readonly string[]]>([
    ['ByteLevel: bytes', { type: 'ByteLevel' }, ['Ã', '©', 'Ġx', 'Ċ'], ['é x\n']],
    ['ByteLevel: bytes that are no UTF-8', { type: 'ByteLevel' }, ['Ã', 'a', 'Â'], ['\ufffda\ufffd']],
    [
      'ByteLevel: a token with a character of no byte is itself',
      { type: 'ByteLevel' },
      ['a b', '｜é', 'é'],
      ['a b｜é\ufffd'],
    ],
    ['ByteLevel: a byte order mark stays', { type: 'ByteLevel' }, ['ï»¿', 'x'], ['\ufeffx']],
    ['ByteLevel: of nothing', { type: 'ByteLevel' }, [], ['']],
    [
      'ByteFallback: bytes in a row',
      { type: 'ByteFallback' },
      ['<0xC3>', '<0xA9>', 'x', '<0x41>'],
      ['é', 'x', 'A'],
    ],
    [
      'ByteFallback: each byte of a bad row',
      { type: 'ByteFallback' },
      ['<0xC3>', '<0x41>', 'x'],
      ['\ufffd', '\ufffd', 'x'],
    ],
    ['ByteFallback: a byte order mark', { type: 'ByteFallback' }, ['<0xEF>', '<0xBB>', '<0xBF>'], ['\ufeff']],
    [
      'ByteFallback: what only looks like a byte',
      { type: 'ByteFallback' },
      ['<0xG1>', '<0x1>', '<0x111>'],
      ['<0xG1>', '<0x1>', '<0x111>'],
    ],
    ['Fuse', { type: 'Fuse' }, ['a', 'b'], ['ab']],
    ['Replace', { type: 'Replace', pattern: { String: '▁' }, content: '$&' }, ['▁a▁', 'b'], ['$&a$&', 'b']],
    [
      'Strip: so many at each end',
      { type: 'Strip', content: ' ', start: 1, stop: 2 },
      ['  a   ', 'b', ' '],
      [' a ', 'b', ''],
    ],
    ['Strip: none', { type: 'Strip', content: ' ', start: 0, stop: 0 }, [' a '], [' a ']],
    [
      'Metaspace',
      { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first' },
      ['▁▁a', '▁b▁'],
      ['a', ' b '],
    ],
    [
      'Metaspace: never marked',
      { type: 'Metaspace', replacement: '▁', prepend_scheme: 'never' },
      ['▁a', '▁b'],
      [' a', ' b'],
    ],
    [
      'Metaspace: never marked, in older words',
      { type: 'Metaspace', replacement: '▁', add_prefix_space: false },
      ['▁a'],
      [' a'],
    ],
    ['Metaspace: with nothing but its name', { type: 'Metaspace' }, ['▁a', '▁b'], ['a', ' b']],
    [
      'WordPiece',
      { type: 'WordPiece', prefix: '##', cleanup: false },
      ['a', '##b', 'c', '.'],
      ['a', 'b', ' c', ' .'],
    ],
    [
      'WordPiece: cleaned',
      { type: 'WordPiece', prefix: '##', cleanup: true },
      ['##a', '.', "n't", 'do not'],
      ['##a', '.', "n't", " don't"],
    ],
    ['BPEDecoder', { type: 'BPEDecoder', suffix: '</w>' }, ['a</w>', 'b', 'c</w>'], ['a ', 'b', 'c']],
    [
      'Sequence',
      { type: 'Sequence', decoders: [{ type: 'Fuse' }, { type: 'Strip', content: 'a', start: 1, stop: 0 }] },
      ['a', 'ab'],
      ['ab'],
    ],
  ])('%s', (_, config, tokens, expected) => {
    expect(decode(config, tokens)).toEqual(expected);
  });

  it.each([
    { type: 'CTC' },
    { type: 'Replace', pattern: { Regex: 'a+' }, content: 'b' },
    { type: 'Sequence', decoders: [{ type: 'Fuse' }, { type: 'Unheard' }] },
  ])('know when they do not know: %j', (config) => {
    expect(createTokenDecoder(config)).toBeUndefined();
  });
});
