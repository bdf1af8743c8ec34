import { bundle } from '../runtimes/bundle.ts';
import type { BrowserEngine } from '../runtimes/find-browser.ts';
import type { Page } from '../runtimes/page-server.ts';
import { withPages } from '../runtimes/with-pages.ts';
import type { PageFunctions } from './page.ts';
import type { Place } from './runtimes.ts';
import type { SuiteLine } from './suite-line.ts';
import type { RunSuite } from './suite-outcome.ts';

/** Run the suite in a browser of its own. */
export function inBrowser(script: string, engine: BrowserEngine, place: Place): RunSuite {
  return async (tell, signal) => {
    const [page, worker] = await Promise.all([
      bundle('test/conformance/page.ts'),
      bundle('test/conformance/worker.ts'),
    ]);
    const scripts = { '/page.js': script + page, '/worker.js': script + worker };
    await withPages<PageFunctions, void>(
      { engine, count: 1, scripts, signal, answer: (request) => takeLine(request, tell) },
      async ([tab]) => {
        if (tab !== undefined) await runIn(tab, place);
      },
    );
  };
}

async function takeLine(request: Request, tell: (line: SuiteLine) => void): Promise<Response | undefined> {
  if (new URL(request.url).pathname !== '/lines') return undefined;
  tell((await request.json()) as SuiteLine);
  return new Response(null, { status: 204 });
}

async function runIn(tab: Page<PageFunctions>, place: Place): Promise<void> {
  const call = { name: 'runConformance', argument: undefined };
  if (place === 'dedicated worker') await tab.call('inDedicatedWorker', call);
  else if (place === 'service worker') await tab.call('inServiceWorker', call);
  else await tab.call('runConformance', undefined);
}
