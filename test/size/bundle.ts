import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What a user's bundler makes of some imports. */
export interface Bundle {
  /** Minified. */
  readonly text: string;
  readonly minifiedBytes: number;
  readonly gzipBytes: number;
  /** The same without the packages that it imports. */
  readonly ownGzipBytes: number;
  /** Names of those packages. */
  readonly packages: readonly string[];
  /** Minified bytes of our sources in it, by folder of `src`. */
  readonly layers: ReadonlyMap<string, number>;
}

/** Entries of the package are its sources: `dist/chat/index.js` is made of `src/chat/index.ts`. */
function sourcesOfEntries(): Plugin {
  const { exports } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  return {
    name: 'sources-of-entries',
    setup({ onResolve }) {
      onResolve({ filter: /^isotinker(\/|$)/ }, ({ path }) => {
        const entry = exports[path.replace('isotinker', '.')];
        if (typeof entry !== 'object') return { errors: [{ text: `The package has no entry ${path}` }] };
        return { path: ROOT + entry.default.replace(/^\.\/dist/, 'src').replace(/\.js$/, '.ts') };
      });
    },
  };
}

/** What the package depends on is that of the repository's lock file: other versions are of other sizes. */
function lockedPackages(): Plugin {
  const isHere = Symbol('is here');
  return {
    name: 'locked-packages',
    setup({ onResolve, resolve }) {
      onResolve({ filter: /^[^./]/ }, ({ path, kind, pluginData }) =>
        pluginData === isHere || /^isotinker(\/|$)/.test(path)
          ? undefined
          : resolve(path, { kind, resolveDir: ROOT, pluginData: isHere }),
      );
    },
  };
}

/** Where a bundle's imports are found. */
interface Found {
  /** The folder that the module is in. */
  readonly resolveDir: string;
  readonly plugin: Plugin;
  /** Whether packages are bundled too. Ours is in any case: plugins come first. */
  readonly packages: 'bundle' | 'external';
}

/** Bundle a module as web pages are: minified, for browsers, with all it imports. */
async function bundled(
  contents: string,
  { resolveDir, plugin, packages }: Found,
): Promise<{ readonly text: string; readonly inputs: readonly (readonly [path: string, bytes: number])[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir, loader: 'js' },
    plugins: [plugin],
    packages,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const [output] = Object.values(metafile.outputs);
  const inputs = Object.entries(output?.inputs ?? {}).map(
    ([path, { bytesInOutput }]) => [path, bytesInOutput] as const,
  );
  return { text: outputFiles[0]?.text ?? '', inputs };
}

/** Bytes of a text as servers send it, at best. */
const gzipBytes = (text: string): number => gzipSync(text, { level: 9 }).length;

/**
 * Measure a module with the package as it is installed in a project.
 *
 * @param contents - Its source: one import that is exported again.
 */
export async function measureInstalled(
  contents: string,
  project: string,
): Promise<Pick<Bundle, 'text' | 'gzipBytes'>> {
  const found: Found = { resolveDir: project, plugin: lockedPackages(), packages: 'bundle' };
  const { text, inputs } = await bundled(contents, found);
  const sources = inputs.filter(([path]) => !path.includes('node_modules/') && path !== '<stdin>');
  if (sources.length > 0) throw new Error(`${sources.join()} is not of the installed package`);
  return { text, gzipBytes: gzipBytes(text) };
}

/** Measure a module with the sources. @param contents - Its source: mostly one import that is exported again. */
export async function measure(contents: string): Promise<Bundle> {
  const found = { resolveDir: ROOT, plugin: sourcesOfEntries() };
  const [whole, own] = await Promise.all([
    bundled(contents, { ...found, packages: 'bundle' }),
    bundled(contents, { ...found, packages: 'external' }),
  ]);
  const packages = new Set<string>();
  const layers = new Map<string, number>();
  for (const [path, bytes] of whole.inputs) {
    const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
    const [, layer] = /(?:^|\/)src\/(\w+)\//.exec(path) ?? [];
    if (name !== undefined && bytes > 0) packages.add(name);
    else if (layer !== undefined) layers.set(layer, (layers.get(layer) ?? 0) + bytes);
  }
  return {
    text: whole.text,
    minifiedBytes: Buffer.byteLength(whole.text),
    gzipBytes: gzipBytes(whole.text),
    ownGzipBytes: gzipBytes(own.text),
    packages: [...packages].sort(),
    layers,
  };
}
