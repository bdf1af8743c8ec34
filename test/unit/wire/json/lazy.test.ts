import { expect, it } from 'vitest';
import { lazy } from '../../../../src/wire/json/lazy.ts';

it('builds on first use, once, whatever was built', () => {
  for (const built of [{}, undefined, null, 0]) {
    let builds = 0;
    const get = lazy(() => {
      builds += 1;
      return built;
    });
    expect(builds).toBe(0);
    expect([get(), get()]).toEqual([built, built]);
    expect(builds).toBe(1);
  }
});
