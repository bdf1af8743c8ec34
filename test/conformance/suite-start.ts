import type { PlatformName } from './runtimes.ts';

/** What the suite is told by whoever starts it, from in front of its script. */
export interface SuiteStart {
  /** What was started. */
  readonly platform: PlatformName;
  /** Objects that everything in a realm shares, each with its name and the keys it had before the script. */
  readonly shared: readonly (readonly [name: string, object: object, keys: readonly PropertyKey[]])[];
}

/** The line that goes in front of the script: a constant `suiteStart`, which is no property of the global object. */
export function suiteStartLine(platform: PlatformName): string {
  // A directive holds only at the very beginning, so the one that the script begins with would be lost.
  // Node loads its library for requests when one of its names is first read; that has marks of its own to leave.
  return `"use strict"; void Request; const suiteStart = { platform: ${JSON.stringify(platform)}, shared: [
  ['globalThis', globalThis],
  ...[Object, Array, Promise, Error, Uint8Array].map(({ name, prototype }) => [name + '.prototype', prototype]),
].map(([name, object]) => [name, object, Reflect.ownKeys(object)]) };
`;
}
