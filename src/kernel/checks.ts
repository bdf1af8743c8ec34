import { type TinkerErrorDetails, TinkerInputError } from './errors.ts';
import { clipped } from './json-text.ts';

/** Bounds of a number, both inclusive unless said otherwise. */
export interface NumberBounds {
  readonly min?: number;
  readonly max?: number;
  /** `min` itself is refused. */
  readonly aboveMin?: boolean;
  /** `max` itself is refused. */
  readonly belowMax?: boolean;
}

/** A whole, exactly representable number within bounds. @throws TinkerInputError */
export function checkInteger(field: string, value: unknown, bounds: NumberBounds = {}): number {
  return checkNumber(field, value, bounds, 'an integer', Number.isSafeInteger(value));
}

/** A finite number within bounds. @throws TinkerInputError */
export function checkFinite(field: string, value: unknown, bounds: NumberBounds = {}): number {
  return checkNumber(field, value, bounds, 'a finite number', Number.isFinite(value));
}

/** Whether text is what any header can carry as it is: visible ASCII, at least one character of it. */
export function isVisibleAscii(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/** A string with at least one character. @throws TinkerInputError */
export function checkText(field: string, value: unknown, details: TinkerErrorDetails = {}): string {
  if (typeof value === 'string' && value.length > 0) return value;
  throw new TinkerInputError(field, `must be a non-empty string, got ${show(value)}`, details);
}

/** A boolean. @throws TinkerInputError */
export function checkBoolean(field: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new TinkerInputError(field, `must be true or false, got ${show(value)}`);
}

/** An object whose members can be read by name: no list, no map. @throws TinkerInputError */
export function checkRecord(
  field: string,
  value: unknown,
  what = 'an object',
  details: TinkerErrorDetails = {},
): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !(Symbol.iterator in value))
    return value as Readonly<Record<string, unknown>>;
  throw new TinkerInputError(field, `must be ${what}, got ${show(value)}`, details);
}

/** A value as an error message shows it: short, and strings in quotes. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(clipped(value, 60));
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

function checkNumber(
  field: string,
  value: unknown,
  bounds: NumberBounds,
  kind: string,
  isKind: boolean,
): number {
  const {
    min = Number.NEGATIVE_INFINITY,
    max = Number.POSITIVE_INFINITY,
    aboveMin = false,
    belowMax = false,
  } = bounds;
  if (typeof value === 'number' && isKind) {
    const inside = (aboveMin ? value > min : value >= min) && (belowMax ? value < max : value <= max);
    if (inside) return value;
  }
  const limits = [
    ...(bounds.min === undefined ? [] : [`${aboveMin ? '>' : '>='} ${min}`]),
    ...(bounds.max === undefined ? [] : [`${belowMax ? '<' : '<='} ${max}`]),
  ].join(' and ');
  throw new TinkerInputError(field, `must be ${kind}${limits && ` ${limits}`}, got ${show(value)}`);
}
