import { RUNTIMES } from '../conformance/runtimes.ts';

/** The README's table of runtimes, from the list that the conformance suite runs in. */
export function renderRuntimeTable(): string {
  const titles = [...new Set(RUNTIMES.map(({ title }) => title))];
  const rows = titles.map((title) => {
    const runtimes = RUNTIMES.filter((runtime) => runtime.title === title);
    const versions = runtimes.map(({ version }) => version).join(', ');
    const places = runtimes.flatMap(({ places = [] }) => places).join(', ');
    return `| ${title} | ${versions} | ${places} |`;
  });
  return ['| runtime | as tested | where |', '|---|---|---|', ...rows].join('\n');
}
