import { toHex } from '../../src/kernel/bytes.ts';
import { sha256 } from '../../src/kernel/sha256.ts';
import { assertEqual } from '../../src/testing/assertions.ts';

export { assertEqual, assertRejects } from '../../src/testing/assertions.ts';

/** Fail unless it holds. */
export function assertTrue(what: string, holds: boolean): void {
  assertEqual(what, holds, true);
}

/** Fail unless both are the same plain data; numbers that JSON has no words for are told apart. */
export function assertAlike(what: string, actual: unknown, expected: unknown): void {
  assertEqual(what, textOf(actual), textOf(expected));
}

/** What this rejects, or throws, with; fails where it does not. */
export async function rejectionOf(what: string, work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error(`${what}: expected a rejection, got none`);
}

/** Fail unless it rejects, or throws, with an error of this name whose message has this in it. */
export async function assertFails(
  what: string,
  work: () => unknown,
  name: string,
  words = '',
): Promise<void> {
  const error = (await rejectionOf(what, work)) as Error;
  if (error.name === name && error.message.includes(words)) return;
  throw new Error(`${what}: expected ${name} "…${words}…", got ${error.name} "${error.message}"`);
}

/** Plain data as text: JSON with keys in order, in which typed arrays are lists, and NaN, -0 and infinities are told. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    if (typeof part === 'number' && (!Number.isFinite(part) || Object.is(part, -0)))
      return Object.is(part, -0) ? '-0' : String(part);
    if (ArrayBuffer.isView(part)) return Array.from(part as Uint8Array);
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}

/** SHA-256 of numbers, bit for bit, in hex. */
export function bitsOf(
  ...arrays: readonly (Uint8Array | Int32Array | Float32Array | Float64Array)[]
): string {
  const views = arrays.map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  return toHex(sha256(...views));
}
