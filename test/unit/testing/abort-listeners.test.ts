import { expect, it } from 'vitest';
import { countListeners } from '../../../src/testing/abort-listeners.ts';

it('counts what is added, removed and used up', () => {
  const controller = new AbortController();
  const { signal } = controller;
  const count = countListeners(signal);
  let heard = 0;
  const listener = (): void => {
    heard += 1;
  };
  const other = (): void => {};
  signal.addEventListener('abort', listener);
  signal.addEventListener('abort', other, { once: true });
  expect([count.added, count.left]).toEqual([2, 2]);
  signal.removeEventListener('abort', other);
  expect([count.added, count.left]).toEqual([2, 1]);
  controller.abort();
  expect([count.added, count.left, heard]).toEqual([2, 0, 1]);
});
