import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import { withFolderLock } from './folder-lock.ts';

/** What npm is told: exactly what is locked, and none of its scripts. */
const INSTALL = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];

/**
 * Install the packages of a folder that has a package.json and a lock file of its own, unless the right ones are there.
 * None of their scripts is run. Commands that need them at the same time take turns.
 *
 * @param what - What they are, for the error: `the runtimes`.
 * @param signal - Ends the install, and the wait for another.
 */
export async function installLocked(folder: string, what: string, signal?: AbortSignal): Promise<void> {
  const wanted = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  /** The lock file that the installed packages are of. */
  const installed = join(folder, 'node_modules/.installed-lock.json');
  const isThere = (): boolean => existsSync(installed) && readFileSync(installed, 'utf8') === wanted;
  if (isThere()) return;
  const lock = join(folder, '.installing');
  const install = async (): Promise<void> => {
    if (isThere()) return;
    await installWithNpm(folder, what, signal);
    writeFileSync(installed, wanted);
  };
  await withFolderLock(lock, install, {
    signal,
    onWait: (owner) => console.log(`waiting for process ${owner}, which installs ${what} (${lock})`),
  });
}

async function installWithNpm(folder: string, what: string, signal?: AbortSignal): Promise<void> {
  // npm must not go on where this process has ended, and with it the lock.
  const exit = new AbortController();
  const end = (): void => exit.abort();
  process.once('exit', end);
  const ending = AbortSignal.any([exit.signal, ...(signal ? [signal] : [])]);
  const failure = (why: string): Error => new Error(`npm ci in ${folder}, which gets ${what}, ${why}`);
  try {
    const { code, stderr } = await runCommand('npm', INSTALL, { cwd: folder, signal: ending }).catch(
      (error: unknown) => {
        throw failure(`was ended: ${error instanceof Error ? error.message : error}`);
      },
    );
    if (code !== 0) throw failure(`failed: ${stderr.slice(-1_000)}`);
  } finally {
    process.off('exit', end);
  }
}
