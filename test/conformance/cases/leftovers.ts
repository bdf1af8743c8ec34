import { assertAlike } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import type { SuiteStart } from '../suite-start.ts';

/** What all copies of zod share, on the global object. */
const ZOD: readonly PropertyKey[] = ['__zod_globalConfig', '__zod_globalRegistry'];

/** What is left behind by the library, from the evaluation of its first module on: to be tried behind all others. */
export function leftoverCases({ shared }: SuiteStart): readonly ConformanceCase[] {
  return [
    {
      name: 'platform: nothing was added to the global object, nor to what all objects have',
      run() {
        for (const [name, object, before] of shared) {
          const known = new Set([...before, ...(object === globalThis ? ZOD : [])]);
          const added = Reflect.ownKeys(object).filter((key) => !known.has(key));
          assertAlike(`keys added to ${name}`, added.map(String), []);
        }
      },
    },
  ];
}
