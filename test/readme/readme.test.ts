import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as core from '../../src/index.ts';
import { STATUS_RULES } from '../../src/policy/status-rules.ts';
import { requestsInOutage } from '../bench/outage.ts';
import { runProgram } from '../support/command.ts';
import { readmeBlocks, readmeExample, testingExample } from './code-blocks.ts';
import { renderStatusTable } from './status-table.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

/** What the example of chats takes as given. */
const GIVEN = `
import { createServiceClient } from 'isotinker';
import { createEmulator } from 'isotinker/emulator';
import { createTokenizerLoader } from 'isotinker/tokenizer';
const { fetch, modelName } = createEmulator();
const service = createServiceClient({ apiKey: 'tml-local', fetch, loadTokenizer: createTokenizerLoader() });
const training = await service.createLoraTrainingClient({ baseModel: modelName, rank: 8, seed: 1 });
const sampler = await training.saveWeightsAndGetSamplingClient();
const conversations = [[{ role: 'user', content: 'Hi' }, { role: 'assistant', content: 'Ho' }]];
`;

/** What the example of explanations takes as given. */
const EXPLAINED = `
import { createChat } from 'isotinker/chat';
import { byteTokenizer as tokenizer } from 'isotinker/emulator';
const chat = createChat(tokenizer);
const messages = [{ role: 'user', content: 'Hi' }, { role: 'assistant', content: 'Ho' }];
const datum = chat.supervisedDatum(messages);
const { ids: tokens, weights } = chat.encode(messages);
const conversation = chat.start(messages.slice(0, 1));
conversation.addSampled(tokenizer.encode(' Ho'));
`;

/** Run a block of the README as a program, as it stands. */
async function runBlock(code: string) {
  // Inside the repository, where `isotinker` means these sources.
  const folder = mkdtempSync(join(ROOT, 'test', 'readme', 'example-'));
  try {
    writeFileSync(join(folder, 'example.mts'), code);
    const { code: exit, stdout, stderr } = await runProgram(join(folder, 'example.mts'), []);
    return { exit, stdout: stdout.trimEnd(), stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('has a first example that runs as it stands and prints what it says', async () => {
  const { code, prints } = readmeExample();
  expect(await runBlock(code)).toEqual({ exit: 0, stdout: prints, stderr: '' });
}, 60_000);

it('has examples of testing that run as they stand: one prints what it says, one finds the race', async () => {
  const { code, prints } = testingExample();
  expect(await runBlock(code)).toEqual({ exit: 0, stdout: prints, stderr: '' });
  const racing = readmeBlocks('js').find((block) => block.includes('exploreInterleavings')) ?? '';
  const { exit, stderr } = await runBlock(racing);
  expect(exit).toBe(1);
  expect(stderr).toMatch(/InterleavingError: 1 visits \(schedule: 1:get visits > 2:get visits > /);
}, 60_000);

it('has an example of runs and checkpoints that prints what it says', async () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, listed = ''] = /^It prints the lines (`.*`)\.$/m.exec(readme) ?? [];
  const lines = [...listed.matchAll(/`([^`]+)`/g)].map(([, line]) => line);
  const code = readmeBlocks('js').find((block) => block.includes('createRestClient')) ?? '';
  expect(lines).toHaveLength(4);
  expect(await runBlock(code)).toEqual({ exit: 0, stdout: lines.join('\n'), stderr: '' });
}, 60_000);

it('has examples of tokenizers and of policy gradients that run as they stand', async () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, prints] = /^It prints `(256 .*?)`/m.exec(readme) ?? [];
  const tokenizers = readmeBlocks('js').find((block) => block.includes('createTokenizerLoader()')) ?? '';
  expect(await runBlock(tokenizers)).toEqual({ exit: 0, stdout: prints, stderr: '' });
  const gradients = readmeBlocks('js').find((block) => block.includes('rlDatum({')) ?? '';
  expect(await runBlock(gradients)).toEqual({ exit: 0, stdout: '', stderr: '' });
}, 60_000);

it('has examples of chats that run as they stand', async () => {
  const chatting = readmeBlocks('js').find((block) => block.includes('createChat')) ?? '';
  const isGiven = /\b(training|sampler|conversations)\b/;
  expect(chatting).toMatch(isGiven);
  const code = [
    GIVEN,
    chatting,
    'console.log(data.length, chat.stop, tokenizer.decode(conversation.ids).replace(/assistant:.*/s, ""));',
    'console.log(conversation.messages.map(({ role }) => role).join());',
    'await service.close();',
  ].join('\n');
  const stdout = "1 [ '\\n' ] user: Hello\n\nuser,assistant,user";
  expect(await runBlock(code)).toEqual({ exit: 0, stdout, stderr: '' });
  const rl = readmeBlocks('js').find((block) => block.includes('rlDatum')) ?? '';
  expect(await runBlock(rl)).toEqual({ exit: 0, stdout: '', stderr: '' });
  // What it explains is given to it; everything it prints ends in a summary.
  const explaining = readmeBlocks('ts').find((block) => block.includes('explain(')) ?? '';
  const explained = await runBlock(`${EXPLAINED}\n${explaining}`);
  expect(explained).toMatchObject({ exit: 0, stderr: '' });
  expect(explained.stdout.match(/^\d+ tokens, \d+ trained/gm)).toHaveLength(3);
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

it('has the table of answers that the code follows', () => {
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(renderStatusTable());
  expect(renderStatusTable().match(/^\|/gm)).toHaveLength(2 + Object.keys(STATUS_RULES.poll).length);
});

it('gives the figures of an outage as they are', async () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, claimed] = /at a round trip of 1 ms costs (\d+) requests a future/.exec(readme) ?? [];
  expect(await requestsInOutage('adaptive', 1)).toBe(Number(claimed));
  expect(await requestsInOutage('adaptive', 20)).toBe(Number(claimed));
  expect(await requestsInOutage('python', 100)).toBe(601);
});

it('names every event, and every option of a client', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const events = readFileSync(join(ROOT, 'src/kernel/diagnostics.ts'), 'utf8');
  const types = [...events.matchAll(/readonly type: '(\w+)'/g)].map(([, type]) => type ?? '');
  expect(types.length).toBeGreaterThan(10);
  const isNamed = (type: string): boolean =>
    readme.includes(`\`${type}\``) || readme.includes(`\`${type.split('_')[0]}_*\``);
  expect(types.filter((type) => !isNamed(type))).toEqual([]);
  const options = readFileSync(join(ROOT, 'src/client/options.ts'), 'utf8');
  const [, fields = ''] = /interface ServiceClientOptions \{(.*?)^\}/ms.exec(options) ?? [];
  const names = [...fields.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name ?? '');
  expect(names.length).toBeGreaterThan(15);
  const [, table = ''] = /## Options\n(.*?)\n## /s.exec(readme) ?? [];
  expect(names.filter((name) => !table.includes(`\`${name}\``))).toEqual([]);
});

it('speaks of the version that is built', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(core.VERSION).toBe(version);
  expect(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')).toContain(`## ${version}`);
});
