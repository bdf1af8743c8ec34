import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../support/command.ts';
import type { Tally } from './tally.ts';

const SCRIPT = fileURLToPath(new URL('python_names.py', import.meta.url));
const LIST = fileURLToPath(new URL('../golden/python-names.json', import.meta.url));

/** Whether the list that the README's table of names is held to is that of the installed package. */
export async function checkPythonNames(tally: Tally, python: string): Promise<void> {
  const { code, stdout, stderr } = await runCommand(python, [SCRIPT], {
    env: { PYTHONDONTWRITEBYTECODE: '1' },
  });
  const rewrite = 'python test/interop/python_names.py test/golden/python-names.json writes it anew';
  const problem = code === 0 ? differingLine(stdout, readFileSync(LIST, 'utf8')) : stderr.slice(-2000);
  tally.check('the list of public names is that of the package', problem && `${problem}; ${rewrite}`);
}

/** The first line that is not the same; `undefined` where none is. */
export function differingLine(installed: string, listed: string): string | undefined {
  if (installed === listed) return undefined;
  const [has, lists] = [installed.split('\n'), listed.split('\n')];
  const at = has.findIndex((line, i) => line !== lists[i]);
  return `line ${at + 1}: the package has ${has[at]?.trim()}, the list ${lists[at]?.trim()}`;
}
