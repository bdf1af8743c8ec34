import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { readmeExample, testingExample } from '../readme/code-blocks.ts';
import { type CommandResult, runCommand } from '../support/command.ts';

// Packs the tarball, installs it into a fresh project as a user would, and runs it there in every runtime that
// npm carries. Installs those runtimes itself, into a folder of its own. Ends with the counts.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RUNTIMES = ['node@24.21.0', 'deno@2.9.6', 'bun@1.4.5'];
/** The lock file, like npm on Node 20, has ky 1. */
const OTHER_KY = 'ky@2.1.0';
/** What reads tokenizers and chat templates: for those who ask for them. */
const PEERS = ['@huggingface/jinja@0.5.11', '@huggingface/tokenizers@0.2.0'];

interface Manifest {
  readonly exports: Record<string, string | Record<string, string>>;
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
}

let [passed, failed] = [0, 0];

async function check(name: string, work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n        ${error instanceof Error ? error.message : error}`);
  }
}

function demand(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise);
}

async function must(command: string, args: readonly string[], cwd: string): Promise<CommandResult> {
  const result = await runCommand(command, args, { cwd });
  demand(
    result.code === 0,
    `${command} ${args.join(' ')} ended with ${result.code}: ${result.stderr.slice(-1000)}`,
  );
  return result;
}

/** Build, pack, and install into a fresh project. @returns its folder. */
async function install(folder: string): Promise<string> {
  await must('npm', ['pack', '--pack-destination', folder], ROOT);
  const [tarball = ''] = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n');
  await must('npm', ['install', '--no-audit', '--no-fund', join(folder, tarball)], project);
  writeFileSync(join(project, 'train.mjs'), readmeExample().code);
  writeFileSync(join(project, 'testing.mjs'), testingExample().code);
  for (const program of ['identical-bits.mjs', 'chat.mjs'])
    copyFileSync(join(ROOT, 'test/package', program), join(project, program));
  return project;
}

/** Commands that run a script, by runtime. */
async function installRuntimes(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "name": "runtimes", "private": true }\n');
  await must('npm', ['install', '--no-audit', '--no-fund', ...RUNTIMES], folder);
  const bin = join(folder, 'node_modules/.bin');
  return new Map([
    [`Node ${process.versions.node}`, [process.execPath]],
    ['Node 24', [join(bin, 'node')]],
    // Without a single permission: the library asks for none.
    ['Deno', [join(bin, 'deno'), 'run', '--no-remote', '--node-modules-dir=manual']],
    ['Bun', [join(bin, 'bun')]],
  ]);
}

/** What a published file imports. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  // Finds imports of types too, but loses its way in some regular expressions; parsing does not.
  const found = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  const { statements } = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const parsed = statements.flatMap((statement) => {
    const isImport = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
    const from = isImport ? statement.moduleSpecifier : undefined;
    return from !== undefined && ts.isStringLiteral(from) ? [from.text] : [];
  });
  return [...new Set([...found, ...parsed])];
}

async function checkContents(project: string): Promise<void> {
  const installed = join(project, 'node_modules/isotinker');
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest;
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });

  await check('every export is there', () => {
    const targets = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    );
    const missing = targets.filter((target) => !existsSync(join(installed, target)));
    demand(targets.length > 4 && missing.length === 0, `missing: ${missing.join(', ')}`);
  });
  await check('it ships its licence, README and changelog, and no sources', () => {
    for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md']) demand(files.includes(file), `no ${file}`);
    const strays = files.filter((file) => /^(src|test|playground)\b/.test(file));
    demand(strays.length === 0, `strays: ${strays.join(', ')}`);
  });
  await check('its code imports its own files and the packages it declares, nothing of Node', () => {
    const scripts = files.filter((file) => file.endsWith('.js'));
    const packages = scripts.flatMap((file) =>
      importsOf(join(installed, file)).filter((name) => !name.startsWith('.')),
    );
    const known = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    const unknown = packages.filter(
      (name) => !known.some((one) => name === one || name.startsWith(`${one}/`)),
    );
    demand(scripts.length > 1 && packages.includes('ky'), 'no code found');
    demand(unknown.length === 0, `imports ${unknown.join(', ')}`);
  });
  await check('its declarations stand alone, without zod', () => {
    const declarations = files.filter((file) => file.endsWith('.d.ts'));
    const packages = declarations.flatMap((file) =>
      importsOf(join(installed, file)).filter((name) => !name.startsWith('.')),
    );
    demand(declarations.length > 1 && packages.length === 0, `imports ${packages.join(', ')}`);
  });
  await check('the core carries neither the emulator, the test tools, tokenizers, chat nor stores', () => {
    const carrying = [...reachedFrom(join(installed, 'dist/index.js'))].filter((file) =>
      /isotinker-tiny|createEmulator|createVirtualClock|tokenizer\.json|chat_template|indexedDB/.test(
        readFileSync(file, 'utf8'),
      ),
    );
    demand(carrying.length === 0, `found in ${carrying.join(', ')}`);
  });
  await check('only the entries of tokenizers and chat reach an optional package', () => {
    const entries = Object.entries(manifest.exports).flatMap(([name, entry]) =>
      typeof entry === 'string' ? [] : [[name, join(installed, entry['default'] ?? '')] as const],
    );
    const optional = Object.keys(manifest.peerDependencies);
    const reaching = entries
      .filter(([, file]) =>
        [...reachedFrom(file)].some((reached) => importsOf(reached).some((name) => optional.includes(name))),
      )
      .map(([name]) => name);
    demand(reaching.join() === './chat,./tokenizer', `reached from ${reaching.join(', ')}`);
  });
}

/** A published file, and all of its own that it imports. */
function reachedFrom(entry: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const name of importsOf(file).filter((name) => name.startsWith('.'))) visit(join(file, '..', name));
  };
  visit(entry);
  return reached;
}

async function checkRuntimes(
  project: string,
  runtimes: ReadonlyMap<string, readonly string[]>,
): Promise<void> {
  const { prints } = readmeExample();
  const bits = new Map<string, string>();
  for (const [runtime, [command = '', ...args]] of runtimes) {
    await check(`${runtime} runs the README's example`, async () => {
      const { code, stdout, stderr } = await runCommand(command, [...args, 'train.mjs'], { cwd: project });
      demand(code === 0 && stdout.trim() === prints, `ended with ${code}: ${stdout}${stderr}`);
    });
    await check(`${runtime} runs the README's example of testing`, async () => {
      const { code, stdout, stderr } = await runCommand(command, [...args, 'testing.mjs'], { cwd: project });
      const expected = testingExample().prints;
      demand(code === 0 && stdout.trim() === expected, `ended with ${code}: ${stdout}${stderr}`);
    });
    await check(`${runtime} computes the same bits`, async () => {
      const { code, stdout, stderr } = await runCommand(command, [...args, 'identical-bits.mjs'], {
        cwd: project,
      });
      demand(code === 0, `ended with ${code}: ${stderr}`);
      bits.set(runtime, stdout);
      const [first, reference] = [...bits][0] ?? [];
      demand(stdout === reference, `differs from ${first}`);
    });
  }
  for (const [runtime, [command = '', ...args]] of runtimes) {
    await check(`${runtime} imports what needs no optional package`, async () => {
      const entries = ['storage/indexeddb', 'storage/kv', 'tokenizer/tiktoken', 'testing', 'env'];
      const code = entries.map((entry) => `await import('isotinker/${entry}');\n`).join('');
      writeFileSync(join(project, 'entries.mjs'), code);
      const result = await runCommand(command, [...args, 'entries.mjs'], { cwd: project });
      demand(result.code === 0, `ended with ${result.code}: ${result.stderr}`);
    });
  }
  for (const [runtime, [command = '']] of [...runtimes].slice(0, 2)) {
    await check(`${runtime} can require() it`, async () => {
      const script =
        "const { isTinkerError } = require('isotinker'); if (isTinkerError(1)) throw 1; require('isotinker/emulator').createEmulator(); require('isotinker/testing').createVirtualClock()";
      const { code, stderr } = await runCommand(command, ['--input-type=commonjs', '-e', script], {
        cwd: project,
      });
      demand(code === 0, `ended with ${code}: ${stderr}`);
    });
  }
}

/** The optional packages are installed only now: all before went without. */
async function checkOptional(
  project: string,
  runtimes: ReadonlyMap<string, readonly string[]>,
): Promise<void> {
  await must('npm', ['install', '--no-audit', '--no-fund', ...PEERS], project);
  const outputs = new Map<string, string>();
  for (const [runtime, [command = '', ...args]] of runtimes) {
    await check(`${runtime} turns messages into the same tokens and weights`, async () => {
      const { code, stdout, stderr } = await runCommand(command, [...args, 'chat.mjs'], { cwd: project });
      demand(code === 0 && stdout.includes('10 trained'), `ended with ${code}: ${stdout}${stderr}`);
      outputs.set(runtime, stdout);
      const [first, reference] = [...outputs][0] ?? [];
      demand(stdout === reference, `differs from ${first}`);
    });
  }
}

async function checkOtherKy(project: string): Promise<void> {
  const { prints } = readmeExample();
  await check('it runs on the other major of ky', async () => {
    await must('npm', ['install', '--no-audit', '--no-fund', OTHER_KY], project);
    const { code, stdout, stderr } = await runCommand(process.execPath, ['train.mjs'], { cwd: project });
    demand(code === 0 && stdout.trim() === prints, `ended with ${code}: ${stdout}${stderr}`);
  });
}

const folder = mkdtempSync(join(tmpdir(), 'isotinker-package-'));
try {
  const project = await install(folder);
  await checkContents(project);
  const runtimes = await installRuntimes(join(folder, 'runtimes'));
  await checkRuntimes(project, runtimes);
  await checkOptional(project, runtimes);
  await checkOtherKy(project);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
