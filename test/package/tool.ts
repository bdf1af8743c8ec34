import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { installLocked } from '../support/locked-packages.ts';

const FOLDER = fileURLToPath(new URL('tools/', import.meta.url));

/** What checks the package and builds with it: installed beside its own lock file, because nothing else needs it. */
export function installPackageTools(signal: AbortSignal): Promise<void> {
  return installLocked(FOLDER, 'what checks the package', signal);
}

/** One of these packages. @typeParam T - What is used of it. */
export async function loadTool<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(toolPath(name)).href)) as T;
}

/** The main file of one of these packages. */
export function toolPath(name: string): string {
  return createRequire(FOLDER).resolve(name);
}
