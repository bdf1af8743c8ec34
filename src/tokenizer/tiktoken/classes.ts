import type { PatternReader } from './pattern.ts';

/** What the reference means by classes of one letter, as the inside of a class of JavaScript. */
const SHORT: Readonly<Record<string, string>> = {
  s: '\\p{White_Space}',
  S: '\\P{White_Space}',
  d: '\\p{Nd}',
  D: '\\P{Nd}',
};
const CONTROL: Readonly<Record<string, string>> = { n: '\\n', r: '\\r', t: '\\t', f: '\\f', v: '\\v' };
/** Besides their other case, letters that fold to these: long s, and the sign of Kelvin. */
const FOLDS: Readonly<Record<string, string>> = { s: '\u017f', k: '\u212a' };

/** One character as itself, in each case where case is ignored. */
export function literalSource(character: string, ignoreCase: boolean): string {
  const all = cases(character, ignoreCase);
  return all.length === 1 ? escaped(character) : `[${all.map(escaped).join('')}]`;
}

/** What a backslash and what follows it match, as the inside of a class. */
export function escapeSource(reader: PatternReader, ignoreCase: boolean): string {
  const name = reader.characters[reader.at + 1];
  if (name === undefined) throw reader.fault('ends in a backslash');
  if (name === 'p' || name === 'P') {
    if (ignoreCase) throw reader.fault('has a property that ignores case, which has no translation,');
    return property(reader);
  }
  const known = SHORT[name] ?? CONTROL[name];
  if (known === undefined && /[\p{L}\p{N}]/u.test(name))
    throw reader.fault(`has "\\${name}", which has no translation,`);
  reader.at += 2;
  return known ?? escaped(name);
}

/**
 * A class, with what it is intersected with. One of several sets is matched, and each other looked for in the same place;
 * a class without intersections is one of JavaScript.
 */
export function classSource(reader: PatternReader, ignoreCase: boolean): string {
  reader.at++;
  const isNegated = takes(reader, '^');
  const sets: string[] = [];
  do sets.push(operand(reader, ignoreCase));
  while (takes(reader, '&&'));
  if (!takes(reader, ']')) throw reader.fault('has a "[" that nothing closes');
  const [first = '', ...others] = sets;
  if (others.length === 0 && !first.startsWith('(')) return isNegated ? negated(first) : first;
  const all = `${others.map((set) => `(?=${set})`).join('')}${first}`;
  return isNegated ? `(?:(?!${all})[^])` : `(?:${all})`;
}

/** A class in brackets, or what stands between them, up to the end of the class or to what it is intersected with. */
function operand(reader: PatternReader, ignoreCase: boolean): string {
  if (reader.characters[reader.at] === '[' && reader.characters[reader.at + 1] !== ':')
    return classSource(reader, ignoreCase);
  let source = '';
  for (;;) {
    const character = reader.characters[reader.at];
    const isEnd = character === ']' || (character === '&' && reader.characters[reader.at + 1] === '&');
    if (character === undefined) throw reader.fault('has a "[" that nothing closes');
    if (isEnd && source === '') throw reader.fault('has an empty class');
    if (isEnd) return `[${source}]`;
    if (character === '[' || (character === '~' && reader.characters[reader.at + 1] === '~'))
      throw reader.fault('has a class made of classes, which has no translation,');
    source += member(reader, ignoreCase);
  }
}

/** A character, a range of them, or what a backslash stands for. */
function member(reader: PatternReader, ignoreCase: boolean): string {
  const { characters } = reader;
  const character = characters[reader.at] ?? '';
  const first = single(reader, ignoreCase);
  if (first.length > 2 && /^\\[pP]/.test(first)) return first;
  const { at } = reader;
  if (characters[at] !== '-' || characters[at + 1] === ']')
    return character === '\\' ? first : cases(character, ignoreCase).map(escaped).join('');
  if (characters[at + 1] === '-')
    throw reader.fault('has a difference of classes, which has no translation,');
  if (ignoreCase) throw reader.fault('has a range that ignores case, which has no translation,');
  reader.at++;
  return `${first}-${single(reader, ignoreCase)}`;
}

function single(reader: PatternReader, ignoreCase: boolean): string {
  const character = reader.characters[reader.at] ?? '';
  if (character === '\\') return escapeSource(reader, ignoreCase);
  reader.at++;
  return escaped(character);
}

/** `\p{L}`, `\pL`, `\P{L}`; names of scripts stand for themselves in the reference. */
function property(reader: PatternReader): string {
  const { characters, at } = reader;
  const [whole = '', kind = '', long, short] =
    /^\\([pP])(?:\{([\w=]+)\}|(\w))/.exec(characters.slice(at, at + 64).join('')) ?? [];
  if (whole === '') throw reader.fault('has a property without a name');
  reader.at += whole.length;
  const name = long ?? short ?? '';
  return isProperty(name) ? `\\${kind}{${name}}` : `\\${kind}{Script=${name}}`;
}

function isProperty(name: string): boolean {
  try {
    return new RegExp(`\\p{${name}}`, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

function takes(reader: PatternReader, text: string): boolean {
  const { characters, at } = reader;
  const isNext = characters.slice(at, at + text.length).join('') === text;
  if (isNext) reader.at += text.length;
  return isNext;
}

function negated(set: string): string {
  return set.startsWith('[^') ? `[${set.slice(2)}` : `[^${set.slice(1)}`;
}

function cases(character: string, ignoreCase: boolean): readonly string[] {
  if (!ignoreCase) return [character];
  const lower = character.toLowerCase();
  const all = [character, lower, character.toUpperCase(), ...(FOLDS[lower] ?? '')];
  // What has two letters in the other case has none there that is one.
  return [...new Set(all)].filter((each) => [...each].length === 1);
}

/** Letters and digits as they are, all else by its number, so that it means nothing but itself. */
function escaped(character: string): string {
  return /^[A-Za-z0-9 ]$/.test(character)
    ? character
    : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
