import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './command.ts';

/**
 * Install the packages of a folder that has a package.json and a lock file of its own, unless the right ones are there.
 * None of their scripts is run.
 *
 * @param what - What they are, for the error: `the runtimes`.
 */
export async function installLocked(folder: string, what: string): Promise<void> {
  const wanted = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  /** The lock file that the installed packages are of. */
  const installed = join(folder, 'node_modules/.installed-lock.json');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === wanted) return;
  const result = await runCommand('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
  });
  if (result.code !== 0)
    throw new Error(`npm ci in ${folder}, which gets ${what}, failed: ${result.stderr.slice(-1_000)}`);
  writeFileSync(installed, wanted);
}
