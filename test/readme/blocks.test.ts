import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { codeBlocks, readmeText } from './code-blocks.ts';
import { buildExamples, examplesOf } from './example.ts';
import { typeErrors } from './type-errors.ts';

const readme = readmeText();
const blocks = codeBlocks(readme);
const examples = examplesOf(blocks);
const built = await buildExamples(examples);
afterAll(built.remove);
const ofLanguage = (language: string) => blocks.filter((block) => block.language === language);

describe('blocks of the README', () => {
  it('are all looked at here: programs are run, output is compared, commands are known', () => {
    expect(blocks).toHaveLength((readme.match(/^ *(```|~~~)/gm) ?? []).length / 2);
    expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(['js', 'ts', 'sh', 'text']));
    expect(examples).toHaveLength(ofLanguage('js').length + ofLanguage('ts').length);
    expect(examples.length).toBeGreaterThan(15);
  });

  it('in JavaScript and TypeScript pass a strict compiler', () => {
    expect(typeErrors(examples)).toEqual([]);
    const wrong = {
      line: 0,
      language: 'ts' as const,
      code: 'const n: string = 1;\n',
      prints: '',
      fails: undefined,
    };
    expect(typeErrors([wrong])).toEqual([
      expect.stringMatching(/^README:0: const n: string = 1;: .*assignable/),
    ]);
  }, 180_000);

  it.each(examples)('run as they stand, and print what they say: line $line', async (example) => {
    const { exit, stdout, stderr } = await built.run(example);
    expect(stdout).toBe(example.prints);
    if (example.fails === undefined) expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    else {
      expect(exit).toBe(1);
      for (const words of example.fails.split('…')) expect(stderr).toContain(words);
    }
  });

  it('of text are what the block above them prints', () => {
    const outputs = blocks.flatMap(({ prints }) => (prints?.includes('\n') ? [`${prints}\n`] : []));
    expect(ofLanguage('text').map(({ code }) => code)).toEqual(outputs);
  });

  it('are followed by no claim that is not compared', () => {
    const claims = readme.match(/^It (prints|ends with the error)\b/gm) ?? [];
    const compared = blocks.filter(({ prints, fails }) => prints !== undefined || fails !== undefined);
    expect(claims).toHaveLength(compared.length);
  });
});

interface Manifest {
  readonly name: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

describe('commands of the README', () => {
  const root = new URL('../../', import.meta.url);
  const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as Manifest;
  const continuous = readFileSync(new URL('.ci/run', root), 'utf8');

  it('are ones that .ci/run runs, or that install what can be installed', () => {
    const commands = ofLanguage('sh')
      .flatMap(({ code }) => code.trim().split('\n'))
      .flatMap((line) => line.replace(/ *#.*/, '').split(' && '));
    expect(commands.length).toBeGreaterThan(3);
    const installable = [manifest.name, ...Object.keys(manifest.peerDependencies)];
    for (const command of commands) {
      const [, what] = /^npm install (\S+)$/.exec(command) ?? [];
      if (what !== undefined) expect(installable).toContain(what);
      // `npm start` takes its minute in a test of its own, which runs just that.
      else
        expect(continuous).toMatch(
          command === 'npm start'
            ? /^step npm run test:start$/m
            : new RegExp(`^(step )?${command}( |$)`, 'm'),
        );
    }
    for (const [, what] of readme.matchAll(/npm install (\S+)`/g)) expect(installable).toContain(what);
  });

  it('are scripts that exist', () => {
    const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name ?? '');
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !(name in manifest.scripts))).toEqual([]);
    // Those of `npm run` that need no word: npm start, npm test, and what npm runs by itself.
    const known = new Set([...named, 'start', 'test', 'test:start', 'types', 'lint', 'format', 'prepack']);
    expect(Object.keys(manifest.scripts).filter((name) => !known.has(name))).toEqual([]);
  });
});
