import { spawnSync } from 'node:child_process';
import { basename, dirname } from 'node:path';
import { type BrowserEngine, findBrowser } from './find-browser.ts';

/** Which version of a browser is installed, such as `153.8.0`; undefined where none is, or it does not tell. */
export function browserVersion(engine: BrowserEngine): string | undefined {
  const found = findBrowser(engine);
  if ('missing' in found) return undefined;
  const { stdout } = spawnSync(...commandOf(engine, found.program), { encoding: 'utf8', timeout: 30_000 });
  return /\d+(\.\d+)+/.exec(stdout ?? '')?.[0];
}

/** WebKit's small browser says nothing without a screen, so Debian is asked for the package that its folder is of. */
function commandOf(engine: BrowserEngine, program: string): [command: string, args: readonly string[]] {
  if (engine !== 'webkit') return [program, ['--version']];
  return ['dpkg-query', ['--show', '--showformat', '$' + '{Version}', `lib${basename(dirname(program))}-0`]];
}
