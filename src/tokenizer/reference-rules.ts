import { TinkerInputError } from '../kernel/errors.ts';
import { metaspaceScheme } from './token-decoder.ts';

type Config = Readonly<Record<string, unknown>>;

/** How GPT-2 splits text. */
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** What belongs to words, as the inside of a class. */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';

/** What the reference takes for punctuation. */
const PUNCTUATION = '[\\p{P}!-/:-@\\[-`{-~]';

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

/** The same for normalizers: in a replacement `$` means nothing. */
export function referenceNormalizer(config: Config): Config {
  if (config['type'] === 'Sequence') {
    return { ...config, normalizers: (config['normalizers'] as readonly Config[]).map(referenceNormalizer) };
  }
  if (config['type'] !== 'Replace' || typeof config['content'] !== 'string') return config;
  return { ...config, content: config['content'].replaceAll('$', '$$$$') };
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
