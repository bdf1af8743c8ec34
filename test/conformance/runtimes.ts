import { toolVersion } from '../runtimes/tools.ts';

/** What `--only` takes. */
export type RuntimeName =
  | 'node20'
  | 'node22'
  | 'node24'
  | 'deno'
  | 'bun'
  | 'workerd'
  | 'chromium'
  | 'firefox'
  | 'webkit';

/** What the library calls what it runs on. */
export type PlatformName = 'Node' | 'Deno' | 'Bun' | 'workerd' | 'browser';

/** Where in a browser a script can run. */
export type Place = 'page' | 'dedicated worker' | 'service worker';

/** A runtime in which the conformance suite is run. */
export interface Runtime {
  readonly name: RuntimeName;
  /** Its name in tables. */
  readonly title: string;
  readonly platform: PlatformName;
  /**
   * The version it was tested with last. The exact one, where the lock file of `test/runtimes` fixes it; browsers are
   * Debian's, which moves on: of them it is the version that a release of theirs is known by.
   */
  readonly version: string;
  /** In a browser, where the suite is run, each for itself. Left out for other runtimes. */
  readonly places?: readonly Place[];
}

/** Workers have what this date gives them, and no compatibility flag. */
export const WORKERD_COMPATIBILITY_DATE = '2025-01-01';

/** Every runtime; what the suite gives in the others is compared with the first. */
export const RUNTIMES: readonly Runtime[] = [
  { name: 'node20', title: 'Node', platform: 'Node', version: toolVersion('node-20') },
  { name: 'node22', title: 'Node', platform: 'Node', version: toolVersion('node-22') },
  { name: 'node24', title: 'Node', platform: 'Node', version: toolVersion('node-24') },
  { name: 'deno', title: 'Deno', platform: 'Deno', version: toolVersion('deno') },
  { name: 'bun', title: 'Bun', platform: 'Bun', version: toolVersion('bun') },
  { name: 'workerd', title: 'workerd', platform: 'workerd', version: toolVersion('workerd') },
  {
    name: 'chromium',
    title: 'Chromium',
    platform: 'browser',
    version: '156',
    places: ['page', 'dedicated worker', 'service worker'],
  },
  { name: 'firefox', title: 'Firefox', platform: 'browser', version: '153', places: ['page'] },
  { name: 'webkit', title: 'WebKitGTK', platform: 'browser', version: '2.50', places: ['page'] },
];
