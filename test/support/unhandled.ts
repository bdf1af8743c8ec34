import { afterEach, beforeEach, expect } from 'vitest';

/** Fail each test of this file that leaves an unhandled rejection. @returns those of the running test. */
export function forbidUnhandledRejections(): readonly unknown[] {
  const unhandled: unknown[] = [];
  const remember = (reason: unknown): void => void unhandled.push(reason);
  beforeEach(() => {
    unhandled.length = 0;
    process.on('unhandledRejection', remember);
  });
  afterEach(() => {
    process.off('unhandledRejection', remember);
    expect(unhandled).toEqual([]);
  });
  return unhandled;
}
