import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { installLocked } from '../support/locked-packages.ts';
import { aborted } from './aborted.ts';

// The runtimes that npm carries, at the exact versions of the lock file beside this one. Their programs are in packages
// of their own, one per platform, so that no install script needs to run.

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const INSTALLED = `${FOLDER}node_modules/`;

let installation: Promise<void> | undefined;

/**
 * Install the runtimes, unless the right ones are there: once, whoever asks. Call it before anything below.
 *
 * @param signal - Ends the wait; that of the first who asks ends the install too.
 */
export function installTools(signal?: AbortSignal): Promise<void> {
  installation ??= installLocked(FOLDER, 'the runtimes', signal);
  return signal === undefined ? installation : Promise.race([installation, aborted(signal)]);
}

/** A runtime, by the name of its package. */
export type Tool = 'bun' | 'deno' | 'node-20' | 'node-22' | 'node-24' | 'workerd';

/** @returns the exact version that is installed. */
export function toolVersion(tool: Tool): string {
  const { devDependencies, optionalDependencies } = JSON.parse(
    readFileSync(`${FOLDER}package.json`, 'utf8'),
  ) as Record<string, Readonly<Record<string, string>>>;
  const wanted = devDependencies?.[tool] ?? optionalDependencies?.[`${tool}-linux-x64`];
  if (wanted === undefined) throw new Error(`test/runtimes/package.json has no ${tool}`);
  return wanted.slice(wanted.lastIndexOf('@') + 1);
}

/** @returns the program of Node 20, of the oldest version that the package promises to run on. */
export function node20(): string {
  return programOf({ x64: 'node-20-linux-x64/bin/node', arm64: 'node-20-linux-arm64/bin/node' });
}

/** @returns the program of Node 22. */
export function node22(): string {
  return programOf({ x64: 'node-22-linux-x64/bin/node', arm64: 'node-22-linux-arm64/bin/node' });
}

/** @returns the program of Node 24. */
export function node24(): string {
  return programOf({ x64: 'node-24-linux-x64/bin/node', arm64: 'node-24-linux-arm64/bin/node' });
}

/** @returns the program of Deno. */
export function deno(): string {
  return programOf({ x64: '@deno/linux-x64-glibc/deno', arm64: '@deno/linux-arm64-glibc/deno' });
}

/** @returns the program of Bun. */
export function bun(): string {
  return programOf({ x64: '@oven/bun-linux-x64/bin/bun', arm64: '@oven/bun-linux-aarch64/bin/bun' });
}

/** @returns the program of workerd, the runtime of Cloudflare's Workers. */
export function workerd(): string {
  return programOf({
    x64: '@cloudflare/workerd-linux-64/bin/workerd',
    arm64: '@cloudflare/workerd-linux-arm64/bin/workerd',
  });
}

/** @param file - Where it is among the installed packages, by architecture. */
function programOf(file: Readonly<Record<string, string>>): string {
  const here = process.platform === 'linux' ? file[process.arch] : undefined;
  if (here === undefined)
    throw new Error(`No runtimes are known for ${process.platform} on ${process.arch}, only for Linux`);
  const program = INSTALLED + here;
  if (!existsSync(program)) throw new Error(`${program} is missing: delete ${INSTALLED}, and run this again`);
  return program;
}
