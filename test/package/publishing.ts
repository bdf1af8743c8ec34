import { readFileSync } from 'node:fs';
import type { Consumer } from './consumer.ts';
import { demand, demandNone, type Report } from './report.ts';
import { loadTool } from './tool.ts';

interface Publint {
  publint(options: object): Promise<{ readonly messages: readonly object[]; readonly pkg: object }>;
}

interface PublintUtils {
  formatMessage(message: object, pkg: object, options: { readonly color: boolean }): string | undefined;
}

/** A way to look an entry up, as attw calls it. */
type ResolutionKind = 'node10' | 'node16-cjs' | 'node16-esm' | 'bundler';

interface Problem {
  readonly kind: string;
  readonly entrypoint?: string;
  readonly resolutionKind?: ResolutionKind;
}

interface AreTheTypesWrong {
  createPackageFromTarballData(tarball: Uint8Array): object;
  checkPackage(pkg: object): Promise<{
    readonly types: false | object;
    readonly problems: readonly Problem[];
    readonly entrypoints?: Readonly<
      Record<string, { readonly resolutions: Readonly<Record<string, unknown>> }>
    >;
  }>;
}

/** What linters of packages say of the tarball. */
export async function checkPublishing(
  { installed, tarball, entries }: Consumer,
  report: Report,
): Promise<void> {
  await report.check('publint has nothing to say', async () => {
    const { publint } = await loadTool<Publint>('publint');
    const { formatMessage } = await loadTool<PublintUtils>('publint/utils');
    const { messages, pkg } = await publint({ pkgDir: installed, strict: true, pack: false });
    demandNone(
      'it says',
      messages.map((message) => formatMessage(message, pkg, { color: false }) ?? JSON.stringify(message)),
    );
  });
  await report.check('attw finds the types of every entry', async () => {
    const attw = await loadTool<AreTheTypesWrong>('@arethetypeswrong/core');
    const pkg = attw.createPackageFromTarballData(readFileSync(tarball));
    const { types, problems, entrypoints = {} } = await attw.checkPackage(pkg);
    demand(types !== false, 'it finds no types');
    demandNone(
      'it does not look at',
      [...entries.keys()].filter((name) => !(name.replace('isotinker', '.') in entrypoints)),
    );
    demandNone(
      'it says',
      problems.filter(isForUs).map((problem) => JSON.stringify(problem)),
    );
  });
}

/**
 * Its profile `esm-only`. What is published are modules alone, so it reports all of `node10`, which knows no `exports`, and
 * that CommonJS gets a module. Every supported Node can `require()` that (from 20.19 on; tried in `runtimes.ts`), and
 * TypeScript takes it with `nodenext` from 5.8 on (tried in `types.ts`).
 */
function isForUs({ kind, resolutionKind }: Problem): boolean {
  return resolutionKind !== 'node10' && kind !== 'CJSResolvesToESM';
}
