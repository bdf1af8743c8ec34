import type { LockSource } from '../../src/tokenizer/hub/web-locks.ts';

/** Locks as the platform's: in order, one holder of a name at a time, and an abort ends the waiting. */
export function createFakeLocks(): LockSource & { readonly names: readonly string[] } {
  const tails = new Map<string, Promise<unknown>>();
  const names: string[] = [];
  return {
    names,
    async request(name, { signal }, work) {
      names.push(name);
      signal.throwIfAborted();
      const before = tails.get(name) ?? Promise.resolve();
      let isAbandoned = false;
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => {
          isAbandoned = true;
          reject(signal.reason);
        });
      });
      const turn = before.then(() => (isAbandoned ? undefined : work()));
      tails.set(
        name,
        turn.catch(() => {}),
      );
      const held = before.then(() => turn);
      aborted.catch(() => {});
      return (await Promise.race([held, aborted])) as Awaited<ReturnType<typeof work>>;
    },
  };
}
