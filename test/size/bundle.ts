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

/** Bundle a module as web pages are: minified, for browsers, with all it imports. */
async function bundled(
  contents: string,
  packages: 'bundle' | 'external',
): Promise<{ readonly text: string; readonly inputs: readonly (readonly [path: string, bytes: number])[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: ROOT, loader: 'js' },
    plugins: [sourcesOfEntries()],
    // Ours are bundled in any case: the plugin comes first.
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

/** Measure a module. @param contents - Its source: mostly one import that is exported again. */
export async function measure(contents: string): Promise<Bundle> {
  const [whole, own] = await Promise.all([bundled(contents, 'bundle'), bundled(contents, 'external')]);
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
