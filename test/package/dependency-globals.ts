import vm from 'node:vm';
import { build } from 'esbuild';
import type { Consumer } from './consumer.ts';
import { evaluateGuarded, type Globals } from './guarded-evaluation.ts';
import { demand, type Report } from './report.ts';

/**
 * What of a platform the packages read while they are imported, beyond the language. None of it has an effect: ky looks
 * which of them are there, and measures texts with one; zod keeps its settings where all of its copies find them.
 */
const READ_BY: Readonly<Record<string, readonly string[]>> = {
  ky: [
    'TextEncoder',
    'globalThis.AbortController',
    'globalThis.AbortSignal',
    'globalThis.FormData',
    'globalThis.ReadableStream',
    'globalThis.Request',
  ],
  'zod/mini': ['globalThis.__zod_globalConfig', 'globalThis.__zod_globalRegistry'],
  'p-limit': [],
  'idb-keyval': [],
  '@huggingface/jinja': [],
  '@huggingface/tokenizers': [],
};

/** Remembers what is read and set, and lets it pass. What is set stays here. */
function recording(language: ReadonlySet<string>, read: Set<string>): Globals {
  const kept = new Map<string, unknown>();
  const get = (name: string): unknown => {
    if (!language.has(name.replace('globalThis.', ''))) read.add(name);
    return kept.get(name) ?? Reflect.get(globalThis, name.replace('globalThis.', ''));
  };
  const set = (name: string, value: unknown): void => {
    read.add(name);
    kept.set(name, value);
  };
  const global = new Proxy(
    {},
    {
      get: (_, name) => get(`globalThis.${String(name)}`),
      set: (_, name, value) => {
        set(`globalThis.${String(name)}`, value);
        return true;
      },
    },
  );
  return { get: (name) => (name === 'globalThis' ? global : get(name)), set };
}

async function bundled(specifier: string, project: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `export * from '${specifier}';`, resolveDir: project },
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'browser',
    target: 'es2022',
  });
  return outputFiles[0]?.text ?? '';
}

/** What the package depends on reads no more of a platform than is known. */
export async function checkDependencyGlobals({ project, manifest }: Consumer, report: Report): Promise<void> {
  await report.check('it is known of every dependency what it reads while it is imported', () => {
    const names = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
      .sort()
      .join();
    const known = Object.keys(READ_BY).map((name) => name.replace('/mini', ''));
    demand(known.sort().join() === names, `known are ${known.join()}`);
  });
  // A context without a platform has what the language has.
  const names = vm.runInNewContext('Object.getOwnPropertyNames(globalThis).join()') as string;
  const language = new Set(names.split(','));
  for (const [specifier, known] of Object.entries(READ_BY)) {
    await report.check(`importing ${specifier} reads what it is known to read`, async () => {
      const read = new Set<string>();
      const exports = evaluateGuarded(await bundled(specifier, project), recording(language, read));
      demand(Object.keys(exports).length > 0, 'it exports nothing');
      demand([...read].sort().join() === known.join(), `it reads ${[...read].sort().join()}`);
    });
  }
}
