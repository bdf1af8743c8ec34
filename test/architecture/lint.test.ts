import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { ROOT } from './source-files.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** What the project's linter says about a file of this content. */
function lint(code: string): string {
  // Inside the repository, so that the project's own configuration governs it.
  const folder = mkdtempSync(join(ROOT, 'test', 'lint-probe-'));
  folders.push(folder);
  writeFileSync(join(folder, 'probe.ts'), code);
  try {
    return execFileSync(join(ROOT, 'node_modules/.bin/biome'), ['lint', folder], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch (error) {
    return String((error as { stderr?: unknown }).stderr);
  }
}

it('refuses floating promises, and thenables too', () => {
  const promise = lint(
    'async function work(): Promise<void> {}\nexport function start(): void {\n  work();\n}\n',
  );
  expect(promise).toContain('noFloatingPromises');
  const thenable = lint(
    'export function start(future: PromiseLike<number>, go: () => PromiseLike<number>): void {\n  go();\n  void future;\n}\n',
  );
  expect(thenable).toContain('noFloatingPromises');
});
