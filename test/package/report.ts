import { type CommandResult, runCommand } from '../support/command.ts';

/** Counts what was checked, and prints it. */
export interface Report {
  /** Passes unless `work` throws or rejects. */
  check(name: string, work: () => void | Promise<void>): Promise<void>;
  /** Work that has checks in it, and counts itself only where it throws or rejects. Never rejects. */
  part(name: string, work: () => Promise<void>): Promise<void>;
  /** So far. */
  counts(): { readonly passed: number; readonly failed: number };
}

/** A report without an entry. */
export function createReport(): Report {
  let [passed, failed] = [0, 0];
  const fail = (name: string, error: unknown): void => {
    failed += 1;
    console.log(`FAILED  ${name}\n        ${error instanceof Error ? error.message : error}`);
  };
  return {
    async check(name, work) {
      try {
        await work();
        passed += 1;
        console.log(`ok      ${name}`);
      } catch (error) {
        fail(name, error);
      }
    },
    async part(name, work) {
      try {
        await work();
      } catch (error) {
        fail(`${name} came to its end`, error);
      }
    },
    counts: () => ({ passed, failed }),
  };
}

/** @throws Error - saying `otherwise`, where it is not true. */
export function demand(isTrue: boolean, otherwise: string): asserts isTrue {
  if (!isTrue) throw new Error(otherwise);
}

/** @throws Error - naming what is in the list, where there is anything. */
export function demandNone(what: string, found: readonly string[]): void {
  const rest = found.length > 10 ? `\n        and ${found.length - 10} more` : '';
  demand(found.length === 0, `${what}: ${found.slice(0, 10).join('\n        ')}${rest}`);
}

/** Run a command that must succeed. */
export async function must(command: string, args: readonly string[], cwd: string): Promise<CommandResult> {
  const result = await runCommand(command, args, { cwd });
  demand(
    result.code === 0,
    `${command} ${args.join(' ')} ended with ${result.code}: ${result.stderr.slice(-1000)}`,
  );
  return result;
}
