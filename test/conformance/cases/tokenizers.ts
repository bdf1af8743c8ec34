import type { Tokenizer } from '../../../src/tokenizer/index.ts';
import { byteTokenizer, huggingFaceTokenizer } from '../../../src/tokenizer/index.ts';
import { tiktokenTokenizer } from '../../../src/tokenizer/tiktoken.ts';
import { encodeBase64 } from '../../../src/wire/base64.ts';
import goldenCases from '../../golden/tokenizers/cases.json';
import llamaLike from '../../golden/tokenizers/small/llama-like.json';
import metaspaceFirst from '../../golden/tokenizers/small/metaspace-first.json';
import unigram from '../../golden/tokenizers/small/unigram.json';
import wordPiece from '../../golden/tokenizers/small/word-piece.json';
import llamaLikeVectors from '../../golden/tokenizers/vectors/llama-like.json';
import metaspaceFirstVectors from '../../golden/tokenizers/vectors/metaspace-first.json';
import unigramVectors from '../../golden/tokenizers/vectors/unigram.json';
import wordPieceVectors from '../../golden/tokenizers/vectors/word-piece.json';
import type { Vector } from '../../support/golden-tokenizers.ts';
import { assertAlike, assertEqual, assertFails, assertTrue, bitsOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** Texts to ids and back, as the reference has them. */
export function tokenizerCases(): readonly ConformanceCase[] {
  return [...byteCases(), ...goldenTokenizerCases(), ...levelCases(), ...tiktokenCases()];
}

const HARD_TEXTS: Readonly<Record<string, string>> = goldenCases.texts;

/** A text as it comes back: halves of surrogate pairs have no bytes. */
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');

/** SHA-256 of all ids that the hard texts come to. */
function idsOfAll(tokenizer: Tokenizer): string {
  const all = Object.values(HARD_TEXTS).map((text) => tokenizer.encode(text, { addedTokens: 'all' }));
  assertTrue('there are ids', all.reduce((sum, ids) => sum + ids.length, 0) > 500);
  return bitsOf(...all);
}

function byteCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'tokenizer: bytes are ids, and every text comes back, emoji, right-to-left and control characters too',
      run() {
        for (const [name, text] of Object.entries(HARD_TEXTS)) {
          const ids = byteTokenizer.encode(text);
          assertAlike(name, ids, new TextEncoder().encode(text));
          assertEqual(`${name}, back`, byteTokenizer.decode(ids), wellFormed(text));
        }
        return idsOfAll(byteTokenizer);
      },
    },
    {
      name: 'tokenizer: what is no text, and what is no id, is refused with its place',
      async run() {
        const wrong: readonly (readonly [() => unknown, string])[] = [
          [() => byteTokenizer.encode(5 as unknown as string), 'text'],
          [() => byteTokenizer.decode([1, 256]), '"ids[1]" must be an integer >= 0 and <= 255, got 256'],
          [() => byteTokenizer.decode([-1]), 'got -1'],
        ];
        for (const [work, words] of wrong) await assertFails(words, work, 'TinkerInputError', words);
      },
    },
  ];
}

interface Vectors {
  readonly added: number;
  readonly cases: Readonly<Record<string, Vector>>;
}

function goldenTokenizerCases(): readonly ConformanceCase[] {
  const files: Readonly<
    Record<string, readonly [file: object, vectors: Vectors, spelled?: readonly string[]]>
  > = {
    'byte pairs with a fall-back to bytes': [llamaLike, llamaLikeVectors],
    'byte pairs with a space before the first word': [metaspaceFirst, metaspaceFirstVectors],
    'a unigram model': [unigram, unigramVectors, ['markup']],
    'word pieces': [wordPiece, wordPieceVectors],
  };
  return Object.entries(files).map(([name, [file, vectors, spelled = []]]) => ({
    name: `tokenizer: ${name} give the reference’s ids and texts for everything that is hard`,
    run() {
      const tokenizer = huggingFaceTokenizer(file);
      assertEqual('added tokens', tokenizer.addedTokens.length, vectors.added);
      for (const [title, text] of Object.entries(HARD_TEXTS))
        compare(tokenizer, { title, text, vector: vectors.cases[title], isSpelled: spelled.includes(title) });
      return `${tokenizer.fingerprint} ${idsOfAll(tokenizer)}`;
    },
  }));
}

interface Comparison {
  readonly title: string;
  readonly text: string;
  readonly vector: Vector | undefined;
  /** It spells a special token that the vocabulary has as a piece: the reference finds it whatever it is told. */
  readonly isSpelled: boolean;
}

function compare(tokenizer: Tokenizer, { title, text, vector, isSpelled }: Comparison): void {
  if (vector === undefined) throw new Error(`The reference says nothing of ${title}`);
  const { ids, none = ids, ordinary = ids, wrapped, text: back = wellFormed(text), skipped = back } = vector;
  assertAlike(`${title}: all`, tokenizer.encode(text, { addedTokens: 'all' }), ids);
  if (!isSpelled) {
    assertAlike(`${title}: none`, tokenizer.encode(text), none);
    assertAlike(`${title}: ordinary`, tokenizer.encode(text, { addedTokens: 'ordinary' }), ordinary);
  }
  assertEqual(`${title}: back`, tokenizer.decode(ids), back);
  assertEqual(
    `${title}: back, without special tokens`,
    tokenizer.decode(ids, { skipSpecialTokens: true }),
    skipped,
  );
  if (wrapped === undefined) return;
  const around = tokenizer.encode(text, { addedTokens: 'all', addSpecialTokens: true });
  assertAlike(`${title}: with special tokens around`, around, wrapped);
}

/** Byte-level pairs, as GPT-2 and all after it have them, with a few merges and added tokens. */
function byteLevelFile() {
  const letters = [...byteLevelLetters()];
  const merges = ['t h', 'th e', 'Ġ the', 'i n', 'Ġ a', 'ð Ł', 'ðŁ ĺ', '× ©', 'Ġ Ġ'];
  const tokens = [...letters, ...merges.map((merge) => merge.replace(' ', ''))];
  return {
    normalizer: { type: 'NFC' },
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: {
      type: 'BPE',
      unk_token: null,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
    added_tokens: [
      { id: tokens.length, content: '<|end|>', special: true, normalized: false },
      { id: tokens.length + 1, content: '<think>', special: false, normalized: false },
    ],
  };
}

/** The letters that stand for the 256 bytes: those that can be seen for themselves, others from U+0100 on. */
function* byteLevelLetters(): Generator<string> {
  let others = 0;
  for (let byte = 0; byte < 256; byte++) {
    const isSeen = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    yield String.fromCharCode(isSeen ? byte : 256 + others++);
  }
}

function levelCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'tokenizer: byte-level pairs bring every text back, composed, and the same ids in every engine',
      run() {
        const tokenizer = huggingFaceTokenizer(byteLevelFile());
        for (const [name, text] of Object.entries(HARD_TEXTS))
          assertEqual(name, tokenizer.decode(tokenizer.encode(text)), wellFormed(text).normalize('NFC'));
        const pieces = [...tokenizer.encode(' the inn')].map((id) => tokenizer.decode([id]));
        assertAlike('pieces', pieces, [' the', ' ', 'in', 'n']);
        return idsOfAll(tokenizer);
      },
    },
    {
      name: 'tokenizer: a special token is taken for one only where that was asked for',
      run() {
        const tokenizer = huggingFaceTokenizer(byteLevelFile());
        const text = 'a<|end|><think>b';
        const end = tokenizer.tokenId('<|end|>') ?? -1;
        const think = tokenizer.tokenId('<think>') ?? -1;
        const seen = (['none', 'ordinary', 'all'] as const).map((addedTokens) => {
          const ids = [...tokenizer.encode(text, { addedTokens })];
          return [ids.includes(end), ids.includes(think)];
        });
        assertAlike('special, ordinary', seen, [
          [false, false],
          [false, true],
          [true, true],
        ]);
        assertEqual(
          'skipped',
          tokenizer.decode(tokenizer.encode(text, { addedTokens: 'all' }), { skipSpecialTokens: true }),
          'a<think>b',
        );
      },
    },
    {
      name: 'tokenizer: files that are none are refused, naming the file',
      async run() {
        for (const file of ['{', '[]', '{"model":null}', '{"model":{"type":"What"}}'])
          await assertFails(file, () => huggingFaceTokenizer(file), 'TinkerInputError', 'tokenizer.json');
      },
    },
  ];
}

function tiktokenCases(): readonly ConformanceCase[] {
  const make = (pattern: string): Tokenizer => {
    const tokens = [
      ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
      ...['th', 'the', ' the', '😀', 'ש'].map((text) => new TextEncoder().encode(text)),
    ];
    const lines = tokens.map((bytes, rank) => `${encodeBase64(bytes)} ${rank}\n`);
    const file = new TextEncoder().encode(lines.join(''));
    return tiktokenTokenizer({ file, pattern, specialTokens: { '<|end|>': 300 } });
  };
  return [
    {
      name: 'tokenizer: tiktoken’s format gives the same ids in every engine, and every text comes back',
      run() {
        const tokenizer = make(
          String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s*[\r\n]|\s+(?!\S)|\s+`,
        );
        for (const [name, text] of Object.entries(HARD_TEXTS))
          assertEqual(name, tokenizer.decode(tokenizer.encode(text)), wellFormed(text));
        assertAlike('merged', tokenizer.encode('the the<|end|>', { addedTokens: 'all' }), [257, 258, 300]);
        return idsOfAll(tokenizer);
      },
    },
    {
      name: 'tokenizer: a pattern of tiktoken means what it means in Python, not what JavaScript makes of it',
      run() {
        const pieces = (pattern: string, text: string): string => {
          const tokenizer = make(pattern);
          return textOf([...tokenizer.encode(text)]);
        };
        return textOf([
          pieces(String.raw`\p{L}+|\p{N}{1,3}|\s+(?!\S)|.`, 'thé the 12345  x\u0085\u2028y'),
          pieces(String.raw`[\p{Lu}\p{Lt}]++|\s++$|\s|.`, 'ABc ǅ  '),
        ]);
      },
    },
  ];
}
