import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dialectNames } from 'isotinker/emulator';
import { expect, it } from 'vitest';
import * as core from '../../src/index.ts';
import { STATUS_RULES } from '../../src/policy/status-rules.ts';
import { requestsInOutage } from '../bench/outage.ts';
import { readmeText } from './code-blocks.ts';
import { renderRuntimeTable } from './runtime-table.ts';
import { renderStatusTable } from './status-table.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const readme = readmeText();
const source = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** A section of the README, up to the next one. */
function section(title: string): string {
  const [, text] = new RegExp(`^## ${title}\n(.*?)(?=^## |$(?![\\s\\S]))`, 'ms').exec(readme) ?? [];
  if (text === undefined) throw new Error(`The README has no section "${title}"`);
  return text;
}

/** Cells of the rows that begin with a name in backticks. */
const rows = (text: string): string[][] =>
  [...text.matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) =>
    row.split(/(?<!\\) \| /).map((cell) => cell.trim()),
  );

/** Fields of an interface of the sources. */
function fieldsOf(file: string, name: string): string[] {
  const [, fields = ''] = new RegExp(`interface ${name}\\b[^{]*\\{(.*?)^\\}`, 'ms').exec(source(file)) ?? [];
  return [...fields.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field]) => field ?? '');
}

it('has links to itself that lead somewhere, and names every section in its contents', () => {
  const headings = [...readme.matchAll(/^##+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...readme.matchAll(/\]\(#([^)]*)\)/g)].map(([, target = '']) => target);
  expect(links.filter((link) => !headings.includes(link))).toEqual([]);
  const [, contents = ''] = /^\*\*Contents:\*\*(.*?)\n\n/ms.exec(readme) ?? [];
  const [, ...sections] = [...readme.matchAll(/^## (.*)$/gm)].map(([, title = '']) => title);
  const listed = [...contents.matchAll(/\(#([^)]*)\)/g)].map(([, target]) => target);
  const wanted = sections.map((title) => title.toLowerCase().replace(/,/g, '').replaceAll(' ', '-'));
  expect(listed).toEqual(wanted);
});

it('fits what a registry shows of it: 64 KiB', () => {
  expect(Buffer.byteLength(readme)).toBeLessThan(65_536);
});

it('names every error code, and no other, and says what to do', () => {
  const table = rows(section('Errors'));
  const listed = table.map(([code = '']) => code.replaceAll('`', ''));
  expect(listed.sort()).toEqual(fieldsOf('src/kernel/errors.ts', 'TinkerErrorByCode').sort());
  for (const [code, happened = '', action = ''] of table) {
    expect(happened.length, code).toBeGreaterThan(10);
    expect(action.length, code).toBeGreaterThan(5);
  }
});

it('has the table of answers that the code follows', () => {
  expect(readme).toContain(renderStatusTable());
  expect(renderStatusTable().match(/^\|/gm)).toHaveLength(2 + Object.keys(STATUS_RULES.poll).length);
});

it('has the table of runtimes that the suite runs in', () => {
  expect(section('Runtimes')).toContain(`\n\n${renderRuntimeTable()}\n\n`);
  expect(renderRuntimeTable()).toMatch(/^\| Node \| 20\.\d+\.\d+, 22\.\d+\.\d+, 24\.\d+\.\d+ \| {2}\|$/m);
});

it('says of each store what it guarantees', () => {
  const [head = '', , ...guarantees] = section('Storage').match(/^\|.*\|$/gm) ?? [];
  const stores = ['memoryStorage', 'indexedDbStorage', 'denoKvStorage', 'kvStorage'];
  expect([...head.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(stores);
  const names = ['shared by', 'survives', 'atomic `update`', 'consistency', 'lifetime (`ttlMs`)'];
  expect(guarantees.map((row) => row.split(' | ')[0]?.slice(2))).toEqual(expect.arrayContaining(names));
  expect(
    guarantees.filter((row) => row.split(' | ').some((cell) => cell.replaceAll('|', '').trim() === '')),
  ).toEqual([]);
});

it('gives the figures of an outage as they are', async () => {
  const [, claimed] = /at a round trip of 1 ms costs (\d+) requests a future/.exec(readme) ?? [];
  expect(await requestsInOutage('adaptive', 1)).toBe(Number(claimed));
  expect(await requestsInOutage('adaptive', 20)).toBe(Number(claimed));
  expect(await requestsInOutage('python', 100)).toBe(601);
});

it('names every event', () => {
  const events = source('src/kernel/diagnostics.ts');
  const types = [...events.matchAll(/readonly type: '(\w+)'/g)].map(([, type]) => type ?? '');
  expect(types.length).toBeGreaterThan(10);
  const isNamed = (type: string): boolean =>
    readme.includes(`\`${type}\``) || readme.includes(`\`${type.split('_')[0]}_*\``);
  expect(types.filter((type) => !isNamed(type))).toEqual([]);
});

it.each([
  ['Options', 'src/client/options.ts', 'ServiceClientOptions'],
  ['Emulator', 'src/emulator/options.ts', 'EmulatorOptions'],
  ['Tokenizers', 'src/tokenizer/hub/load-options.ts', 'TokenizerLoaderOptions'],
  ['Tokenizers', 'src/tokenizer/hub/load-options.ts', 'LoadTokenizerOptions'],
])('names in its table of %s each option of %s, %s', (title, file, name) => {
  const options = fieldsOf(file, name);
  expect(options.length).toBeGreaterThan(1);
  const listed = rows(section(title)).flatMap(([cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, option]) => option),
  );
  expect(options.filter((option) => !listed.includes(option))).toEqual([]);
});

it('names every dialect of the emulator', () => {
  expect(dialectNames().filter((name) => !section('Emulator').includes(`\`${name}\``))).toEqual([]);
});

it('gives a reason for every package', () => {
  const { dependencies, peerDependencies } = JSON.parse(source('package.json')) as Record<string, object>;
  const listed = rows(section('Dependencies')).map(([name = '']) => /`([^`]+)`/.exec(name)?.[1]);
  expect(listed.sort()).toEqual(Object.keys({ ...dependencies, ...peerDependencies }).sort());
});

it('speaks of the version that is built', () => {
  const { version } = JSON.parse(source('package.json')) as { version: string };
  expect(core.VERSION).toBe(version);
  expect(source('CHANGELOG.md')).toContain(`## ${version}`);
});
