import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Consumer } from './consumer.ts';
import { importsOf, packagesOf, reachedFrom } from './published-imports.ts';
import { demand, demandNone, type Report } from './report.ts';

/** What must not be in the core: of the emulator, the test tools, tokenizers, chat and stores. */
const NOT_CORE = /isotinker-tiny|createEmulator|createVirtualClock|tokenizer\.json|chat_template|indexedDB/;

/** What is in the tarball, and what of it needs what. */
export async function checkContents(
  { installed, manifest, entries }: Consumer,
  report: Report,
): Promise<void> {
  const { check } = report;
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
  const withEnd = (end: string): string[] =>
    files.filter((file) => file.endsWith(end)).map((file) => join(installed, file));

  await check('every export is there', () => {
    const targets = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    );
    demand(targets.length > 4, `there are ${targets.length}`);
    demandNone(
      'missing',
      targets.filter((target) => !existsSync(join(installed, target))),
    );
  });
  await check('it ships its licence, README and changelog, and no sources', () => {
    for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md']) demand(files.includes(file), `no ${file}`);
    demandNone(
      'strays',
      files.filter((file) => /^(src|test|playground)\b/.test(file)),
    );
  });
  await check('its code imports its own files and the packages it declares, nothing of Node', () => {
    const packages = withEnd('.js').flatMap(packagesOf);
    const known = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    demand(packages.includes('ky'), 'no code found');
    demandNone(
      'imports',
      packages.filter((name) => !known.some((one) => name === one || name.startsWith(`${one}/`))),
    );
  });
  await check('its declarations stand alone, without zod', () => {
    const declarations = withEnd('.d.ts');
    demand(declarations.length >= entries.size, `there are ${declarations.length}`);
    demandNone('imports', declarations.flatMap(packagesOf));
  });
  await check('the core carries neither the emulator, the test tools, tokenizers, chat nor stores', () => {
    const core = [...reachedFrom(join(installed, 'dist/index.js'))];
    demandNone(
      'found in',
      core.filter((file) => NOT_CORE.test(readFileSync(file, 'utf8'))),
    );
  });
  await check('only the entries of tokenizers and chat reach an optional package', () => {
    const optional = Object.keys(manifest.peerDependencies);
    const reaching = [...entries].filter(([, { script }]) =>
      [...reachedFrom(script)].some((file) => importsOf(file).some((name) => optional.includes(name))),
    );
    const names = reaching.map(([name]) => name);
    demand(names.join() === 'isotinker/chat,isotinker/tokenizer', `reached from ${names.join(', ')}`);
  });
  const bytes = (list: readonly string[]): number => list.reduce((sum, file) => sum + statSync(file).size, 0);
  console.log(
    `        ${files.length} files, ${kB(bytes(withEnd('')))} unpacked: ` +
      `${kB(bytes(withEnd('.js')))} code, ${kB(bytes(withEnd('.d.ts')))} declarations, ` +
      `${kB(bytes(withEnd('.map')))} source maps`,
  );
}

function kB(bytes: number): string {
  return `${Math.round(bytes / 1_000)} kB`;
}
