import { once } from 'node:events';
import { XVFB } from './find-browser.ts';
import type { Browser, Launch } from './launch.ts';
import { type OwnProcess, startProcess } from './own-process.ts';

/** Start WebKit's own small browser; it always has a window, so it gets a display without a screen. */
export async function launchWebkit({ program, urls, profile, signal }: Launch): Promise<Browser> {
  const display = startProcess(XVFB, ['-displayfd', '3', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'], {
    hasPipe: true,
    signal,
  });
  try {
    const env = {
      DISPLAY: `:${await displayNumber(display)}`,
      HOME: profile,
      XDG_CACHE_HOME: `${profile}/cache`,
      XDG_CONFIG_HOME: `${profile}/config`,
      XDG_DATA_HOME: `${profile}/data`,
    };
    const webkit = startProcess(program, ['--features=-HiddenPageDOMTimerThrottling', ...urls], {
      env,
      signal,
    });
    return {
      ended: Promise.race([webkit.ended, display.ended]),
      async close() {
        await webkit.end();
        await display.end();
      },
    };
  } catch (error) {
    await display.end();
    throw error;
  }
}

/** The display chooses a free number, and writes it when it is ready. */
async function displayNumber({ child, ended }: OwnProcess): Promise<string> {
  const pipe = child.stdio[3];
  if (pipe === null || pipe === undefined) throw new Error('The display has no pipe');
  const written = once(pipe, 'data').then(([data]) => String(data).trim());
  return Promise.race([written, ended.then((how) => Promise.reject(new Error(`Xvfb ${how}`)))]);
}
