import type { Environment } from '@huggingface/jinja';
import { readArguments } from './arguments.ts';
import {
  isList,
  isText,
  itemsOf,
  type Piece,
  slicePieces,
  slicesOf,
  textOf,
  type Value,
} from './provenance.ts';
import { capitalized, type StripSide, stripBounds, titled } from './python-text.ts';
import type { TemplateNode } from './template.ts';
import type { Tracer } from './tracer.ts';
import { kindOf } from './values.ts';

const STRIPS: Readonly<Record<string, StripSide>> = { strip: 'both', lstrip: 'left', rstrip: 'right' };

/** Filters and methods that change letters where they stand. */
export const REWRITES: Readonly<Record<string, (text: string) => string>> = {
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  capitalize: capitalized,
  title: titled,
};

/**
 * A method of a string that has to keep track of what is whose, or that Python has otherwise; `undefined` for one that
 * is the runtime's own.
 */
export function callMethod(
  tracer: Tracer,
  object: Value,
  name: string,
  args: readonly TemplateNode[],
  scope: Environment,
): Value | undefined {
  if (!isText(object)) return undefined;
  const side = STRIPS[name];
  const given = readArguments(tracer, args, scope);
  if (side !== undefined) return stripped(tracer, object, side, given.at(0, 'chars'));
  if (name === 'join') return joined(tracer, given.at(0, 'iterable'), object);
  if (name === 'replace')
    return replaced(tracer, object, given.at(0, 'old'), given.at(1, 'new'), given.at(2, 'count'));
  const rewrite = REWRITES[name];
  return rewrite === undefined ? undefined : rewritten(tracer, object, rewrite);
}

/** A string without characters at its ends. */
export function stripped(tracer: Tracer, value: Value, side: StripSide, characters?: Value): Value {
  const set = characters !== undefined && isText(characters) ? (characters.value as string) : undefined;
  const bounds = stripBounds(value.value as string, side, set);
  return tracer.text(slicePieces(tracer.provenance.piecesOf(value), ...bounds));
}

/** The strings of a list as one. */
export function joined(tracer: Tracer, list: Value | undefined, separator: Value | undefined): Value {
  if (list?.type === 'UndefinedValue') return tracer.text([]);
  if (list === undefined || !isList(list)) throw new Error('it joins what is no list');
  const between = separator === undefined ? [] : tracer.provenance.piecesOf(separator);
  const pieces: Piece[] = [];
  for (const [i, item] of itemsOf(list).entries()) {
    if (i > 0) pieces.push(...between);
    pieces.push(...tracer.written(tracer.provenance.inherit(item, list)));
  }
  return tracer.text(pieces);
}

/** A string changed letter by letter: each piece stays whose it is, where that can be seen. */
export function rewritten(tracer: Tracer, value: Value, change: (text: string) => string): Value {
  if (!isText(value)) throw new Error(`it expects a string and gets ${kindOf(value)}`);
  const text = change(value.value as string);
  const pieces = tracer.provenance.piecesOf(value);
  if (text.length === (value.value as string).length) {
    let at = 0;
    const inPlace = pieces.map((piece) => {
      const start = at;
      at += piece.text.length;
      return { ...piece, text: text.slice(start, at) };
    });
    return tracer.text(inPlace);
  }
  const oneByOne = pieces.map((piece) => ({ ...piece, text: change(piece.text) }));
  return textOf(oneByOne) === text ? tracer.text(oneByOne) : derived(tracer, text, value);
}

/** A string with others in place of parts of it. */
export function replaced(
  tracer: Tracer,
  value: Value,
  old: Value | undefined,
  by: Value | undefined,
  count: Value | undefined,
): Value | undefined {
  if (old === undefined || by === undefined || !isText(value) || !isText(old) || !isText(by))
    return undefined;
  const [text, words] = [value.value as string, old.value as string];
  if (words === '' || (count !== undefined && count.type !== 'IntegerValue')) return undefined;
  const most =
    count === undefined || Number(count.value) < 0 ? Number.POSITIVE_INFINITY : Number(count.value);
  const { piecesOf } = tracer.provenance;
  const cuts: number[] = [];
  for (
    let at = text.indexOf(words);
    at !== -1 && cuts.length < most;
    at = text.indexOf(words, at + words.length)
  )
    cuts.push(at);
  const runs = slicesOf(piecesOf(value), [
    ...cuts.map((at, i) => [i === 0 ? 0 : (cuts[i - 1] ?? 0) + words.length, at] as const),
    [cuts.length === 0 ? 0 : (cuts.at(-1) ?? 0) + words.length, text.length],
  ]);
  return tracer.text(runs.flatMap((run, i) => (i === 0 ? run : [...piecesOf(by), ...run])));
}

/** The parts of a string that were split off stay whose they are. Returns the list. */
export function splitUp(tracer: Tracer, value: Value, list: Value): Value {
  const { piecesOf, setPieces } = tracer.provenance;
  const text = value.value as string;
  let at = 0;
  const bounds = itemsOf(list).map((part) => {
    const start = text.indexOf(part.value as string, at);
    at = start + (part.value as string).length;
    return [start, at] as const;
  });
  for (const [i, run] of slicesOf(piecesOf(value), bounds).entries())
    setPieces(itemsOf(list)[i] as Value, run);
  return list;
}

/** A text that was made of a value. */
export function derived(tracer: Tracer, text: string, from: Value): Value {
  const owner = tracer.provenance.ownerOf(from) ?? 'unknown';
  return tracer.text([{ text, owner, isDerived: true }]);
}
