import { spawnSync } from 'node:child_process';
import { type BrowserEngine, findBrowser } from './find-browser.ts';

/** Which version of a browser is installed, such as `153.8.0`; undefined where none is, or it does not tell. */
export function browserVersion(engine: BrowserEngine): string | undefined {
  const found = findBrowser(engine);
  if ('missing' in found) return undefined;
  // WebKit's small browser says nothing without a screen, so Debian is asked for its package.
  const told = engine === 'webkit' ? debianVersion(found.program) : printed(found.program, '--version');
  return /\d+(\.\d+)+/.exec(told)?.[0];
}

/** The version of the Debian package that a file is of; empty where it is of none. */
function debianVersion(file: string): string {
  const name = packageOf(printed('dpkg-query', '--search', file));
  if (name === undefined) return '';
  // An epoch is Debian's own affair.
  return printed('dpkg-query', '--show', '--showformat', '$' + '{Version}', name).replace(/^\d+:/, '');
}

/** @returns the first package of `dpkg-query --search`, whose lines are `package[, package]: file`. */
export function packageOf(listing: string): string | undefined {
  const lines = listing.split('\n').filter((line) => !line.startsWith('diversion by '));
  return lines.map((line) => /^([^\s,]+?)(?:, .*)?: \//.exec(line)?.[1]).find((name) => name !== undefined);
}

function printed(program: string, ...args: readonly string[]): string {
  return spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 }).stdout ?? '';
}
