import { bundle } from '../runtimes/bundle.ts';
import type { BrowserEngine } from '../runtimes/find-browser.ts';
import type { PageServer } from '../runtimes/page-server.ts';
import type { Recorder } from '../runtimes/recorder.ts';
import { withPages } from '../runtimes/with-pages.ts';
import { type Context, type Tab, workerOf } from './contexts.ts';
import { demand } from './demand.ts';
import { disturbDatabase } from './disturbed-database.ts';
import type { PageFunctions } from './page.ts';
import { shareBreaker } from './shared-breaker.ts';
import { shareOpenCircuit, sharePause } from './shared-pauses.ts';
import { shareTokenizer } from './shared-tokenizer.ts';
import { shareValues } from './shared-values.ts';
import { createTinyHub, type TinyHub } from './tiny-hub.ts';

/** Browsers by the name they are reported under. */
const NAMES: Readonly<Record<BrowserEngine, string>> = {
  chromium: 'Chromium',
  firefox: 'Firefox',
  webkit: 'WebKit',
};

/** The stores that browsers have, alone and shared, in one browser. */
export async function storesInBrowser(
  engine: BrowserEngine,
  { recorder, signal }: { readonly recorder: Recorder; readonly signal: AbortSignal },
): Promise<void> {
  const name = NAMES[engine];
  const [page, worker] = await Promise.all([bundle('test/stores/page.ts'), bundle('test/stores/worker.ts')]);
  const scripts = { '/page.js': page, '/worker.js': worker };
  const hub = createTinyHub();
  const { answer } = hub;
  // A browser that is missing, or ends, is a failure like any other.
  await withPages<PageFunctions, void>(
    { engine, scripts, answer, count: 2, signal },
    ([one, other], server) => storesInTabs(name, [one as Tab, other as Tab], { recorder, server, hub }),
  ).catch((error: unknown) => recorder.check(name, 'runs', () => Promise.reject(error)));
}

/** What the tabs' checks need beside the tabs. */
interface Needs {
  readonly recorder: Recorder;
  readonly server: PageServer;
  readonly hub: TinyHub;
}

async function storesInTabs(
  browser: string,
  tabs: readonly [Tab, Tab],
  { recorder, server, hub }: Needs,
): Promise<void> {
  const [one, other] = tabs;
  const dedicated = workerOf(one, 'inDedicatedWorker');
  const service = workerOf(one, 'inServiceWorker');
  const places: [string, Context][] = [
    ['tab', one],
    ['dedicated worker', dedicated],
    ['service worker', service],
  ];
  for (const [place, context] of places)
    for (const store of ['memory', 'IndexedDB'] as const)
      await recorder.cases(`${browser}, ${place}, ${store}`, 'the contract', () =>
        context.call('runContract', store),
      );

  const pairs: [string, readonly [Context, Context]][] = [
    ['two tabs', tabs],
    ['tab and dedicated worker', [one, dedicated]],
    ['tab and service worker', [other, service]],
  ];
  for (const [pair, contexts] of pairs) {
    const check = (what: string, work: (database: string) => Promise<void>): Promise<void> =>
      recorder.check(`${browser}, ${pair}`, what, () => work(`${pair}: ${what}`));
    await check('see each other’s values', (database) => shareValues(contexts, database));
    await check('500 outcomes of each come to one circuit', (database) => shareBreaker(contexts, database));
    await check('one keeps the pause that the other was asked for', (database) =>
      sharePause(contexts, database),
    );
    await check('one keeps the circuit open that the other opened', (database) =>
      shareOpenCircuit(contexts, database),
    );
    await check('only one downloads a tokenizer', (database) => shareTokenizer(contexts, { database, hub }));
    if (contexts !== tabs) continue;
    await check('both go on when the database is deleted', (database) =>
      disturbDatabase('deleteDatabase', tabs, { tab: other, database }),
    );
    await check('both go on when the database gets a higher version', (database) =>
      disturbDatabase('upgradeDatabase', tabs, { tab: other, database }),
    );
  }
  await recorder.check(browser, 'no error or rejection was left uncaught', async () => {
    demand(server.troubles.length === 0, server.troubles.join('\n'));
  });
}
