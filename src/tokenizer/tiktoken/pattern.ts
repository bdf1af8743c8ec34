import { show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { classSource, escapeSource, literalSource } from './classes.ts';

/** Where the translation of a pattern is. */
export interface PatternReader {
  /** The pattern's code points. */
  readonly characters: readonly string[];
  /** The next of them. */
  at: number;
  /** Number of groups that hold what must not be matched again. */
  atoms: number;
  /** What is wrong with the pattern at this place. */
  fault(what: string): TinkerInputError;
}

/** Groups that mean the same in JavaScript, longest first. */
const GROUPS = ['?<=', '?<!', '?:', '?=', '?!'];
const IGNORE_CASE = '?i:';
const ATOMIC = '?>';

/**
 * The pattern that splits text into pieces, as the reference writes it, as a regular expression of JavaScript that
 * matches the same: `\s` is Unicode's white space (JavaScript's own has U+FEFF and lacks U+0085), and so are digits and
 * letters Unicode's; classes may intersect (`[\p{L}&&[^\p{Han}]]`), groups ignore case (`(?i:…)`), and quantifiers keep
 * what they took (`++`), of which engines know nothing, or only new ones.
 *
 * @throws TinkerInputError - of "pattern", for what has no translation.
 */
export function translatePattern(pattern: string): RegExp {
  const reader: PatternReader = {
    characters: [...pattern],
    at: 0,
    atoms: 0,
    fault: (what) =>
      new TinkerInputError('pattern', `${what} at character ${reader.at}, got ${show(pattern)}`),
  };
  const source = alternatives(reader, false);
  if (reader.at < reader.characters.length) throw reader.fault('has a ")" that closes nothing');
  try {
    return new RegExp(source, 'gu');
  } catch (cause) {
    throw new TinkerInputError('pattern', `must be a regular expression, got ${show(pattern)}`, { cause });
  }
}

function alternatives(reader: PatternReader, ignoreCase: boolean): string {
  let source = '';
  for (;;) {
    const character = reader.characters[reader.at];
    if (character === undefined || character === ')') return source;
    if (character === '|') {
      reader.at++;
      source += '|';
    } else source += quantified(reader, atom(reader, ignoreCase));
  }
}

function atom(reader: PatternReader, ignoreCase: boolean): string {
  const character = reader.characters[reader.at] ?? '';
  if (character === '(') return group(reader, ignoreCase);
  if (character === '[') return classSource(reader, ignoreCase);
  if (character === '\\') return escapeSource(reader, ignoreCase);
  reader.at++;
  if (character === '.') return '[^\\n]';
  if (character === '^' || character === '$') return character;
  if ('*+?{'.includes(character)) throw reader.fault('has a quantifier after nothing');
  return literalSource(character, ignoreCase);
}

function group(reader: PatternReader, ignoreCase: boolean): string {
  reader.at++;
  const opens = (sign: string): boolean =>
    reader.characters.slice(reader.at, reader.at + sign.length).join('') === sign;
  const sign = [...GROUPS, IGNORE_CASE, ATOMIC].find(opens);
  if (sign === undefined && opens('?')) throw reader.fault('has a kind of group that has no translation');
  reader.at += sign?.length ?? 0;
  const source = alternatives(reader, ignoreCase || sign === IGNORE_CASE);
  if (reader.characters[reader.at] !== ')') throw reader.fault('has a "(" that nothing closes');
  reader.at++;
  if (sign === ATOMIC) return atomic(reader, source);
  // Nothing refers back to a group, so none is kept.
  return `(${sign === undefined || sign === IGNORE_CASE ? '?:' : sign}${source})`;
}

function quantified(reader: PatternReader, source: string): string {
  const quantifier = readQuantifier(reader);
  if (quantifier === '') return source;
  const next = reader.characters[reader.at];
  if (next !== '?' && next !== '+') return source + quantifier;
  reader.at++;
  return next === '?' ? `${source}${quantifier}?` : atomic(reader, source + quantifier);
}

function readQuantifier(reader: PatternReader): string {
  const { characters, at } = reader;
  const first = characters[at] ?? '';
  if (first === '') return '';
  if ('*+?'.includes(first)) {
    reader.at++;
    return first;
  }
  const [counts] = /^\{\d+(,\d*)?\}/.exec(characters.slice(at, at + 20).join('')) ?? [''];
  reader.at += counts.length;
  return counts;
}

/** What is matched once and not tried otherwise: a look ahead is not, so it is held and then matched as it was. */
function atomic(reader: PatternReader, source: string): string {
  const name = `kept${reader.atoms++}`;
  return `(?=(?<${name}>${source}))\\k<${name}>`;
}
