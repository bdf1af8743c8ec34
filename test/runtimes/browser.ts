import { type BrowserEngine, findBrowser } from './find-browser.ts';
import type { Browser, Launch } from './launch.ts';
import { launchChromium } from './launch-chromium.ts';
import { launchFirefox } from './launch-firefox.ts';
import { launchWebkit } from './launch-webkit.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

const LAUNCHERS: Readonly<Record<BrowserEngine, (launch: Launch) => Promise<Browser>>> = {
  chromium: launchChromium,
  firefox: launchFirefox,
  webkit: launchWebkit,
};

/** Open pages in a browser without a window, in a fresh profile. @throws Error - saying what is missing. */
export async function openBrowser(
  engine: BrowserEngine,
  urls: readonly string[],
  signal: AbortSignal,
): Promise<Browser> {
  const found = findBrowser(engine);
  if ('missing' in found) throw new Error(found.missing);
  const { path: profile, drop } = openTemporaryFolder(engine);
  try {
    const browser = await LAUNCHERS[engine]({ program: found.program, urls, profile, signal });
    return {
      ended: browser.ended,
      async close() {
        try {
          await browser.close();
        } finally {
          drop();
        }
      },
    };
  } catch (error) {
    drop();
    throw error;
  }
}
