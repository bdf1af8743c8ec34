import type { CaseResults } from '../runtimes/recorder.ts';
import type { ConformanceResult } from './conformance-case.ts';
import type { SuiteOutcome } from './suite-outcome.ts';

/** What the case gave in the first runtime in which it passed. */
interface Expected {
  readonly runtime: string;
  readonly value: string | undefined;
}

/** Characters of a text that are shown, of which so many before the first that differs. */
const SHOWN = 60;
const SHOWN_BEFORE = 20;

/**
 * What passed in each runtime, and what did not. Every one must try the same cases, and what a case gives must be what
 * it gave in the first runtime in which it passed.
 */
export function judge(outcomes: readonly SuiteOutcome[]): ReadonlyMap<SuiteOutcome, CaseResults> {
  const expected = new Map<string, Expected>();
  const holders = new Map<string, string>();
  for (const { runtime, cases, results } of outcomes) {
    for (const name of cases) if (!holders.has(name)) holders.set(name, runtime);
    for (const { name, value, error } of results)
      if (error === undefined && !expected.has(name)) expected.set(name, { runtime, value });
  }
  return new Map(
    outcomes.map((outcome) => [
      outcome,
      [
        ...outcome.results.map((result) => judged(result, expected.get(result.name))),
        ...outcome.troubles.map((error) => ({ name: 'the suite', error })),
        ...strays(outcome, holders),
      ],
    ]),
  );
}

function judged(
  { name, value, error }: ConformanceResult,
  expected: Expected | undefined,
): CaseResults[number] {
  if (error !== undefined) return { name, error };
  if (expected === undefined || value === expected.value) return { name };
  return { name, error: difference(value, expected) };
}

function difference(value: string | undefined, expected: Expected): string {
  const [one, other] = [value ?? '', expected.value ?? ''];
  let from = 0;
  while (from < one.length && one[from] === other[from]) from += 1;
  const show = (text: string | undefined): string =>
    text === undefined ? 'nothing' : shortened(text, Math.max(0, from - SHOWN_BEFORE));
  return `gives ${show(value)}, but ${expected.runtime} ${show(expected.value)}`;
}

function shortened(text: string, from: number): string {
  const end = from + SHOWN;
  return `${from > 0 ? '…' : ''}${JSON.stringify(text.slice(from, end))}${end < text.length ? '…' : ''}`;
}

/** Cases that were tried twice or not at all. */
function strays({ cases, results, isOver }: SuiteOutcome, holders: ReadonlyMap<string, string>): CaseResults {
  const tried = new Set(results.map(({ name }) => name));
  const twice = results
    .map(({ name }) => name)
    .filter((name, index, names) => names.indexOf(name) !== index)
    .map((name) => ({ name, error: 'is there twice' }));
  // One that broke off has said so; that is one failure, not one for each case it did not come to.
  if (!isOver) return twice;
  const missing = [...holders]
    .filter(([name]) => !tried.has(name))
    .map(([name, runtime]) => ({
      name,
      error: cases.includes(name) ? 'was not tried' : `is not there, but it is in ${runtime}`,
    }));
  return [...twice, ...missing];
}
