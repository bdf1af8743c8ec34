import { describe, expect, it } from 'vitest';
import { createPool } from '../../../../src/emulator/model/pool.ts';

function counted() {
  let made = 0;
  return createPool(() => ++made);
}

describe('a pool', () => {
  it('lends the same object again', () => {
    const pool = counted();
    expect([1, 2, 3].map(() => pool.use((item) => item))).toEqual([1, 1, 1]);
  });

  it('never lends an object twice at a time', () => {
    const pool = counted();
    const nested = () => pool.use((outer) => pool.use((inner) => [outer, inner].sort()));
    expect([nested(), nested(), nested()]).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  it('takes an object back from work that threw', () => {
    const pool = counted();
    const fail = () =>
      pool.use(() => {
        throw new Error('no');
      });
    expect(fail).toThrow('no');
    expect(pool.use((item) => item)).toBe(1);
  });
});
