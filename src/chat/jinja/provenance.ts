import type { Interpreter } from '@huggingface/jinja';

/** A value while a template runs. */
export type Value = ReturnType<Interpreter['evaluate']>;

/**
 * Whose text something is: the template's own, that of a message (by its index), of the tools, of variables given with
 * a call, or nobody knows.
 */
export type Owner = 'template' | 'tools' | 'variables' | 'unknown' | number;

/** A run of text of one owner. */
export interface Piece {
  /** What it says. */
  readonly text: string;
  /** Whose text it is. */
  readonly owner: Owner;
  /** Whether a filter or method made it, so that words of the template may be in it. */
  readonly isDerived: boolean;
  /** Index of the message in whose turn of a loop it was written; -1 outside. `undefined` until it is written. */
  readonly span?: number | undefined;
  /** Whether it was written in a `{% generation %}` block. */
  readonly isGenerated?: boolean | undefined;
}

/** Where texts come from, kept beside the values while a template runs. The values themselves are never changed. */
export interface Provenance {
  /** Note a text's pieces; together they say what it says. Returns the value. */
  setPieces(value: Value, pieces: readonly Piece[]): Value;
  /** The pieces of a text; one of an unknown owner where nothing is known. */
  piecesOf(value: Value): readonly Piece[];
  /** Note that a value with all that is in it belongs to one owner. */
  setOwner(value: Value, owner: Owner): void;
  /** The only owner of all of a value; `undefined` where there are several or none is known. */
  ownerOf(value: Value): Owner | undefined;
  /** A value that was made of another has its owner, unless its own is known. Returns it. */
  inherit(value: Value, from: Value): Value;
}

/** An empty notebook, for one rendering. */
export function createProvenance(): Provenance {
  const pieces = new WeakMap<Value, readonly Piece[]>();
  const owners = new WeakMap<Value, Owner>();
  const ownerOf = (value: Value): Owner | undefined => {
    const known = owners.get(value);
    if (known !== undefined) return known;
    const [first, ...rest] = pieces.get(value) ?? [];
    return rest.every(({ owner }) => owner === first?.owner) ? first?.owner : undefined;
  };
  const setOwner = (value: Value, owner: Owner): void => {
    if (isText(value)) pieces.set(value, [{ text: value.value as string, owner, isDerived: false }]);
    else if (isList(value) || isMap(value)) owners.set(value, owner);
    for (const inner of isList(value) ? itemsOf(value) : isMap(value) ? membersOf(value).values() : [])
      setOwner(inner, owner);
  };
  return {
    setPieces(value, its) {
      pieces.set(value, its);
      return value;
    },
    piecesOf: (value) =>
      pieces.get(value) ?? [{ text: String(value.value), owner: 'unknown', isDerived: true }],
    setOwner,
    ownerOf,
    inherit(value, from) {
      const owner = ownerOf(from);
      if (owner === undefined || pieces.has(value) || owners.has(value)) return value;
      if (isText(value)) pieces.set(value, [{ text: value.value as string, owner, isDerived: true }]);
      else if (isList(value) || isMap(value)) owners.set(value, owner);
      return value;
    },
  };
}

/** Whether a value is a string. */
export function isText(value: Value): boolean {
  return value.type === 'StringValue';
}

/** Whether a value is a list or a tuple. */
export function isList(value: Value): boolean {
  return value.type === 'ArrayValue' || value.type === 'TupleValue';
}

/** Whether a value is a mapping. */
export function isMap(value: Value): boolean {
  return value.type === 'ObjectValue' || value.type === 'NamespaceValue';
}

/** The entries of a list. */
export function itemsOf(list: Value): readonly Value[] {
  return list.value as unknown as readonly Value[];
}

/** The members of a mapping. */
export function membersOf(map: Value): Map<string, Value> {
  return map.value as unknown as Map<string, Value>;
}

/** Pieces without the text before `start` and from `end` on. */
export function slicePieces(pieces: readonly Piece[], start: number, end: number): readonly Piece[] {
  const out: Piece[] = [];
  let at = 0;
  for (const piece of pieces) {
    const text = piece.text.slice(Math.max(0, start - at), Math.max(0, end - at));
    at += piece.text.length;
    if (text !== '') out.push({ ...piece, text });
  }
  return out;
}

/** The pieces within each of some bounds, which stand in order and do not overlap. */
export function slicesOf(
  pieces: readonly Piece[],
  bounds: readonly (readonly [start: number, end: number])[],
): readonly (readonly Piece[])[] {
  let p = 0;
  let at = 0;
  return bounds.map(([start, end]) => {
    const out: Piece[] = [];
    for (let piece = pieces[p]; piece !== undefined && at < end; piece = pieces[p]) {
      const text = piece.text.slice(Math.max(0, start - at), end - at);
      if (text !== '') out.push({ ...piece, text });
      if (at + piece.text.length > end) break;
      at += piece.text.length;
      p += 1;
    }
    return out;
  });
}

/** What pieces say together. */
export function textOf(pieces: readonly Piece[]): string {
  return pieces.map(({ text }) => text).join('');
}
