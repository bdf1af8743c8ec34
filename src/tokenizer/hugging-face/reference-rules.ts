import { TinkerInputError } from '../../kernel/errors.ts';
import { metaspaceScheme } from './token-decoder.ts';

type Config = Readonly<Record<string, unknown>>;

/** How GPT-2 splits text. */
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** What belongs to words, as the inside of a class. */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';

/** What the reference takes for punctuation. */
const PUNCTUATION = '[\\p{P}!-/:-@\\[-`{-~]';

const SIGMA: Config = { type: 'Replace', pattern: { String: 'Σ' }, content: 'σ' };

/** The blocks that the reference has in mind. */
const SPACED_HAN: Config = {
  type: 'Replace',
  pattern: {
    Regex: '[\\u{20000}-\\u{2A6DF}\\u{2A700}-\\u{2B81F}\\u{2B920}-\\u{2CEAF}\\u{2F800}-\\u{2FA1F}]',
  },
  content: ' $& ',
};

/**
 * The pre-tokenizer of a tokenizer's file in other words, which mean to the package that runs it what these mean to the
 * reference. It knows fewer ways to split, has JavaScript's notions of digits and white space in some, and treats words
 * marked by Metaspace as one.
 *
 * @throws TinkerInputError - for a way to split that has no such words.
 */
export function referencePreTokenizer(config: Config): Config {
  switch (config['type']) {
    case 'Sequence':
      return sequence((config['pretokenizers'] as readonly Config[]).map(referencePreTokenizer));
    case 'ByteLevel':
      return byteLevel(config);
    case 'Metaspace':
      return metaspace(config);
    case 'Whitespace':
      return matches(`[${WORD}]+|[^${WORD}\\s]+`);
    case 'BertPreTokenizer':
      return sequence([matches('\\S+'), isolated(PUNCTUATION)]);
    case 'WhitespaceSplit':
      return matches('\\S+');
    case 'Digits':
      return isolated(config['individual_digits'] === true ? '\\p{N}' : '\\p{N}+');
    case 'Punctuation':
      return split({ Regex: PUNCTUATION }, config['behavior'] ?? 'Isolated', false);
    case 'Split':
      return split(config['pattern'] as Pattern, config['behavior'], config['invert'] === true);
    default:
      return config;
  }
}

/**
 * The same for normalizers. In a replacement `$` means nothing; Han beyond U+FFFF are as Chinese as others; a Σ at the end
 * of a word is in lower case what it is elsewhere.
 */
export function referenceNormalizer(config: Config): Config {
  switch (config['type']) {
    case 'Sequence':
      return normalizers((config['normalizers'] as readonly Config[]).map(referenceNormalizer));
    case 'Replace':
      if (typeof config['content'] !== 'string') return config;
      return { ...config, content: config['content'].replaceAll('$', '$$$$') };
    case 'Lowercase':
      return normalizers([SIGMA, config]);
    case 'BertNormalizer':
      return normalizers([
        ...(config['handle_chinese_chars'] === true ? [SPACED_HAN] : []),
        ...(config['lowercase'] === true ? [SIGMA] : []),
        config,
      ]);
    default:
      return config;
  }
}

function normalizers(steps: readonly Config[]): Config {
  return { type: 'Sequence', normalizers: steps };
}

interface Pattern {
  readonly String?: string;
  readonly Regex?: string;
}

function byteLevel(config: Config): Config {
  if (config['use_regex'] === false) return config;
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  // The whole, so that there is one place to look: an engine may look for a beginning within a pair of surrogates.
  const prefix = { type: 'Replace', pattern: { Regex: '\\A(?! )[\\s\\S]+' }, content: ' $&' };
  return sequence([...(config['add_prefix_space'] === true ? [prefix] : []), isolated(GPT2), bytes]);
}

function metaspace(config: Config): Config {
  const marked = { ...config, prepend_scheme: metaspaceScheme(config) };
  if (config['split'] === false) return marked;
  const mark = { String: String(config['replacement'] ?? '\u2581') };
  return sequence([marked, split(mark, 'MergedWithNext', false)]);
}

function split(pattern: Pattern, behavior: unknown, isInverted: boolean): Config {
  const source = pattern.Regex ?? (pattern.String ?? '').replace(/[\^$\\.*+?()[\]{}|]/g, '\\$&');
  switch (behavior) {
    // Which of them are the matches makes no difference where both are kept.
    case 'Isolated':
      return isolated(source);
    case 'Contiguous':
      return isolated(`(?:${source})+`);
    case 'Removed':
      return isInverted ? matches(source) : { ...matches(source), invert: false };
  }
  if (!isInverted) {
    if (behavior === 'MergedWithPrevious') return isolated(`[\\s\\S]*?(?:(?:${source})|\\z)`);
    if (behavior === 'MergedWithNext') return isolated(`(?:${source})[\\s\\S]*?(?=(?:${source})|\\z)`);
  }
  throw new TinkerInputError(
    'tokenizer.json',
    `splits text in a way that is not supported here: ${String(behavior)}${isInverted ? ', inverted' : ''}`,
  );
}

function sequence(pretokenizers: readonly Config[]): Config {
  return { type: 'Sequence', pretokenizers };
}

/** Matches, and what lies between. */
function isolated(source: string): Config {
  return { type: 'Split', pattern: { Regex: source }, behavior: 'Isolated', invert: false };
}

/** Matches, and nothing else. */
function matches(source: string): Config {
  return { type: 'Split', pattern: { Regex: source }, behavior: 'Removed', invert: true };
}
