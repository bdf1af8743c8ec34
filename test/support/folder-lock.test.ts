import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTemporaryFolder, type TemporaryFolder } from '../runtimes/temporary-folder.ts';
import { withFolderLock } from './folder-lock.ts';

let folder: TemporaryFolder;
let lock: string;

beforeEach(() => {
  folder = openTemporaryFolder('folder-lock');
  lock = join(folder.path, '.installing');
});
afterEach(() => folder.drop());

function heldBy(owner: number): void {
  mkdirSync(lock);
  writeFileSync(join(lock, 'owner'), String(owner));
}

/** The id of a process that has ended. */
function deadProcess(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

/** Work of a few turns, and how much of it there was at once. */
function countedWork(): { work(): Promise<void>; most(): number } {
  let [inside, most] = [0, 0];
  return {
    async work() {
      inside += 1;
      most = Math.max(most, inside);
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
      inside -= 1;
    },
    most: () => most,
  };
}

describe('withFolderLock', () => {
  it('lets one work at a time, and leaves nothing behind', async () => {
    const busy = countedWork();
    await Promise.all([1, 2, 3].map(() => withFolderLock(lock, busy.work)));
    expect(busy.most()).toBe(1);
    expect(readdirSync(dirname(lock))).toEqual([]);
  });

  it('is given back where the work fails', async () => {
    const failure = new Error('no');
    await expect(withFolderLock(lock, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(existsSync(lock)).toBe(false);
  });

  it('is taken over by one alone where its process is gone', async () => {
    heldBy(deadProcess());
    const busy = countedWork();
    await Promise.all([1, 2].map(() => withFolderLock(lock, busy.work)));
    expect(busy.most()).toBe(1);
    expect(readdirSync(dirname(lock))).toEqual([]);
  });

  it('is waited for until the signal, where another process has it', async () => {
    heldBy(process.ppid);
    const ending = new AbortController();
    const reason = new Error('no end');
    const owners: number[] = [];
    let isDone = false;
    const waiting = withFolderLock(
      lock,
      async () => {
        isDone = true;
      },
      {
        signal: ending.signal,
        onWait(owner) {
          owners.push(owner);
          ending.abort(reason);
        },
      },
    );
    await expect(waiting).rejects.toBe(reason);
    expect([owners, isDone, existsSync(lock)]).toEqual([[process.ppid], false, true]);
  });
});
