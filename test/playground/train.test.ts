import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from 'srvx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmulator } from '../../src/emulator/index.ts';
import { runProgram } from '../support/command.ts';

const TRAIN = 'playground/train.ts';
let folder: string;
let text: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isotinker-'));
  text = join(folder, 'text.txt');
  writeFileSync(text, 'the quick brown fox jumps over the lazy dog. '.repeat(60));
});
afterAll(() => rmSync(folder, { recursive: true }));

const STEPS = ['--steps', '30', '--seconds', '600', '--json', '--text'];

function checkResult(stdout: string, server: string): void {
  const result = JSON.parse(stdout);
  expect(Object.keys(result)).toEqual([
    'steps',
    'lossStart',
    'lossEnd',
    'heldOutStart',
    'heldOutEnd',
    'tokensPerSecond',
    'seconds',
    'sample',
    'server',
  ]);
  expect(result).toMatchObject({ steps: 30, server });
  expect(result.lossStart).toBeGreaterThan(5);
  expect(result.lossEnd).toBeLessThan(result.lossStart - 1.5);
  expect(result.heldOutEnd).toBeLessThan(result.heldOutStart - 1.5);
  expect(result.sample.length).toBeGreaterThan(100);
}

describe('npm start', () => {
  it('trains on a file and prints one JSON object', async () => {
    const { code, stdout, stderr } = await runProgram(TRAIN, [...STEPS, text]);
    expect([code, stderr]).toEqual([0, '']);
    checkResult(stdout, 'emulator');
  }, 120_000);

  it('shows the losses, the curve and both samples in a file too', async () => {
    const { code, stdout } = await runProgram(TRAIN, ['--steps', '12', '--text', text]);
    expect(code).toBe(0);
    for (const part of [
      'before training',
      'tok/s',
      '┤',
      'untrained',
      'trained',
      'after training',
      '12 steps',
    ]) {
      expect(stdout).toContain(part);
    }
    expect(stdout).not.toContain('\u001b');
  }, 120_000);

  it('trains over HTTP, and says in one line when its key is refused', async () => {
    const emulator = createEmulator({ apiKey: 'tml-right' });
    const server = serve({
      fetch: emulator.fetch,
      hostname: '127.0.0.1',
      port: 0,
      silent: true,
      gracefulShutdown: false,
    });
    await server.ready();
    try {
      const url = server.url ?? '';
      const args = [...STEPS, text, '--base-url', url];
      const { code, stdout, stderr } = await runProgram(TRAIN, args, {
        env: { TINKER_API_KEY: 'tml-right' },
      });
      expect([code, stderr]).toEqual([0, '']);
      checkResult(stdout, url);
      const refused = await runProgram(TRAIN, args, { env: { TINKER_API_KEY: 'tml-wrong' } });
      expect([refused.code, refused.stdout]).toEqual([1, '']);
      expect(refused.stderr).toMatch(/^.*401: Invalid API key\. Check the API key; .*authScheme\n$/);
      expect(refused.stderr).not.toContain('tml-wrong');
    } finally {
      await server.close(true);
    }
  }, 240_000);

  it('closes the session and leaves nothing hanging on Ctrl-C, at once', async () => {
    let isSent = false;
    // Half-way, when the computing leaves no pause of its own: a signal that had to wait for one came after the end.
    const { code, stdout, stderr } = await runProgram(TRAIN, ['--steps', '200', '--text', text], {
      onOutput: (printed, kill) => {
        if (isSent || !printed.includes(' 50 %')) return;
        isSent = true;
        kill('SIGINT');
      },
    });
    expect([code, stderr]).toEqual([130, '\nStopped; the session is closed.\n']);
    expect(stdout).not.toContain('200 steps');
  }, 120_000);

  it.each([
    [['--text', '/no/such/file'], {}, 'There is no file "/no/such/file"\n'],
    [['--text', 'EMPTY'], {}, /^".*empty" is empty\n$/],
    [['--text', 'SHORT'], {}, /has 5 bytes; training needs at least 650 tokens\n$/],
    [['--base-url', 'http://127.0.0.1:8787'], { TINKER_API_KEY: '' }, /^Set TINKER_API_KEY [^\n]*\n$/],
    [['--base-url', 'nonsense'], { TINKER_API_KEY: 'x' }, /^"baseUrl" must be an absolute [^\n]*\n$/],
    [
      ['--base-url', 'http://127.0.0.1:9'],
      { TINKER_API_KEY: 'x' },
      /^Could not reach http:\/\/127\.0\.0\.1:9: [^\n]*\n$/,
    ],
    [['--seconds=-1'], {}, '--seconds must be a number above 0, got "-1"\n'],
    [['--steps', '-1'], {}, /^Option '--steps' argument is ambiguous[^\n]*\n$/],
    [['--bogus'], {}, /^Unknown option '--bogus'[^\n]*\n$/],
  ])(
    'answers %j with one line and exit code 1',
    async (args, env, message) => {
      const [empty, short] = [join(folder, 'empty'), join(folder, 'short')];
      writeFileSync(empty, '');
      writeFileSync(short, 'short');
      const named = args.map((arg) => arg.replace('EMPTY', empty).replace('SHORT', short));
      const { code, stdout, stderr } = await runProgram(TRAIN, named, { env });
      expect([code, stdout]).toEqual([1, '']);
      if (typeof message === 'string') expect(stderr).toBe(message);
      else expect(stderr).toMatch(message);
    },
    30_000,
  );
});
