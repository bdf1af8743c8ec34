import { runCommand } from '../support/command.ts';

// The README's first command, as a user runs it: what it promises of the losses must hold. Takes its minute.

interface Result {
  readonly steps: number;
  readonly lossStart: number;
  readonly lossEnd: number;
  readonly heldOutStart: number;
  readonly heldOutEnd: number;
}

const { code, stdout, stderr } = await runCommand('npm', ['start', '--silent', '--', '--json']);
const result = code === 0 ? (JSON.parse(stdout) as Result) : undefined;
const checks: readonly (readonly [string, boolean])[] = [
  [`npm start ends by itself with exit code 0 (${code}${stderr && `: ${stderr.slice(-500)}`})`, code === 0],
  [
    'the training loss is at most half of where it started',
    result !== undefined && result.lossEnd <= result.lossStart / 2,
  ],
  [
    'the held-out loss is lower by a quarter',
    result !== undefined && result.heldOutEnd <= result.heldOutStart * 0.75,
  ],
];
console.log(stdout.trim());
for (const [name, isTrue] of checks) console.log(`${isTrue ? 'ok     ' : 'FAILED '} ${name}`);
const failed = checks.filter(([, isTrue]) => !isTrue).length;
console.log(`${checks.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
