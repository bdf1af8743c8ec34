import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readmeExample, testingExample } from '../readme/code-blocks.ts';
import { bun, deno, node20, node22, node24, toolVersion } from '../runtimes/tools.ts';
import { runCommand } from '../support/command.ts';
import { type Consumer, ROOT } from './consumer.ts';
import { demand, type Report } from './report.ts';

/** Something that runs scripts. */
export interface Runtime {
  readonly name: string;
  readonly command: string;
  /** In front of the script's name. */
  readonly args: readonly string[];
}

/** What was installed, the oldest Node that the package promises first. */
export function runtimes(): readonly Runtime[] {
  return [
    { name: `Node ${toolVersion('node-20')}`, command: node20(), args: [] },
    { name: 'Node 22', command: node22(), args: [] },
    { name: 'Node 24', command: node24(), args: [] },
    // Without a single permission: the library asks for none.
    { name: 'Deno', command: deno(), args: ['run', '--no-remote', '--node-modules-dir=manual'] },
    { name: 'Bun', command: bun(), args: [] },
  ];
}

/** Run a script of the project. @returns what it printed. */
export async function runScript(
  { command, args }: Runtime,
  project: string,
  script: string,
): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, [...args, script], { cwd: project });
  demand(code === 0, `ended with ${code}: ${stdout}${stderr}`);
  return stdout.trim();
}

/** A script must print the same in each of them. */
async function checkSame(report: Report, project: string, what: string, script: string): Promise<void> {
  let first: { readonly name: string; readonly printed: string } | undefined;
  for (const runtime of runtimes()) {
    await report.check(`${runtime.name} ${what}`, async () => {
      const printed = await runScript(runtime, project, script);
      first ??= { name: runtime.name, printed };
      demand(printed.length > 100, `printed ${printed}`);
      demand(printed === first.printed, `differs from ${first.name}`);
    });
  }
}

function copyPrograms(project: string, ...programs: readonly string[]): void {
  for (const program of programs) copyFileSync(join(ROOT, 'test/package', program), join(project, program));
}

/** Without the optional packages. */
export async function checkRuntimes({ project }: Consumer, report: Report): Promise<void> {
  copyPrograms(project, 'identical-bits.mjs');
  const examples = { train: readmeExample(), testing: testingExample() };
  for (const [name, { code }] of Object.entries(examples)) writeFileSync(join(project, `${name}.mjs`), code);
  const withoutPeers = ['storage/indexeddb', 'storage/kv', 'tokenizer/tiktoken', 'testing', 'env'];
  writeFileSync(
    join(project, 'entries.mjs'),
    withoutPeers.map((entry) => `await import('isotinker/${entry}');\n`).join(''),
  );
  for (const runtime of runtimes()) {
    await report.check(`${runtime.name} runs the README's example`, async () => {
      const printed = await runScript(runtime, project, 'train.mjs');
      demand(printed === examples.train.prints, `printed ${printed}`);
    });
    await report.check(`${runtime.name} runs the README's example of testing`, async () => {
      const printed = await runScript(runtime, project, 'testing.mjs');
      demand(printed === examples.testing.prints, `printed ${printed}`);
    });
    await report.check(`${runtime.name} imports what needs no optional package`, async () => {
      await runScript(runtime, project, 'entries.mjs');
    });
  }
  await checkSame(report, project, 'computes the same bits', 'identical-bits.mjs');
  await checkRequire(project, report);
}

/** What is published are modules alone: `require()` of them is what CommonJS has. */
async function checkRequire(project: string, report: Report): Promise<void> {
  const script = `
    const { createServiceClient, isTinkerError } = require('isotinker');
    if (isTinkerError(1)) throw 1;
    createServiceClient({ apiKey: 'tml-offline', fetch: require('isotinker/emulator').createEmulator().fetch });
    require('isotinker/testing').createVirtualClock();
    import('isotinker').then((module) => {
      if (module.isTinkerError !== isTinkerError) throw new Error('two copies');
    });`;
  for (const { name, command } of runtimes().filter(({ name }) => name.startsWith('Node'))) {
    await report.check(`${name} can require() it, without a warning`, async () => {
      const { code, stderr } = await runCommand(command, ['--input-type=commonjs', '-e', script], {
        cwd: project,
      });
      demand(code === 0 && stderr === '', `ended with ${code}: ${stderr}`);
    });
  }
}

/** With the optional packages. */
export async function checkChat({ project }: Consumer, report: Report): Promise<void> {
  copyPrograms(project, 'chat.mjs');
  await checkSame(report, project, 'turns messages into the same tokens and weights', 'chat.mjs');
  await report.check('what it turns them into is trained', async () => {
    const [runtime] = runtimes();
    const printed = runtime === undefined ? '' : await runScript(runtime, project, 'chat.mjs');
    demand(printed.includes('10 trained'), `printed ${printed}`);
  });
}
