import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Consumer } from './consumer.ts';
import { evaluateGuarded, type Globals } from './guarded-evaluation.ts';
import { packagesOf, reachedFrom } from './published-imports.ts';
import { demand, demandNone, type Report } from './report.ts';

/**
 * What the code of the package may read while it is imported: parts of the language, which are the same everywhere and
 * have no state. Nothing of a platform, not even to see whether it is there.
 */
const LANGUAGE = [
  'Error',
  'Float64Array',
  'Math',
  'Number',
  'Object',
  'String',
  'Symbol',
  'Uint16Array',
  'Uint8Array',
  'WeakMap',
];

/** Those and what is given; whatever else is read or set throws. What is read is added to `read`. */
function onlyLanguage(given: Readonly<Record<string, unknown>>, read: Set<string>): Globals {
  const globals = LANGUAGE.map((name): [string, unknown] => [name, Reflect.get(globalThis, name)]);
  // Workers forbid random numbers while they start.
  const { random, ...math } = Object.getOwnPropertyDescriptors(Math);
  const allowed: Record<string, unknown> = {
    ...Object.fromEntries(globals),
    Math: Object.defineProperties({}, math),
    ...given,
  };
  return {
    get(name) {
      if (!(name in allowed)) throw new Error(`it reads the global ${name}`);
      read.add(name);
      return allowed[name];
    },
    set(name) {
      throw new Error(`it sets the global ${name}`);
    },
  };
}

/** A script with all that it imports of the package, as one classic script that `require`s the other packages. */
async function classicScript(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'neutral',
    packages: 'external',
    // As a runtime evaluates it: all of it.
    treeShaking: false,
    ignoreAnnotations: true,
    target: 'es2022',
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

/** The packages that an entry imports, imported. */
async function dependenciesOf(script: string, project: string): Promise<Map<string, unknown>> {
  const { resolve } = createRequire(join(project, 'package.json'));
  const names = new Set([...reachedFrom(script)].flatMap(packagesOf));
  const modules = new Map<string, unknown>();
  for (const name of names) modules.set(name, await import(pathToFileURL(resolve(name)).href));
  return modules;
}

/** To import it reads nothing of a platform; the optional packages are there. */
export async function checkImportGlobals({ entries, project }: Consumer, report: Report): Promise<void> {
  const read = new Set<string>();
  for (const [name, { script }] of entries) {
    await report.check(`importing ${name} reads no global of a platform`, async () => {
      const modules = await dependenciesOf(script, project);
      const require = (dependency: string): unknown => modules.get(dependency);
      const exports = evaluateGuarded(await classicScript(script), onlyLanguage({ require }, read));
      const real = (await import(pathToFileURL(script).href)) as object;
      demand(
        Object.keys(exports).sort().join() === Object.keys(real).sort().join(),
        `it exports ${Object.keys(exports)}`,
      );
    });
  }
  await report.check('what reads one is noticed', () => {
    const readers = [
      'typeof process',
      'globalThis.fetch',
      'self',
      'performance.now()',
      'Date.now()',
      'Math.random()',
    ];
    const unnoticed = readers.filter((reader) => {
      try {
        evaluateGuarded(`"use strict";\nmodule.exports = { read: ${reader} };`, onlyLanguage({}, new Set()));
        return true;
      } catch {
        return false;
      }
    });
    demandNone('not noticed', unnoticed);
  });
  await report.check('what may be read is read', () => {
    demandNone(
      'never read',
      LANGUAGE.filter((name) => !read.has(name)),
    );
  });
}
