import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * A program and all it imports as one script that any page or worker can load. The library is taken from its sources.
 *
 * @param entry - Path of its TypeScript file from the repository's root.
 * @param globalName - A variable for what the program exports. None if left out.
 */
export async function bundle(entry: string, globalName?: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: ROOT,
    tsconfig: 'tsconfig.json',
    bundle: true,
    write: false,
    format: 'iife',
    ...(globalName !== undefined && { globalName }),
    platform: 'browser',
    target: 'es2022',
    logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}
