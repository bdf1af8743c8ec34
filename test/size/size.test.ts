import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Feature, HEADROOM, MARKS, PARTS } from './parts.ts';
import { blockIn, type MeasuredPart, measureSizes, type Sizes, sizesBlock } from './table.ts';

let sizes: Sizes;
beforeAll(async () => {
  sizes = await measureSizes();
});

const measured = (name: string): MeasuredPart => {
  const found = sizes.parts.find(({ part }) => part.name === name);
  if (found === undefined) throw new Error(`${name} was not measured`);
  return found;
};

const NUMBER = /\d+\.\d+/g;

describe.each(PARTS)('a bundle of $name', ({ name, ceiling, without }) => {
  it('is below its ceiling, which is not far above', () => {
    const { gzipBytes } = measured(name).bundle;
    // Larger for a good reason? Then raise the ceiling in the commit that needs it. Smaller? Then lower it.
    expect(gzipBytes).toBeLessThanOrEqual(ceiling);
    expect(gzipBytes).toBeGreaterThanOrEqual(Math.floor(ceiling * (1 - HEADROOM)));
  });

  it('has nothing of what it does without', () => {
    const { text } = measured(name).bundle;
    expect(without.filter((feature) => text.includes(MARKS[feature]))).toEqual([]);
  });
});

it.each(Object.keys(MARKS) as Feature[])('%s would be found where it does not belong', (feature) => {
  const holders = sizes.parts.filter(({ bundle }) => bundle.text.includes(MARKS[feature]));
  expect(holders.map(({ part }) => part.name)).not.toEqual([]);
});

it('bundles no package where none is needed, and the right ones elsewhere', () => {
  const packagesOf = (name: string) => measured(name).bundle.packages;
  const client = ['ky', 'p-limit', 'yocto-queue', 'zod'];
  expect(packagesOf('sampling: `createSamplingService`')).toEqual(client);
  expect(packagesOf('all of `isotinker`')).toEqual(client);
  expect(packagesOf('`isTinkerError`')).toEqual([]);
  expect(packagesOf('`createEmulator` of `isotinker/emulator`')).toEqual([]);
  expect(sizes.others.packages.packages).toEqual(client);
  expect(sizes.others.openai.packages).toEqual(['openai']);
});

it('is what the README says, up to a rounding (`npm run sizes` writes it)', () => {
  const readme = blockIn(readFileSync(new URL('../../README.md', import.meta.url), 'utf8'));
  const now = sizesBlock(sizes);
  expect(readme.replace(NUMBER, '#')).toBe(now.replace(NUMBER, '#'));
  const current = now.match(NUMBER) ?? [];
  const drifted = (readme.match(NUMBER) ?? []).filter((number, index) => {
    // A rounding is one in the last digit.
    const decimals = number.split('.')[1]?.length ?? 0;
    return !(Math.abs(Number(number) - Number(current[index])) < 1.5 * 10 ** -decimals);
  });
  expect(drifted).toEqual([]);
});
