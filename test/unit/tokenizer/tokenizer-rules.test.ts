import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { huggingFaceTokenizer } from '../../../src/tokenizer/hugging-face/hugging-face.ts';
import { ROOT } from '../../architecture/source-files.ts';

/** What the Python package says of small vocabularies, under many rules of normalizing, splitting and decoding. */
interface Golden {
  readonly models: Readonly<Record<string, object>>;
  readonly added: Readonly<Record<string, readonly object[]>>;
  readonly cases: readonly {
    readonly name: string;
    readonly model: string;
    readonly added: string;
    readonly parts: object;
    readonly texts: readonly Vector[];
  }[];
}

/** Text; ids with no, ordinary and all added tokens; those and the surroundings; the text of all; that without specials. */
type Vector = readonly [
  string,
  readonly number[],
  readonly number[],
  readonly number[],
  readonly number[],
  string | null,
  string | null,
];

/** The Unigram vocabulary has `<s>` and `</s>` as pieces, which the reference finds; here text spells no special token. */
const LETTERS: Readonly<Record<number, readonly number[]>> = { 1: [46, 22, 47], 2: [46, 49, 22, 47] };

const golden = JSON.parse(readFileSync(`${ROOT}test/golden/tokenizer-rules.json`, 'utf8')) as Golden;

describe.each(golden.cases)('rules: $name', ({ model, added, parts, texts }) => {
  const tokenizer = huggingFaceTokenizer({
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...parts,
    model: golden.models[model],
    added_tokens: golden.added[added],
  });

  it.each(texts)('%j', (text, none, ordinary, all, surrounded, whole, shown) => {
    const encode = (addedTokens: 'none' | 'ordinary' | 'all', addSpecialTokens = false): number[] => [
      ...tokenizer.encode(text, { addedTokens, addSpecialTokens }),
    ];
    const isUnigram = model === 'Unigram';
    const spelled = (ids: readonly number[]) =>
      ids.flatMap((id) => (isUnigram ? LETTERS[id] : undefined) ?? id);
    expect([...tokenizer.encode(text)]).toEqual(spelled(none));
    expect(encode('ordinary')).toEqual(spelled(ordinary));
    expect(encode('all')).toEqual(all);
    expect(encode('all', true)).toEqual(surrounded);
    if (whole !== null) expect(tokenizer.decode(all)).toBe(whole);
    if (shown !== null) expect(tokenizer.decode(all, { skipSpecialTokens: true })).toBe(shown);
  });
});
