import { vi } from 'vitest';

/** Many microtasks, and no macrotask. */
export async function microtasks(): Promise<void> {
  for (let i = 0; i < 20; i++) await undefined;
}

/** From here on a timer is an error; `vi.unstubAllGlobals()` brings them back. */
export function forbidTimers(): void {
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) {
    vi.stubGlobal(name, () => {
      throw new Error('no timers here');
    });
  }
}
