import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An empty folder that is gone after use, or at the latest with this process. */
export interface TemporaryFolder {
  readonly path: string;
  /** Delete it and all that is in it. */
  drop(): void;
}

/** Make one. @param name - What its own name begins with. */
export function openTemporaryFolder(name: string): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), `isotinker-${name}-`));
  const drop = (): void => {
    process.off('exit', drop);
    // Programs that are just ending may still write.
    rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  process.once('exit', drop);
  return { path, drop };
}

/** Work with a temporary folder. @returns what the work gives. */
export async function withTemporaryFolder<T>(name: string, work: (path: string) => Promise<T>): Promise<T> {
  const { path, drop } = openTemporaryFolder(name);
  try {
    return await work(path);
  } finally {
    drop();
  }
}
