import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { runCommand } from '../support/command.ts';

/** What is loaded: the package, or what it is compared with. */
export type Subject = 'isotinker' | 'ky + zod/mini';

export const SUBJECTS: readonly Subject[] = ['ky + zod/mini', 'isotinker'];

/** How it is loaded: from one file that a bundler made, or from `node_modules`. */
export type Form = 'bundled' | 'installed';

export const FORMS: readonly Form[] = ['bundled', 'installed'];

/** What a program prints. */
export interface StartupReport {
  readonly importMs: number;
  /** Of `createServiceClient`; 0 where there is none. */
  readonly createMs: number;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEPENDENCIES = ['idb-keyval', 'ky', 'p-limit', 'zod'];

/** One schema, as any client of a JSON API has. */
const BASE = `
  import ky from 'ky';
  import * as z from 'zod/mini';
  export const api = ky.create({ retry: 0 });
  export const schema = z.looseObject({ path: z.string() });
`;

const MODULES: Readonly<Record<Form, Readonly<Record<Subject, string>>>> = {
  bundled: { 'ky + zod/mini': BASE, isotinker: "export * from './src/index.ts';" },
  installed: { 'ky + zod/mini': BASE, isotinker: "export * from 'isotinker';" },
};

const program = (module: string): string => `
  const startedAt = performance.now();
  const { createServiceClient } = await import('./${module}');
  const importedAt = performance.now();
  createServiceClient?.({ apiKey: 'tml-bench' });
  const createdAt = performance.now();
  console.log(JSON.stringify({
    importMs: importedAt - startedAt,
    createMs: createServiceClient === undefined ? 0 : createdAt - importedAt,
  }));
`;

const WORKERS: Readonly<Record<Subject, string>> = {
  'ky + zod/mini': `${BASE}
    export const answer = () => new Response(typeof api.get + schema.safeParse({}).success);
  `,
  isotinker: `
    import { createServiceClient } from './src/index.ts';
    export const answer = () => new Response(typeof createServiceClient({ apiKey: 'tml-bench' }).close);
  `,
};

/** Write all programs to a folder, with a `node_modules` of its own. */
export async function writePrograms(folder: string): Promise<void> {
  await install(folder);
  for (const form of FORMS) {
    for (const [number, subject] of SUBJECTS.entries()) {
      const contents = MODULES[form][subject];
      const module = `${form}-${number}-module.mjs`;
      writeFileSync(join(folder, module), form === 'bundled' ? await bundleOf(contents) : contents);
      writeFileSync(programOf(folder, form, subject), program(module));
    }
  }
  for (const subject of SUBJECTS) {
    writeFileSync(workerOf(folder, subject), await bundleOf(WORKERS[subject]));
  }
}

/** Where the program is that loads this. */
export function programOf(folder: string, form: Form, subject: Subject): string {
  return join(folder, `${form}-${SUBJECTS.indexOf(subject)}.mjs`);
}

/** Where the Worker is that uses this. */
export function workerOf(folder: string, subject: Subject): string {
  return join(folder, `worker-${SUBJECTS.indexOf(subject)}.mjs`);
}

async function bundleOf(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT, loader: 'ts' },
    tsconfig: join(ROOT, 'tsconfig.json'),
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'es2022',
    logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}

/** Build the package and put it beside what it depends on, which is linked. */
async function install(folder: string): Promise<void> {
  const packages = join(folder, 'node_modules');
  const own = join(packages, 'isotinker');
  mkdirSync(own, { recursive: true });
  const { code, stderr } = await runCommand('npx', ['tsup', '--no-dts', '--out-dir', join(own, 'dist')]);
  if (code !== 0) throw new Error(`The package cannot be built: ${stderr.slice(-1000)}`);
  for (const file of ['package.json']) symlinkSync(join(ROOT, file), join(own, file));
  for (const name of DEPENDENCIES) symlinkSync(join(ROOT, 'node_modules', name), join(packages, name));
}
