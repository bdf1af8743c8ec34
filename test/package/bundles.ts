import { copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readmeExample } from '../readme/code-blocks.ts';
import { runCommand } from '../support/command.ts';
import { BUNDLERS, type BundleJob } from './bundlers.ts';
import { type Consumer, entriesOf, ROOT } from './consumer.ts';
import { demand, demandNone, type Report } from './report.ts';

/** What `every-entry.mjs` prints. */
const EVERY_ENTRY = 'true true 2 97  true 0 input_invalid';
/**
 * Most bytes of the guard alone, eight more than it has: it recognises a brand, and carries none of the classes, nor a
 * constant of another module in its chunk. rollup does not minify.
 */
const MOST_GUARD_BYTES: Readonly<Record<string, number>> = {
  esbuild: 168,
  rollup: 355,
  vite: 190,
  webpack: 158,
};
const GUARD = "import { isTinkerError } from 'isotinker';\nconsole.log(isTinkerError(new Error('none')));\n";

/** An application, and what it prints. */
interface App {
  readonly name: string;
  readonly file: string;
  readonly prints: string;
}

/** Applications of the core and the emulator: the optional packages are not there. */
export async function checkCoreBundles(consumer: Consumer, report: Report): Promise<void> {
  cpSync(consumer.installed, join(consumer.project, 'linked'), { recursive: true });
  const { code, prints } = readmeExample();
  writeFileSync(join(consumer.project, 'core-app.mjs'), code);
  await checkApp(consumer, report, { name: "the README's example", file: 'core-app.mjs', prints });
  writeFileSync(join(consumer.project, 'guard.mjs'), GUARD);
  for (const [bundler, build] of Object.entries(BUNDLERS)) {
    await report.check(`${bundler} leaves all out that isTinkerError does not need`, async () => {
      const { file } = await build(jobOf(consumer, bundler, { app: 'guard.mjs', minify: true }));
      demand((await outputOf(file)) === 'false', 'it does not run');
      const bytes = readFileSync(file);
      console.log(`        ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} with gzip`);
      const most = MOST_GUARD_BYTES[bundler] ?? 0;
      demand(bytes.length <= most, `it has ${bytes.length} bytes, more than ${most}`);
    });
  }
}

/** An application of every entry: the optional packages are there. */
export async function checkEntryBundles(consumer: Consumer, report: Report): Promise<void> {
  const file = 'every-entry.mjs';
  copyFileSync(join(ROOT, 'test/package', file), join(consumer.project, file));
  await report.check('the application of every entry has every entry', () => {
    const text = readFileSync(join(consumer.project, file), 'utf8');
    demandNone(
      'missing',
      [...consumer.entries.keys()].filter((entry) => !text.includes(`from '${entry}'`)),
    );
  });
  await checkApp(consumer, report, { name: 'an application of every entry', file, prints: EVERY_ENTRY });
}

async function checkApp(consumer: Consumer, report: Report, { name, file, prints }: App): Promise<void> {
  for (const [bundler, build] of Object.entries(BUNDLERS)) {
    await report.check(`${bundler} builds ${name} without a warning, and it runs`, async () => {
      const bundle = await build(jobOf(consumer, bundler, { app: file, minify: false }));
      demandNone('warnings', bundle.warnings);
      const printed = await outputOf(bundle.file);
      demand(printed === prints, `it printed ${printed}`);
    });
  }
}

function jobOf(
  { folder, project, manifest }: Consumer,
  bundler: string,
  job: Pick<BundleJob, 'app' | 'minify'>,
): BundleJob {
  const out = join(folder, 'bundles', `${bundler}-${job.app}`);
  return { ...job, project, out, linked: entriesOf(join(project, 'linked'), manifest) };
}

async function outputOf(file: string): Promise<string> {
  const { code, stdout, stderr } = await runCommand(process.execPath, [file]);
  demand(code === 0, `ended with ${code}: ${stderr.slice(-1_000)}`);
  return stdout.trim();
}
