import { assertAlike } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** What the library leaves behind: to be made before all others, and tried behind them. */
export function leftoverCases(): readonly ConformanceCase[] {
  const before = globalNames();
  return [
    {
      name: 'platform: nothing was added to the global object, nor to what all objects have',
      run() {
        assertAlike(
          'global names',
          globalNames().filter((name) => !before.includes(name)),
          [],
        );
        for (const { prototype } of [Object, Array, Promise, Error, Uint8Array])
          assertAlike('names of all', Object.keys(prototype), []);
      },
    },
  ];
}

function globalNames(): readonly string[] {
  return Object.getOwnPropertyNames(globalThis);
}
