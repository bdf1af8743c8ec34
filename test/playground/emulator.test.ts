import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dialectNames } from '../../src/emulator/index.ts';
import { type CommandResult, runProgram } from '../support/command.ts';

const EMULATOR = 'playground/emulator.ts';

/** Run the server, do something with it once it says where it is, and end it with a signal. */
async function whileServing<T>(
  args: readonly string[],
  signal: NodeJS.Signals,
  work: (url: string, line: string) => Promise<T>,
): Promise<{ readonly result: T; readonly end: CommandResult }> {
  let working: Promise<T> | undefined;
  const end = await runProgram(EMULATOR, ['--port', '0', ...args], {
    onOutput: (stdout, kill) => {
      const [line, url] = /^\S+ at (http:\S+)\n/.exec(stdout) ?? [];
      if (line === undefined || url === undefined || working !== undefined) return;
      working = work(url, line).finally(() => kill(signal));
      // Its failure is awaited below, once the server has ended.
      working.catch(() => {});
    },
  });
  if (working === undefined) throw new Error(`It never said where it is: ${end.stdout}${end.stderr}`);
  return { result: await working, end };
}

describe('npm run emulator', () => {
  it('serves on a free port, prints one line, and ends at a signal', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isotinker-'));
    const text = join(folder, 'text.txt');
    writeFileSync(text, 'the quick brown fox jumps over the lazy dog. '.repeat(60));
    const training = ['--steps', '2', '--seconds', '600', '--json', '--text', text, '--base-url'];
    try {
      const { result, end } = await whileServing(['--api-key', 'tml-right'], 'SIGTERM', async (url, line) => {
        expect(line).toMatch(/^emulator\/tiny at http:\/\/127\.0\.0\.1:\d+\/\n$/);
        const ask = (key: string) =>
          runProgram('playground/train.ts', [...training, url], { env: { TINKER_API_KEY: key } });
        return [await ask('tml-right'), await ask('tml-wrong')];
      });
      expect(result.map(({ code }) => code)).toEqual([0, 1]);
      expect(JSON.parse(result[0]?.stdout ?? '')).toMatchObject({ steps: 2 });
      expect(end).toMatchObject({ code: 0, stderr: '' });
      expect(end.stdout.trimEnd().split('\n')).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 240_000);

  it('says in one line that its port is taken, and ends at Ctrl-C', async () => {
    const { result, end } = await whileServing([], 'SIGINT', (url) =>
      runProgram(EMULATOR, ['--port', new URL(url).port]),
    );
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/^Port \d+ is taken; --port 0 takes a free one\n$/);
    expect(end).toMatchObject({ code: 0, stderr: '' });
  }, 120_000);

  it('lists the dialects it knows', async () => {
    const { code, stdout } = await runProgram(EMULATOR, ['--help']);
    expect(code).toBe(0);
    expect(dialectNames().filter((name) => !stdout.includes(name))).toEqual([]);
  }, 60_000);

  it('speaks a dialect', async () => {
    const { result } = await whileServing(['--dialect', 'twinkle'], 'SIGTERM', (url) =>
      runProgram('playground/train.ts', ['--steps', '2', '--json', '--base-url', url], {
        env: { TINKER_API_KEY: 'tml-any' },
      }),
    );
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('Missing x-request-id header') });
  }, 120_000);

  it.each([
    [['--port', 'x'], '--port must be a whole number from 0 to 65535, got "x"\n'],
    [['--port', '65536'], '--port must be a whole number from 0 to 65535, got "65536"\n'],
    [['--port', '1e3'], '--port must be a whole number from 0 to 65535, got "1e3"\n'],
    [['--api-key='], '--api-key must not be empty\n'],
    [['--dialect', 'x'], `--dialect must be one of ${dialectNames().join(', ')}, got "x"\n`],
    [['--bogus'], "Unknown option '--bogus'; try npm run emulator -- --help\n"],
    [['8787'], "Unexpected argument '8787'; try npm run emulator -- --help\n"],
  ])(
    'answers %j with one line and exit code 1',
    async (args, message) => {
      expect(await runProgram(EMULATOR, args)).toEqual({ code: 1, stdout: '', stderr: message });
    },
    60_000,
  );
});
