import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Launch } from './launch.ts';
import { startProcess } from './own-process.ts';

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--no-proxy-server',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  '--remote-debugging-port=0',
];

/** Start Chromium. Without a window it takes one address only, so the tabs are opened through its debugging port. */
export async function launchChromium({ program, urls, profile, signal }: Launch): Promise<Browser> {
  const chromium = startProcess(program, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    env: { HOME: profile },
    signal,
  });
  try {
    const port = await debuggingPort(profile, chromium.ended);
    for (const url of urls) {
      const answer = await fetch(`http://127.0.0.1:${port}/json/new?${url}`, { method: 'PUT' });
      if (!answer.ok) throw new Error(`Chromium opened no tab: ${await answer.text()}`);
    }
  } catch (error) {
    await chromium.end();
    throw error;
  }
  return { ended: chromium.ended, close: () => chromium.end() };
}

/** Chromium writes down which port it chose. */
async function debuggingPort(profile: string, ended: Promise<string>): Promise<string> {
  const file = join(profile, 'DevToolsActivePort');
  let end: string | undefined;
  void ended.then((how) => {
    end = how;
  });
  for (;;) {
    const [port, path] = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
    if (port && path) return port;
    if (end !== undefined) throw new Error(`Chromium ${end}`);
    await sleep(50);
  }
}
