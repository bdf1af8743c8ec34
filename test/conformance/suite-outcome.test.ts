import { describe, expect, it } from 'vitest';
import { outcomeOf, type RunSuite } from './suite-outcome.ts';

const never = new AbortController().signal;
const troublesOf = async (run: RunSuite): Promise<readonly string[]> =>
  (await outcomeOf('Node', run, never)).troubles;

describe('outcomeOf', () => {
  it('keeps what was told', async () => {
    const outcome = await outcomeOf(
      'Node',
      async (tell) => {
        tell({ cases: ['one', 'two'] });
        tell({ name: 'one', value: 'a' });
        tell({ name: 'two', error: 'no' });
        tell({ isOver: true });
      },
      never,
    );
    expect(outcome).toMatchObject({
      runtime: 'Node',
      cases: ['one', 'two'],
      results: [
        { name: 'one', value: 'a' },
        { name: 'two', error: 'no' },
      ],
      isOver: true,
      troubles: [],
    });
  });

  it('names the case in which a runtime failed', async () => {
    const troubles = await troublesOf(async (tell) => {
      tell({ cases: ['one', 'two'] });
      tell({ name: 'one' });
      throw new Error('ended with SIGSEGV');
    });
    expect(troubles).toEqual(['in case 2 of 2, "two": ended with SIGSEGV']);
  });

  it('fails a runtime that ends by itself before the suite is over', async () => {
    const troubles = await troublesOf(async (tell) => {
      tell({ cases: ['one'] });
      tell({ name: 'one' });
    });
    expect(troubles).toEqual(['after the last case: ended before the suite did']);
  });

  it('fails a runtime that does not even begin', async () => {
    expect(await troublesOf(async () => {})).toEqual(['ended before the suite did']);
    expect(await troublesOf(() => Promise.reject(new Error('deno is missing')))).toEqual(['deno is missing']);
  });

  it('keeps what nobody caught, and where it was', async () => {
    const troubles = await troublesOf(async (tell) => {
      tell({ cases: ['one'] });
      tell({ name: 'one' });
      // It is told when it is certain.
      tell({ trouble: 'Error: lost', tried: 0 });
      tell({ trouble: 'Error: late', tried: 1 });
      tell({ isOver: true });
    });
    expect(troubles).toEqual([
      'in case 1 of 1, "one": nobody caught Error: lost',
      'after the last case: nobody caught Error: late',
    ]);
  });
});
