import { describe, expect, it } from 'vitest';
import { judge } from './judge.ts';
import type { SuiteOutcome } from './suite-outcome.ts';

/** An outcome in which `one` gives `a`, and `two` nothing. */
const outcome = (runtime: string, changes: Partial<SuiteOutcome> = {}): SuiteOutcome => ({
  runtime,
  ms: 1,
  cases: ['one', 'two'],
  results: [{ name: 'one', value: 'a' }, { name: 'two' }],
  isOver: true,
  troubles: [],
  ...changes,
});

/** What is wrong in the last of them. */
function failuresOfLast(...outcomes: readonly SuiteOutcome[]): readonly string[] {
  const results = [...judge(outcomes).values()].at(-1) ?? [];
  return results.flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error}`]));
}

describe('judge', () => {
  it('lets pass what is the same everywhere', () => {
    const judged = judge([outcome('Node'), outcome('Deno')]);
    expect([...judged.values()]).toEqual([
      [{ name: 'one' }, { name: 'two' }],
      [{ name: 'one' }, { name: 'two' }],
    ]);
  });

  it('fails a case that failed, in that runtime alone', () => {
    const broken = outcome('Deno', { results: [{ name: 'one', error: 'no' }, { name: 'two' }] });
    expect(failuresOfLast(outcome('Node'), broken)).toEqual(['one: no']);
    expect(failuresOfLast(broken, outcome('Node'))).toEqual([]);
  });

  it('fails a text that differs from the first runtime in which the case passed, and names both', () => {
    const failed = outcome('Node', { results: [{ name: 'one', error: 'no' }, { name: 'two' }] });
    const other = outcome('Bun', { results: [{ name: 'one', value: 'b' }, { name: 'two' }] });
    expect(failuresOfLast(failed, outcome('Deno'), other)).toEqual(['one: gives "b", but Deno "a"']);
  });

  it('tells a text from none', () => {
    const other = outcome('Bun', { results: [{ name: 'one' }, { name: 'two', value: '' }] });
    expect(failuresOfLast(outcome('Node'), other)).toEqual([
      'one: gives nothing, but Node "a"',
      'two: gives "", but Node nothing',
    ]);
  });

  it('shows of long texts where they part', () => {
    const long = (middle: string): SuiteOutcome =>
      outcome('Node', {
        results: [{ name: 'one', value: `${'x'.repeat(500)}${middle}${'y'.repeat(500)}` }, { name: 'two' }],
      });
    const tail = 'y'.repeat(39);
    expect(failuresOfLast(long('1'), long('2'))).toEqual([
      `one: gives …"${'x'.repeat(20)}2${tail}"…, but Node …"${'x'.repeat(20)}1${tail}"…`,
    ]);
  });

  it('fails what is missing, untried or there twice', () => {
    const fewer = outcome('Bun', { cases: ['two'], results: [{ name: 'two' }, { name: 'two' }] });
    expect(failuresOfLast(outcome('Node'), fewer)).toEqual([
      'two: is there twice',
      'one: is not there, but it is in Node',
    ]);
    expect(failuresOfLast(outcome('Bun', { results: [{ name: 'two' }] }))).toEqual(['one: was not tried']);
    // It is the one with more that is told apart, whichever comes first.
    const [first] = judge([fewer, outcome('Node')]).values();
    expect(first?.filter(({ error }) => error !== undefined)).toHaveLength(2);
  });

  it('counts a suite that broke off as one failure beside those of its cases', () => {
    const broken = outcome('Bun', {
      results: [{ name: 'one', value: 'b' }],
      isOver: false,
      troubles: ['gone in case 2'],
    });
    expect(failuresOfLast(outcome('Node'), broken)).toEqual([
      'one: gives "b", but Node "a"',
      'the suite: gone in case 2',
    ]);
  });

  it('fails a suite that came to its end with a trouble', () => {
    expect(failuresOfLast(outcome('Node', { troubles: ['a rejection'] }))).toEqual([
      'the suite: a rejection',
    ]);
  });
});
