import { posix } from 'node:path';
import { build, type Plugin, transform } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { importsOf, parse } from './source-files.ts';

/** What `isotinker` itself consists of. */
function core(): string[] {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const { specifier, isTypeOnly } of importsOf(parse(file)))
      if (specifier.startsWith('.') && !isTypeOnly) visit(posix.join(posix.dirname(file), specifier));
  };
  visit('src/index.ts');
  return [...reached].sort();
}

/** The module under test is imported for nothing; what it imports itself has no effect. */
function onlyModule(code: string): Plugin {
  return {
    name: 'only-module',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ path }) =>
        path === 'module' ? { path, namespace: 'tested' } : { path, external: true, sideEffects: false },
      );
      onLoad({ filter: /.*/, namespace: 'tested' }, () => ({ contents: code }));
    },
  };
}

/**
 * What esbuild, which drops the least of all bundlers, keeps of a module of which nothing is used. Where modules share a chunk in what is
 * published, it is in every bundle that uses another of them.
 */
async function keptOf(typescript: string): Promise<string> {
  // First as it is published. Not minified, because that computes some of the constants.
  const { code } = await transform(typescript, { loader: 'ts', target: 'es2022' });
  const { outputFiles } = await build({
    stdin: { contents: "import 'module';" },
    plugins: [onlyModule(code)],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0]?.text.trim() ?? '';
}

describe('what a bundler can leave out', () => {
  const files = core();

  it('is asked of the whole core', () => {
    expect(files).toContain('src/wire/checked-sample.ts');
    expect(files).toContain('src/policy/breaker.ts');
  });

  it.each(files)('%s is left out where nothing of it is used', async (file) => {
    // A constant that is computed stays: write it as a literal.
    expect(await keptOf(parse(file).text)).toBe('');
  });

  it.each([
    'export const MAX = 2 ** 31 - 1;',
    'export const MIN = -(2n ** 63n);',
    'export const SIZES = [1, 2 ** 20];',
    "export const NAMES = new Set(['a', 'b'].map(String));",
    'export class Shape { static none = make(); }\nfunction make() { return {}; }',
  ])('is not %s', async (code) => {
    expect(await keptOf(code)).not.toBe('');
  });
});
