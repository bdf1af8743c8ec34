import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readmeText } from './code-blocks.ts';
import { publicNames } from './public-names.ts';
import { inCamelCase, type PythonRow, pythonNames, pythonRows } from './python-table.ts';

const golden = pythonNames();
const rows = pythonRows(readmeText());
const names = publicNames();
const named = (group: RegExp): string[] =>
  rows.filter((row) => group.test(row.group)).flatMap(({ names }) => names);

/** Every method can be awaited here, so one name stands for both. */
const withoutTwins = (names: readonly string[]): string[] =>
  names.filter((name) => !name.endsWith('_async') || !names.includes(name.slice(0, -'_async'.length)));

/** The class of a table's head. */
const classOf = ({ group }: PythonRow): string => (group === 'APIFuture' ? 'ApiFuture' : group);

/** A row's names, each with its counterpart here, if there is one. */
function pairs(row: PythonRow): (readonly [string, string | undefined])[] {
  const { here, rule } = row;
  return row.names.map((name, i) => {
    if (rule === 'of the same name') return [name, name];
    if (rule === 'in camelCase') return [name, `${classOf(row)}.${inCamelCase(name)}`];
    return [name, here.length === row.names.length ? here[i] : here[0]];
  });
}

it('speaks of the version that is compared with', () => {
  expect(readmeText()).toContain(`Every public name of \`tinker\` ${golden.version}`);
  const requirements = readFileSync(new URL('../interop/requirements.txt', import.meta.url), 'utf8');
  expect(requirements).toContain(`tinker==${golden.version}\n`);
});

it.each(Object.keys(golden.clients))('says what became of each member of %s', (name) => {
  expect(named(new RegExp(`^${name}$`)).sort()).toEqual(withoutTwins(golden.clients[name] ?? []).sort());
});

it('says what became of each export and type, and of each command', () => {
  const listed = [...named(/^exported/), ...Object.keys(golden.clients)];
  const all = new Set([...golden.exports, ...golden.types, 'RestClient']);
  expect(listed.sort()).toEqual([...all].sort());
  expect(named(/^tinker …$/).sort()).toEqual(golden.commands);
});

it('gives counterparts that exist, or a reason', () => {
  for (const row of rows) {
    const { here, rule, note } = row;
    if (here.length === 0 && rule === undefined) expect(note.length, row.names.join()).toBeGreaterThan(10);
    const counterparts = pairs(row).flatMap(([, name]) => (name === undefined ? [] : [name]));
    expect(
      [...counterparts, ...here].filter((name) => !names.has(name)),
      row.names.join(),
    ).toEqual([]);
    // In notes: members, and what is written as our names are.
    const claimed = row.mentioned.filter((word) =>
      /^([A-Z]\w+\.\w+|[A-Z]\w+[a-z]|[a-z]+[A-Z]\w*)$/.test(word),
    );
    const isPython = (word: string): boolean => ['None', 'NaN'].includes(word);
    expect(
      claimed.filter((word) => !isPython(word) && !names.has(word)),
      note,
    ).toEqual([]);
  }
});

it('says of each field of a type what it is called here, where that is not the same in camelCase', () => {
  let fields = 0;
  for (const row of rows.filter(({ group }) => group.startsWith('exported')))
    for (const [name, here] of pairs(row)) {
      if (here === undefined || here.includes('.')) continue;
      for (const field of golden.fields[name] ?? []) {
        fields++;
        const isThere = names.hasProperty(here, inCamelCase(field));
        expect(isThere || row.mentioned.includes(field), `${name}.${field}`).toBe(true);
      }
    }
  expect(fields).toBeGreaterThan(100);
});

/** In backticks in running text, and not a name of ours: parameters, a variable, a part of an option, Node's. */
const OTHERS = ['tokenizerJson', 'tokenizerConfigJson', 'toolResult', 'lifetimeMs', 'zstdDecompressSync'];

it('names in running text and in tables only what there is', () => {
  const text = readmeText()
    .replace(/^```.*?^```$/gms, '')
    .replace(/^## Coming from Python\n.*?(?=^## )/ms, '');
  const code = [...text.matchAll(/`([^`]+)`/g)].map(([, words = '']) => words);
  const words = code.flatMap((part) => part.match(/(?<![\w./'"-])[a-z]+[A-Z]\w*/g) ?? []);
  expect(words.length).toBeGreaterThan(150);
  expect(words.filter((word) => !names.knows(word) && !OTHERS.includes(word))).toEqual([]);
});
