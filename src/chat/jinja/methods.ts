import type { Environment } from '@huggingface/jinja';
import { isList, isText, itemsOf, type Piece, slicePieces, type Value } from './provenance.ts';
import { capitalized, type StripSide, stripBounds, titled } from './python-text.ts';
import type { TemplateNode } from './template.ts';
import type { Tracer } from './tracer.ts';
import { kindOf } from './values.ts';

const STRIPS: Readonly<Record<string, StripSide>> = { strip: 'both', lstrip: 'left', rstrip: 'right' };

const REWRITES: Readonly<Record<string, (text: string) => string>> = {
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
  const first = (): Value | undefined => {
    const [argument] = args;
    return argument === undefined ? undefined : tracer.evaluate(argument, scope);
  };
  if (side !== undefined) return stripped(tracer, object, side, first());
  if (name === 'join') return joined(tracer, first(), object);
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

/** A new string, of which nothing is known yet. */
export function rewritten(tracer: Tracer, value: Value, change: (text: string) => string): Value {
  if (!isText(value)) throw new Error(`it expects a string and gets ${kindOf(value)}`);
  const text = change(value.value as string);
  return derived(tracer, text, value);
}

/** A text that was made of a value. */
export function derived(tracer: Tracer, text: string, from: Value): Value {
  const owner = tracer.provenance.ownerOf(from) ?? 'unknown';
  return tracer.text([{ text, owner, isDerived: true }]);
}
