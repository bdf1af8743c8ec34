import { show } from '../kernel/checks.ts';

/** Fail unless both are the same: bytes by content, arrays one by one, anything else by identity. */
export function assertEqual(what: string, actual: unknown, expected: unknown): void {
  if (!isSame(actual, expected)) throw new Error(`${what}: expected ${tell(expected)}, got ${tell(actual)}`);
}

/** Fail unless `work` rejects with this very error. */
export async function assertRejects(what: string, work: PromiseLike<unknown>, error: unknown): Promise<void> {
  let value: unknown;
  try {
    value = await work;
  } catch (reason) {
    if (reason === error) return;
    throw new Error(`${what}: expected a rejection with ${tell(error)}, got one with ${tell(reason)}`);
  }
  throw new Error(`${what}: expected a rejection with ${tell(error)}, got ${tell(value)}`);
}

function isSame(one: unknown, other: unknown): boolean {
  const isList =
    (one instanceof Uint8Array && other instanceof Uint8Array) ||
    (Array.isArray(one) && Array.isArray(other));
  if (!isList) return Object.is(one, other);
  const [ours, theirs] = [one, other] as readonly [ArrayLike<unknown>, ArrayLike<unknown>];
  if (ours.length !== theirs.length) return false;
  for (let index = 0; index < ours.length; index++) if (!isSame(ours[index], theirs[index])) return false;
  return true;
}

function tell(value: unknown): string {
  if (value instanceof Error) return `${value.name} "${value.message}"`;
  if (Array.isArray(value)) return `[${value.map(tell).join(', ')}]`;
  if (!(value instanceof Uint8Array)) return show(value);
  const start = value.subarray(0, 8).join(' ');
  return `${value.length} bytes <${value.length > 8 ? `${start} …` : start}>`;
}
