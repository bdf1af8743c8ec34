import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readmeExample } from '../readme/code-blocks.ts';
import { deno } from '../runtimes/tools.ts';
import { type CommandResult, runCommand } from '../support/command.ts';
import { type Consumer, ROOT } from './consumer.ts';
import { demand, demandNone, type Report } from './report.ts';

interface JsrManifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
}

/** The sources as JSR would take them: a copy, because Deno may write beside what it reads. */
function copySources(folder: string): string {
  const copy = join(folder, 'jsr');
  mkdirSync(copy);
  // With package.json it takes the packages from node_modules, and needs no network.
  for (const name of ['src', 'jsr.json', 'package.json', 'README.md', 'CHANGELOG.md', 'LICENSE'])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

function runDeno(folder: string, args: readonly string[]): Promise<CommandResult> {
  const env = { NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(folder, '.deno') };
  return runCommand(deno(), args, { cwd: folder, env });
}

/** JSR gets the same version, the same entries and the same dependencies, as sources. */
export async function checkJsr({ folder, manifest }: Consumer, report: Report): Promise<void> {
  const jsr = JSON.parse(readFileSync(join(ROOT, 'jsr.json'), 'utf8')) as JsrManifest;
  await report.check('jsr.json has the version and the entries of package.json', () => {
    demand(jsr.version === manifest.version, `it has version ${jsr.version}, not ${manifest.version}`);
    const scripts = Object.entries(manifest.exports).flatMap(([path, entry]) =>
      typeof entry === 'string' ? [] : [`${path} ${entry['default']}`],
    );
    const sources = Object.entries(jsr.exports).map(
      ([path, file]) => `${path} ${file.replace('./src/', './dist/').replace(/\.ts$/, '.js')}`,
    );
    demand(sources.join() === scripts.join(), `it has ${sources.join()}`);
  });
  await report.check('jsr.json has the dependencies of package.json', () => {
    const ranges = { ...manifest.dependencies, ...manifest.peerDependencies };
    const wrong = Object.entries(jsr.imports).filter(([specifier, target]) => {
      const [, name = '', range = '', path = ''] = /^npm:(@?[^@]+)@([^/]+)(\/.*)?$/.exec(target) ?? [];
      // One range is all that a specifier can have.
      return specifier !== name + path || ranges[name]?.split(' || ').includes(range) !== true;
    });
    demandNone('wrong', wrong.map(String));
    demand(Object.keys(jsr.imports).length === Object.keys(ranges).length, 'it has others');
  });
  const copy = copySources(folder);
  await report.check('JSR takes the sources, without slow types', async () => {
    const { code, stderr } = await runDeno(copy, ['publish', '--dry-run', '--allow-dirty']);
    demand(code === 0 && /Dry run complete/.test(stderr), `ended with ${code}: ${stderr.slice(-2_000)}`);
    demand(!/^(Download|Warning|warning)\b/m.test(stderr), stderr.slice(0, 2_000));
    demandNone(
      'not simulated for publishing',
      Object.values(jsr.exports).filter((file) => !stderr.includes(file.slice(2))),
    );
  });
  await report.check("Deno runs the README's example on the sources", async () => {
    const imports = Object.entries(jsr.exports).map(([path, file]) => [path.replace('.', 'isotinker'), file]);
    const config = { nodeModulesDir: 'manual', imports: { ...jsr.imports, ...Object.fromEntries(imports) } };
    writeFileSync(join(copy, 'deno.json'), JSON.stringify(config));
    writeFileSync(join(copy, 'train.mjs'), readmeExample().code);
    const { code, stdout, stderr } = await runDeno(copy, ['run', '--cached-only', '--no-lock', 'train.mjs']);
    demand(code === 0 && stdout.trim() === readmeExample().prints, `ended with ${code}: ${stdout}${stderr}`);
  });
}
