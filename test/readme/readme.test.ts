import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as core from '../../src/index.ts';
import { runProgram } from '../support/command.ts';
import { readmeBlocks, readmeExample } from './code-blocks.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

it('has a first example that runs as it stands and prints what it says', async () => {
  const { code, prints } = readmeExample();
  // Inside the repository, where `isotinker` means these sources.
  const folder = mkdtempSync(join(ROOT, 'test', 'readme', 'example-'));
  try {
    writeFileSync(join(folder, 'train.mts'), code);
    const { code: exit, stdout, stderr } = await runProgram(join(folder, 'train.mts'), []);
    expect([exit, stdout.trimEnd(), stderr]).toEqual([0, prints, '']);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);

it('names only commands that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name ?? '');
  expect(named.length).toBeGreaterThan(2);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
  expect(readmeBlocks('sh')[0]).toContain('npm ci && npm start');
  expect(readmeBlocks('sh')[0]).toContain('npm ci && npm test');
});

it('names every error code, and no other', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, table = ''] = /## Errors\n(.*?)\n## /s.exec(readme) ?? [];
  const listed = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code);
  const source = readFileSync(join(ROOT, 'src/kernel/errors.ts'), 'utf8');
  const [, codes = ''] = /interface TinkerErrorByCode \{(.*?)\}/s.exec(source) ?? [];
  expect(listed.sort()).toEqual([...codes.matchAll(/readonly (\w+):/g)].map(([, code]) => code).sort());
});

it('speaks of the version that is built', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(core.VERSION).toBe(version);
  expect(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')).toContain(`## ${version}`);
});
