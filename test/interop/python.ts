import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandResult, runCommand } from '../support/command.ts';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const ENVIRONMENT = join(FOLDER, '.venv');
const REQUIREMENTS = join(FOLDER, 'requirements.txt');
const AFTERWARDS = join(FOLDER, 'torch_on_cpu.py');

/** The oldest version that the official SDK runs on. */
const OLDEST = [3, 11] as const;
const CANDIDATES = ['python3', 'python', 'python3.14', 'python3.13', 'python3.12', 'python3.11'];

/** Something this machine lacks; its message says what to do. */
export class MissingError extends Error {}

/**
 * A Python with the official SDK, in a virtual environment beside this file. Made when it is not there, or was made for
 * other packages.
 *
 * @returns the interpreter.
 * @throws MissingError
 */
export async function pythonWithTinker(print: (line: string) => void): Promise<string> {
  const interpreter = join(ENVIRONMENT, 'bin/python');
  const stamp = join(ENVIRONMENT, 'made-for.txt');
  const wanted = readFileSync(REQUIREMENTS, 'utf8') + readFileSync(AFTERWARDS, 'utf8');
  const isThere = existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  if (isThere && (await run(interpreter, ['-c', 'import tinker'])).code === 0) return interpreter;
  const python = await findPython();
  print(`making ${ENVIRONMENT}, which downloads 600 MB`);
  rmSync(ENVIRONMENT, { recursive: true, force: true });
  const made = await run(python, ['-m', 'venv', ENVIRONMENT]);
  if (made.code !== 0)
    throw new MissingError(
      `${python} cannot make a virtual environment (Debian: apt-get install python3-venv): ${lastLine(made)}`,
    );
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  const installed = await run(interpreter, [
    ...pip,
    ...['--no-deps', '--only-binary', ':all:', '--requirement', REQUIREMENTS],
  ]);
  if (installed.code !== 0)
    throw new MissingError(`pip could not install ${REQUIREMENTS}: ${lastLine(installed)}`);
  const prepared = await run(interpreter, [AFTERWARDS]);
  if (prepared.code !== 0) throw new Error(`${AFTERWARDS} failed: ${prepared.stderr.slice(-2000)}`);
  writeFileSync(stamp, wanted);
  return interpreter;
}

async function findPython(): Promise<string> {
  const found: string[] = [];
  for (const name of CANDIDATES) {
    const { code, stdout } = await run(name, ['-c', 'import sys; print(*sys.version_info[:2])']);
    const [major = 0, minor = 0] = code === 0 ? stdout.split(' ').map(Number) : [];
    if (major === OLDEST[0] && minor >= OLDEST[1]) return name;
    if (code === 0) found.push(`${name} is ${major}.${minor}`);
  }
  throw new MissingError(`needs Python ${OLDEST.join('.')} or newer; ${found.join(', ') || 'there is none'}`);
}

/** Run a command that may not be there. */
async function run(command: string, args: readonly string[]): Promise<CommandResult> {
  try {
    return await runCommand(command, args);
  } catch (error) {
    return { code: 'not found', stdout: '', stderr: String(error) };
  }
}

function lastLine({ stdout, stderr }: CommandResult): string {
  return (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '';
}
