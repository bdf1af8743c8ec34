import { describe, expect, it } from 'vitest';
import {
  referenceNormalizer,
  referencePreTokenizer,
} from '../../../src/tokenizer/hugging-face/reference-rules.ts';
import { thrown } from '../../support/settled.ts';

const isolated = (Regex: string) => ({
  type: 'Split',
  pattern: { Regex },
  behavior: 'Isolated',
  invert: false,
});

// What the words mean is tested against the reference, in tokenizer-rules.test.ts.
describe('pre-tokenizers in other words', () => {
  it('split at the marks of Metaspace, unless told not to', () => {
    const marked = { type: 'Metaspace', replacement: '_', prepend_scheme: 'always' };
    const apart = { type: 'Sequence', pretokenizers: [marked, isolated('(?:_)[\\s\\S]*?(?=(?:_)|\\z)')] };
    expect(referencePreTokenizer({ type: 'Metaspace', replacement: '_' })).toEqual(apart);
    expect(referencePreTokenizer({ ...marked, split: false })).toEqual({ ...marked, split: false });
  });

  it('mark no beginning where older files say so', () => {
    const old = { type: 'Metaspace', replacement: '_', add_prefix_space: false, split: false };
    expect(referencePreTokenizer(old)).toMatchObject({ prepend_scheme: 'never' });
    expect(referencePreTokenizer({ ...old, add_prefix_space: true })).toMatchObject({
      prepend_scheme: 'always',
    });
  });

  it('look for a text as it is written', () => {
    const split = { type: 'Split', pattern: { String: '.(a|b)*' }, behavior: 'Isolated' };
    expect(referencePreTokenizer(split)).toEqual(isolated('\\.\\(a\\|b\\)\\*'));
  });

  it('are left alone where they mean the same', () => {
    for (const same of [
      { type: 'ByteLevel', use_regex: false },
      { type: 'FixedLength', length: 5 },
    ]) {
      expect(referencePreTokenizer(same)).toBe(same);
    }
  });

  it('are refused where there are no such words', () => {
    const odd = { type: 'Split', pattern: { String: ' ' }, behavior: 'Odd' };
    const within = { type: 'Sequence', pretokenizers: [odd] };
    expect(thrown(() => referencePreTokenizer(within))).toMatchObject({
      message: '"tokenizer.json" splits text in a way that is not supported here: Odd',
    });
  });
});

describe('normalizers in other words', () => {
  it('put in what they say, whatever it means to JavaScript', () => {
    const replace = { type: 'Replace', pattern: { String: 'a' }, content: '$&$1' };
    const written = { ...replace, content: '$$&$$1' };
    expect(referenceNormalizer(replace)).toEqual(written);
    expect(referenceNormalizer({ type: 'Sequence', normalizers: [replace, { type: 'NFC' }] })).toEqual({
      type: 'Sequence',
      normalizers: [written, { type: 'NFC' }],
    });
  });
});
