import { aborted } from './aborted.ts';
import { openBrowser } from './browser.ts';
import type { Functions } from './calls.ts';
import type { BrowserEngine } from './find-browser.ts';
import { type Page, type PageServer, type PageServerOptions, startPageServer } from './page-server.ts';

/** What to open, and where. */
export interface PagesOptions extends PageServerOptions {
  readonly engine: BrowserEngine;
  /** Tabs to open, all of one origin and one profile. */
  readonly count: number;
  /** Ends what hangs. */
  readonly signal: AbortSignal;
}

/**
 * Work with pages in a browser; server, browser and profile are gone afterwards, however it ended.
 *
 * @throws Error - where the browser is missing, ends by itself, or the signal is aborted; or what `work` threw.
 */
export async function withPages<F extends Functions, T>(
  { engine, count, signal, ...served }: PagesOptions,
  work: (pages: readonly Page<F>[], server: PageServer) => Promise<T>,
): Promise<T> {
  const server = await startPageServer(served);
  try {
    const pages = Array.from({ length: count }, (_, index) => server.page<F>(`tab-${index + 1}`));
    const urls = pages.map(({ url }) => url);
    const browser = await openBrowser(engine, urls, signal);
    try {
      const worked = Promise.all(pages.map(({ ready }) => ready)).then(() => work(pages, server));
      const trouble = browser.ended.then((how) => Promise.reject(new Error(`${engine} ${how}`)));
      return await Promise.race([worked, trouble, aborted(signal)]);
    } finally {
      await browser.close();
    }
  } finally {
    await server.close();
  }
}
