import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { runCommand } from '../support/command.ts';
import type { ReadmeBlock } from './code-blocks.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A block of the README as the program that a reader makes of it. */
export interface Example {
  /** Line of the README where the block begins. */
  readonly line: number;
  /** TypeScript, if any block of it is. */
  readonly language: 'js' | 'ts';
  /** Its code, behind that of the blocks it continues. */
  readonly code: string;
  /** All that it prints: nothing, where no block of it says what. */
  readonly prints: string;
  /** Words of the error it ends with, if it does. */
  readonly fails: string | undefined;
}

/** How the program of an {@link Example} ended. */
export interface ExampleResult {
  readonly exit: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** The programs of all blocks in JavaScript and TypeScript, in the order of the README. */
export function examplesOf(blocks: readonly ReadmeBlock[]): Example[] {
  const programs = blocks.filter(({ language }) => language === 'js' || language === 'ts');
  const examples: Example[] = [];
  for (const { language, line, code, prints = '', fails, isContinuation } of programs) {
    const above = isContinuation ? examples.at(-1) : undefined;
    if (isContinuation && above === undefined) throw new Error(`README:${line} continues no block`);
    examples.push({
      line,
      language: language === 'js' && above?.language !== 'ts' ? 'js' : 'ts',
      code: (above?.code ?? '') + code,
      prints: [above?.prints ?? '', prints].filter((text) => text !== '').join('\n'),
      fails,
    });
  }
  return examples;
}

/** Examples as programs, in a folder of their own. */
export interface BuiltExamples {
  /** Run one on this Node, in a process of its own. */
  run(example: Example): Promise<ExampleResult>;
  /** Take the folder away. */
  remove(): void;
}

const fileOf = ({ line }: Example): string => `line-${line}`;

/** Bundle examples against the sources, as their readers would against the package. */
export async function buildExamples(examples: readonly Example[]): Promise<BuiltExamples> {
  const folder = mkdtempSync(join(tmpdir(), 'isotinker-readme-'));
  await build({
    entryPoints: examples.map(fileOf),
    outdir: folder,
    plugins: [virtualModules(examples)],
    absWorkingDir: ROOT,
    tsconfig: 'tsconfig.json',
    bundle: true,
    splitting: true,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    target: 'node20',
    // The package's `sideEffects: false` is not meant for these surroundings.
    ignoreAnnotations: true,
    logLevel: 'silent',
  });
  return {
    async run(example) {
      const { code, stdout, stderr } = await runCommand(
        process.execPath,
        [join(folder, `${fileOf(example)}.mjs`)],
        { env: { TINKER_API_KEY: 'tml-of-the-environment' } },
      );
      return { exit: code, stdout: stdout.trimEnd(), stderr };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** The examples, each behind its surroundings, and what only a Worker can import. */
function virtualModules(examples: readonly Example[]): Plugin {
  const find = (path: string): Example | undefined => examples.find((example) => fileOf(example) === path);
  return {
    name: 'virtual modules',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^line-/ }, ({ path, importer }) => ({
        path,
        namespace: importer === '' ? 'entry' : 'example',
      }));
      onResolve({ filter: /^cloudflare:workers$/ }, () => ({
        path: join(ROOT, 'test/readme/cloudflare-workers.ts'),
      }));
      onLoad({ filter: /./, namespace: 'entry' }, ({ path }) => {
        const deno = /\bDeno\./.test(find(path)?.code ?? '') ? ['./test/readme/deno.ts'] : [];
        const modules = ['./test/readme/surroundings.ts', ...deno, path];
        return { contents: modules.map((name) => `import '${name}';\n`).join(''), resolveDir: ROOT };
      });
      onLoad({ filter: /./, namespace: 'example' }, ({ path }) => {
        const { code = '', language = 'ts' } = find(path) ?? {};
        return { contents: code, loader: language, resolveDir: ROOT };
      });
    },
  };
}
