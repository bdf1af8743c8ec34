import * as z from 'zod/mini';

// Kinds of fields in a server's JSON. All of them are one kind of schema with tests of ours: the package's own (records,
// unions, enums, checks) would be half of what it adds to a bundle.

/** Text of any length. */
export const text = () => z.custom<string>((value) => typeof value === 'string');

/** An id or a path that is handed back to the server: one that is empty leads to something else, or nowhere. */
export const id = () => z.custom<string>((value) => typeof value === 'string' && value !== '');

/** A finite number: what JSON has beyond those is too large to be meant. */
export const number = () => z.custom<number>(Number.isFinite);

/** `true` or `false`. */
export const flag = () => z.custom<boolean>((value) => typeof value === 'boolean');

/** A moment as text or as a number: what it says is read later. */
export const time = () =>
  z.custom<string | number>((value) => typeof value === 'string' || Number.isFinite(value));

/** An array of which only that is checked: plain loops read the elements. */
export const list = () => z.custom<readonly unknown[]>(Array.isArray);

/** One of these texts. */
export const choice = <const T extends string>(...texts: readonly T[]) =>
  z.custom<T>((value) => texts.includes(value as T));

/** An object whose names are data. */
export const record = () => z.looseObject({});

/** An object whose names are data, and whose values are all of one kind. */
export const recordOf = <T>(values: z.ZodMiniType<T>) => z.catchall(record(), values);
