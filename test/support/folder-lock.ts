import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often a lock that another process holds is asked for. */
const ASK_AGAIN_MS = 200;
/** The file in a lock that has the id of the process that holds it. */
const OWNER = 'owner';
/** The folder in a lock whose maker alone may take it over. */
const HEIR = 'heir';

/** How to wait for a lock. */
export interface FolderLockOptions {
  /** Ends the wait, and is handed on to the work by whoever made it. */
  readonly signal?: AbortSignal | undefined;
  /** Told once, where another process has it. */
  readonly onWait?: (owner: number) => void;
}

/**
 * Work while no other process on this machine has the lock. One whose process is gone is taken over.
 *
 * @param lock - Path of a folder, which is there for as long as somebody has it.
 */
export async function withFolderLock<T>(
  lock: string,
  work: () => Promise<T>,
  { signal, onWait = () => {} }: FolderLockOptions = {},
): Promise<T> {
  signal?.throwIfAborted();
  for (let round = 0; !(take(lock) || takeOver(lock)); round++) {
    const owner = ownerOf(lock);
    if (round === 0 && owner !== undefined) onWait(owner);
    await sleep(ASK_AGAIN_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
  const release = (): void => rmSync(lock, { recursive: true, force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

/** It comes with its owner in it, so that it is nobody's at no moment: a folder does not replace one that is not empty. */
function take(lock: string): boolean {
  // Spares the disk; whoever makes it now is found out below.
  if (existsSync(lock)) return false;
  const mine = mkdtempSync(`${lock}-`);
  writeFileSync(join(mine, OWNER), String(process.pid));
  try {
    renameSync(mine, lock);
    return true;
  } catch (error) {
    rmSync(mine, { recursive: true });
    if (isCode(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

/** Nobody deletes what another may have made anew meanwhile: of those who see a dead owner, one writes itself in. */
function takeOver(lock: string): boolean {
  if (isAlive(ownerOf(lock))) return false;
  const heir = join(lock, HEIR);
  try {
    mkdirSync(heir);
  } catch (error) {
    if (isCode(error, 'EEXIST', 'ENOENT')) return false;
    throw error;
  }
  // Another may have been the heir before.
  const isMine = !isAlive(ownerOf(lock));
  if (isMine) writeFileSync(join(lock, OWNER), String(process.pid));
  rmSync(heir, { recursive: true, force: true });
  return isMine;
}

/** @returns undefined where it has been given back. */
function ownerOf(lock: string): number | undefined {
  try {
    return Number(readFileSync(join(lock, OWNER), 'utf8'));
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** One that is nobody's is not dead, but to be taken. */
function isAlive(owner: number | undefined): boolean {
  if (owner === undefined) return true;
  try {
    process.kill(owner, 0);
    return true;
  } catch (error) {
    // It may be another user's.
    return !isCode(error, 'ESRCH');
  }
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '');
}
