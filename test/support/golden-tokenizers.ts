import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddedToken, Tokenizer } from '../../src/tokenizer/tokenizer.ts';

// Texts, and what the reference tokenizers say of them: test/golden/tokenizers/make_vectors.py.

const FOLDER = new URL('../golden/tokenizers/', import.meta.url);

/** What the reference says of one text; what is left out is as the line before it says. */
export interface Vector {
  /** With every added token looked for. */
  readonly ids: readonly number[];
  /** With none, and with those that are not special. Left out: as `ids`. */
  readonly none?: readonly number[];
  readonly ordinary?: readonly number[];
  /** What `ids` are decoded to. Left out: the text, with U+FFFD for lone surrogates. */
  readonly text?: string;
  /** The same without special tokens. Left out: as `text`. */
  readonly skipped?: string;
  /** With what the tokenizer puts around a text. Left out: not asked. */
  readonly wrapped?: readonly number[];
}

/** The file of one tokenizer. */
export interface Vectors {
  /** Number of added tokens. */
  readonly added: number;
  /** Of a text of a megabyte: number and digest of its ids; digest of what they are decoded to, where not the text. */
  readonly long: { readonly count: number; readonly ids: string; readonly text?: string };
  /** Unit, times, rest, number and digest of ids: texts that are cut before they are encoded. */
  readonly cuts?: readonly (readonly [string, number, string, number, string])[];
  readonly cases: Readonly<Record<string, Vector>>;
}

interface Cases {
  readonly texts: Readonly<Record<string, string>>;
  readonly fragments: readonly string[];
  /** Code points that Python holds to be white space. */
  readonly white: readonly number[];
}

/** The content of a file of the golden folder. */
export function goldenBytes(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(path, FOLDER)));
}

/** The same as JSON. */
export function goldenJson<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, FOLDER), 'utf8')) as T;
}

/** What all tokenizers are tried with. */
export const goldenCases: Cases = goldenJson('cases.json');

/** Number of checks made, and those that failed. */
export interface Comparison {
  readonly checks: number;
  readonly failures: readonly string[];
}

/**
 * Compares a tokenizer with what the reference says.
 *
 * @param name - Of the file of vectors.
 */
export function compareWithReference(name: string, tokenizer: Tokenizer): Comparison {
  const vectors = goldenJson<Vectors>(`vectors/${name}.json`);
  const failures: string[] = [];
  let checks = 0;
  const check = (what: string, got: unknown, wanted: unknown): void => {
    checks++;
    const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
    if (a !== b) failures.push(`${what}: got ${a.slice(0, 300)}, the reference says ${b.slice(0, 300)}`);
  };

  check('added tokens', tokenizer.addedTokens.length, vectors.added);
  for (const { text, id } of tokenizer.addedTokens) {
    check(`added token ${text}`, [...tokenizer.encode(text, { addedTokens: 'all' })], [id]);
    check(`id of ${text}`, tokenizer.tokenId(text), id);
  }
  const texts = { ...goldenCases.texts, ...markedTexts(tokenizer.addedTokens) };
  check('names of cases', Object.keys(texts), Object.keys(vectors.cases));
  for (const [title, text] of Object.entries(texts)) {
    const vector = vectors.cases[title] ?? { ids: [] };
    const whole = vector.text ?? text.replace(/\p{Surrogate}/gu, '\ufffd');
    for (const addedTokens of ['none', 'ordinary', 'all'] as const) {
      const wanted = (addedTokens === 'all' ? undefined : vector[addedTokens]) ?? vector.ids;
      check(`${title} (${addedTokens})`, [...tokenizer.encode(text, { addedTokens })], wanted);
    }
    if (vector.wrapped !== undefined) {
      const wrapped = tokenizer.encode(text, { addedTokens: 'all', addSpecialTokens: true });
      check(`${title} (with special tokens around)`, [...wrapped], vector.wrapped);
    }
    check(`${title} (decoded)`, tokenizer.decode(vector.ids), whole);
    check(
      `${title} (decoded without special tokens)`,
      tokenizer.decode(vector.ids, { skipSpecialTokens: true }),
      vector.skipped ?? whole,
    );
  }
  return { checks, failures };
}

/** Compares what becomes of long texts, of which the vectors hold digests. */
export function compareLongTexts(name: string, tokenizer: Tokenizer): Comparison {
  const { long, cuts = [] } = goldenJson<Vectors>(`vectors/${name}.json`);
  const failures: string[] = [];
  const text = longText(1 << 20);
  const ids = tokenizer.encode(text);
  const said = `${ids.length} ids, ${digest(ids)}`;
  if (said !== `${long.count} ids, ${long.ids}`)
    failures.push(`a megabyte: got ${said}, not ${JSON.stringify(long)}`);
  const back = tokenizer.decode(ids);
  if (long.text === undefined ? back !== text : digest(back) !== long.text)
    failures.push('a megabyte, decoded');
  for (const [unit, times, rest, count, wanted] of cuts) {
    const got = tokenizer.encode(unit.repeat(times) + rest, { addedTokens: 'all' });
    if (got.length !== count || digest(got) !== wanted)
      failures.push(`${times} times ${JSON.stringify(unit)}: ${got.length} ids, not ${count}`);
  }
  return { checks: 2 + cuts.length, failures };
}

/** Texts that spell added tokens. */
function markedTexts(added: readonly AddedToken[]): Readonly<Record<string, string>> {
  const tokens = added.map(({ text }) => text);
  const some = tokens.length <= 12 ? tokens : [...tokens.slice(0, 8), ...tokens.slice(-4)];
  const [first] = some;
  const last = some.at(-1);
  if (first === undefined || last === undefined) return {};
  const [cutEnd, cutStart] = [[...first].slice(0, -1).join(''), [...first].slice(1).join('')];
  return {
    'added tokens in words': some.map((token) => `a${token}b `).join(''),
    'added tokens with spaces': some.join(' '),
    'added tokens adjacent': some.join(''),
    'added token twice': first + first,
    'added token with spaces around': `a  ${first}  b\n${last}\n c`,
    'added token cut short': `${cutEnd} ${cutStart} ${cutEnd}${first}`,
    'added token in capitals': `x ${first.toUpperCase()} ${last.toUpperCase()}`,
  };
}

/** Fragments in an order that is the same in Python, until their UTF-8 is at least of this size. */
export function longText(bytes: number): string {
  const { fragments } = goldenCases;
  const sizes = fragments.map((fragment) => Buffer.byteLength(fragment));
  const parts: string[] = [];
  let state = 1;
  for (let length = 0; length < bytes; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const at = (state >>> 16) % fragments.length;
    parts.push(fragments[at] ?? '');
    length += sizes[at] ?? 0;
  }
  return parts.join('');
}

function digest(value: Int32Array | string): string {
  // Every platform this runs on is little-endian, as the vectors are.
  const bytes = typeof value === 'string' ? Buffer.from(value) : new Uint8Array(value.buffer);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}
