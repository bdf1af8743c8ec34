import { TinkerInputError } from '../../kernel/errors.ts';

/** White space as Python's `str.strip()` knows it, which is not quite what `trim()` takes. */
const SPACE =
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000';

/** Which end of a text is stripped. */
export type StripSide = 'both' | 'left' | 'right';

/** Where what remains of a text after Python's `strip(characters)` begins and ends. */
export function stripBounds(
  text: string,
  side: StripSide,
  characters: string | undefined,
): readonly [number, number] {
  const set = characters === undefined ? undefined : new Set(characters);
  const isStripped = (character: string): boolean => set?.has(character) ?? SPACE.includes(character);
  let start = 0;
  let end = text.length;
  for (const character of side === 'right' ? '' : text) {
    if (!isStripped(character)) break;
    start += character.length;
  }
  while (side !== 'left' && end > start) {
    const character = lastCharacter(text, end);
    if (!isStripped(character)) break;
    end -= character.length;
  }
  return [start, end];
}

/** The character that ends at a position: two units of a surrogate pair are one. */
function lastCharacter(text: string, end: number): string {
  const pair = text.codePointAt(end - 2) ?? 0;
  return text.slice(end > 1 && pair > 0xffff ? end - 2 : end - 1, end);
}

/** A number as Python's `repr` writes a float: shortest digits, an exponent below 1e-4 and from 1e16 on. */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value < 0 ? '-inf' : 'inf';
  const [mantissa = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16)
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  if (Object.is(value, -0)) return '-0.0';
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** A whole number in full: no exponent, however large. */
export function pythonInteger(value: number): string {
  return Math.abs(value) < 1e21 ? String(value) : BigInt(value).toString();
}

/** `str.capitalize()`: the first letter large, all others small. */
export function capitalized(text: string): string {
  const [first = '', ...rest] = text;
  return first.toUpperCase() + rest.join('').toLowerCase();
}

/** `str.title()`: each run of letters begins large and goes on small. */
export function titled(text: string): string {
  return text.replace(/\p{L}+/gu, capitalized);
}

/** What `tojson` was told. */
export interface JsonStyle {
  /** Spaces a level; `undefined` for one line. */
  readonly indent: number | undefined;
  /** Between entries, and between a key and its value. */
  readonly separators: readonly [string, string];
  /** Whether keys are put in order. */
  readonly sortKeys: boolean;
  /** Whether what is not ASCII is escaped. */
  readonly ensureAscii: boolean;
}

/** A plain value as Python's `json.dumps` writes it. */
export function pythonJson(value: JsonSource, style: JsonStyle, depth = 0): string {
  switch (value.kind) {
    case 'text':
      return jsonString(value.text, style);
    case 'atom':
      return value.text;
    default:
      break;
  }
  const [open, close] = value.kind === 'list' ? '[]' : '{}';
  const entries =
    value.kind === 'list'
      ? value.items.map((item) => pythonJson(item, style, depth + 1))
      : [...value.members]
          .sort(([a], [b]) => (style.sortKeys ? compareCodePoints(a, b) : 0))
          .map(
            ([key, item]) =>
              jsonString(key, style) + style.separators[1] + pythonJson(item, style, depth + 1),
          );
  if (entries.length === 0) return `${open}${close}`;
  if (style.indent === undefined) return `${open}${entries.join(style.separators[0])}${close}`;
  const line = `\n${' '.repeat(style.indent * depth)}`;
  const inner = line + ' '.repeat(style.indent);
  return `${open}${inner}${entries.join(style.separators[0] + inner)}${line}${close}`;
}

/** What {@link pythonJson} writes. */
export type JsonSource =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'atom'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly JsonSource[] }
  | { readonly kind: 'map'; readonly members: readonly (readonly [string, JsonSource])[] };

function jsonString(text: string, style: JsonStyle): string {
  // Lone surrogates stay as they are: Python writes them raw.
  const json = JSON.stringify(text).replace(
    /(?<!\\)((?:\\\\)*)\\u(d[89a-f][0-9a-f]{2})/g,
    (_, before, hex) => before + String.fromCharCode(Number.parseInt(hex, 16)),
  );
  if (!style.ensureAscii) return json;
  return json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function compareCodePoints(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** A moment as Python's `strftime` writes it in English, in UTC. @throws TinkerInputError - for a directive it does not know. */
export function strftime(date: Date, format: string): string {
  const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0');
  const hour12 = date.getUTCHours() % 12 || 12;
  const values: Readonly<Record<string, string>> = {
    Y: pad(date.getUTCFullYear(), 4),
    y: pad(date.getUTCFullYear() % 100),
    m: pad(date.getUTCMonth() + 1),
    d: pad(date.getUTCDate()),
    H: pad(date.getUTCHours()),
    I: pad(hour12),
    M: pad(date.getUTCMinutes()),
    S: pad(date.getUTCSeconds()),
    f: pad(date.getUTCMilliseconds() * 1_000, 6),
    p: date.getUTCHours() < 12 ? 'AM' : 'PM',
    B: MONTHS[date.getUTCMonth()] ?? '',
    b: (MONTHS[date.getUTCMonth()] ?? '').slice(0, 3),
    A: DAYS[date.getUTCDay()] ?? '',
    a: (DAYS[date.getUTCDay()] ?? '').slice(0, 3),
    '%': '%',
  };
  return format.replace(/%(-?)([\s\S]?)/g, (directive, minus: string, letter: string) => {
    const value = values[letter];
    if (value === undefined)
      throw new TinkerInputError('template', `asks for the date as ${directive}, which is not known here`);
    return minus === '' ? value : value.replace(/^0+(?=.)/, '');
  });
}
