// What consumers compile with. Every combination is a program of its own.

/** What the names of the platform come from, and what a program of such a consumer consists of. */
interface Platform {
  readonly lib: readonly string[];
  /** Packages of declarations, as in the compiler option. */
  readonly types: readonly string[];
  /** Programs of `fixture` beside the one that needs no platform. */
  readonly programs: readonly string[];
}

/** One way to compile. */
export interface Combination {
  readonly name: string;
  /** As in tsconfig.json. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Files in the consumer's folder. */
  readonly programs: readonly string[];
}

/** Versions of TypeScript, as the packages in `tools` are named. */
export const TYPESCRIPTS = ['5.4', '5.5', '5.6', '5.7', '5.8', '5.9', '6.0'] as const;

const RESOLUTIONS = {
  node16: { module: 'Node16', moduleResolution: 'Node16' },
  nodenext: { module: 'NodeNext', moduleResolution: 'NodeNext' },
  bundler: { module: 'ESNext', moduleResolution: 'Bundler' },
} as const;

const DOM: Platform = { lib: ['es2022', 'dom'], types: [], programs: ['use-platform.ts', 'use-arrays.ts'] };

/** By the name that is printed. `nothing` has the language alone, as a program for an engine without a platform. */
const PLATFORMS: Readonly<Record<string, Platform>> = {
  dom: DOM,
  'dom of today': {
    ...DOM,
    lib: ['esnext', 'dom', 'dom.iterable'],
    programs: [...DOM.programs, 'use-disposal.ts'],
  },
  webworker: { ...DOM, lib: ['es2022', 'webworker'] },
  'workers-types': { ...DOM, lib: ['es2022'], types: ['@cloudflare/workers-types'] },
  'types of Node': {
    lib: ['es2022'],
    types: ['node'],
    programs: [...DOM.programs, 'use-disposal.ts'],
  },
  nothing: { lib: ['es2022'], types: [], programs: [] },
};

/** The first TypeScript whose arrays tell what memory they are in. */
const FIRST_WITH_ARRAY_MEMORY = '5.7';
const FIRST_WITH_ISOLATED_DECLARATIONS = '5.5';
/** The first in which CommonJS may import modules. */
const FIRST_WITH_REQUIRE_OF_MODULES = '5.8';

/** All ways to compile with a version. */
export function combinationsOf(version: string): readonly Combination[] {
  const matrix = Object.entries(PLATFORMS).flatMap(([platformName, { lib, types, programs }]) =>
    Object.entries(RESOLUTIONS).map(([resolutionName, resolution]) => ({
      name: `TypeScript ${version}, ${resolutionName}, ${platformName}`,
      options: { ...resolution, lib, types },
      programs: ['touched.ts', 'use.ts', ...programs].filter(
        (program) => program !== 'use-arrays.ts' || version >= FIRST_WITH_ARRAY_MEMORY,
      ),
    })),
  );
  const { lib, types } = DOM;
  const isolated = {
    name: `TypeScript ${version}, isolatedDeclarations`,
    options: { ...RESOLUTIONS.bundler, lib, types, isolatedDeclarations: true },
    programs: ['use.ts'],
  };
  const commonJs = {
    name: `TypeScript ${version}, nodenext, CommonJS`,
    options: { ...RESOLUTIONS.nodenext, lib, types },
    programs: ['use-commonjs.cts'],
  };
  return [
    ...matrix,
    ...(version >= FIRST_WITH_ISOLATED_DECLARATIONS ? [isolated] : []),
    ...(version >= FIRST_WITH_REQUIRE_OF_MODULES ? [commonJs] : []),
  ];
}
