import { join } from 'node:path';
import { build as esbuild, formatMessages, type Plugin } from 'esbuild';
import type { EntryFiles } from './consumer.ts';
import { loadTool, toolPath } from './tool.ts';

/** An application, and what its bundler is to make of it. */
export interface BundleJob {
  /** The consumer's folder. */
  readonly project: string;
  /** File of the application in it. */
  readonly app: string;
  /** Where what is made goes, which only one bundler uses. */
  readonly out: string;
  /** The package's entries in a copy that is not in node_modules. */
  readonly linked: ReadonlyMap<string, EntryFiles>;
  readonly minify: boolean;
}

/** What a bundler made. */
export interface Bundle {
  /** The script. */
  readonly file: string;
  /** All that the bundler has to say. */
  readonly warnings: readonly string[];
}

/** Bundlers as applications use them: for pages, without a setting that hides a warning. */
export const BUNDLERS: Readonly<Record<string, (job: BundleJob) => Promise<Bundle>>> = {
  esbuild: withEsbuild,
  rollup: withRollup,
  vite: withVite,
  webpack: withWebpack,
};

/** Of what is in node_modules esbuild says nothing; of a package that is linked it does. */
async function withEsbuild({ project, app, out, linked, minify }: BundleJob): Promise<Bundle> {
  const file = join(out, 'app.mjs');
  const { warnings } = await esbuild({
    entryPoints: [join(project, app)],
    absWorkingDir: project,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify,
    plugins: [takenFrom(linked)],
    outfile: file,
    logLevel: 'silent',
  });
  return { file, warnings: await formatMessages(warnings, { kind: 'warning' }) };
}

function takenFrom(linked: BundleJob['linked']): Plugin {
  return {
    name: 'linked',
    setup({ onResolve }) {
      onResolve({ filter: /^isotinker(\/|$)/ }, ({ path }) => {
        const script = linked.get(path)?.script;
        return script === undefined ? undefined : { path: script, sideEffects: false };
      });
    },
  };
}

interface RollupLog {
  readonly message: string;
  /** Files it is about. */
  readonly id?: string;
  readonly ids?: readonly string[];
}

interface Rollup {
  rollup(options: object): Promise<{ write(options: object): Promise<unknown>; close(): Promise<void> }>;
}

async function withRollup({ project, app, out }: BundleJob): Promise<Bundle> {
  const { rollup } = await loadTool<Rollup>('rollup');
  const { nodeResolve } = await loadTool<{ nodeResolve: (options: object) => object }>(
    '@rollup/plugin-node-resolve',
  );
  const warnings: string[] = [];
  const bundle = await rollup({
    input: join(project, app),
    plugins: [nodeResolve({ browser: true })],
    onwarn: (log: RollupLog) => {
      if (!isOfOthers(log)) warnings.push(log.message);
    },
  });
  const file = join(out, 'app.mjs');
  await bundle.write({ file, format: 'es', sourcemap: true });
  await bundle.close();
  return { file, warnings };
}

/** Rollup alone warns of what packages do among themselves: zod's modules import each other in circles. */
function isOfOthers({ id, ids = [] }: RollupLog): boolean {
  const files = id === undefined ? ids : [id, ...ids];
  return files.length > 0 && files.every((file) => /\/node_modules\/(?!isotinker\/)/.test(file));
}

interface Vite {
  build(options: object): Promise<unknown>;
  createLogger(): Record<'warn' | 'warnOnce' | 'error' | 'info', (message: string) => void>;
}

async function withVite({ project, app, out, minify }: BundleJob): Promise<Bundle> {
  const { build, createLogger } = await loadTool<Vite>('vite');
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  await build({
    root: project,
    configFile: false,
    envDir: false,
    logLevel: 'warn',
    customLogger: { ...createLogger(), warn, warnOnce: warn, error: warn, info: () => {} },
    build: {
      outDir: out,
      emptyOutDir: true,
      minify,
      sourcemap: true,
      rollupOptions: { input: join(project, app), output: { entryFileNames: 'app.mjs' } },
    },
  });
  return { file: join(out, 'app.mjs'), warnings };
}

interface Stats {
  toJson(options: object): {
    readonly warnings: readonly RollupLog[];
    readonly errors: readonly RollupLog[];
  };
}

interface Compiler {
  run(done: (error: Error | null, stats: Stats) => void): void;
  close(done: () => void): void;
}

/** With the loader that reads packages' source maps, which warns of those whose sources it cannot find. */
async function withWebpack({ project, app, out, minify }: BundleJob): Promise<Bundle> {
  const { default: webpack } = await loadTool<{ default: (options: object) => Compiler }>('webpack');
  const compiler = webpack({
    context: project,
    entry: join(project, app),
    mode: 'production',
    target: ['web', 'es2022'],
    devtool: 'source-map',
    output: { path: out, filename: 'app.mjs', module: true, chunkFormat: 'module' },
    experiments: { outputModule: true },
    optimization: { minimize: minify },
    // It is about how large an application should be, and this one has a model in it.
    performance: { hints: false },
    module: {
      rules: [
        {
          test: /\.js$/,
          include: join(project, 'node_modules/isotinker'),
          enforce: 'pre',
          use: [toolPath('source-map-loader')],
        },
      ],
    },
  });
  const stats = await new Promise<Stats>((resolve, reject) => {
    compiler.run((error, result) => (error === null ? resolve(result) : reject(error)));
  });
  await new Promise<void>((resolve) => compiler.close(resolve));
  const { warnings, errors } = stats.toJson({ all: false, warnings: true, errors: true });
  return { file: join(out, 'app.mjs'), warnings: [...errors, ...warnings].map(({ message }) => message) };
}
