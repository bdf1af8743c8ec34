import type { Argument, Callable, Result } from '../runtimes/calls.ts';
import type { Page } from '../runtimes/page-server.ts';
import type { PageFunctions } from './page.ts';
import type { ContextFunctions } from './page-functions.ts';

/** A tab, or a worker of one: a context with a memory of its own that shares the origin's databases. */
export type Context = Callable<ContextFunctions>;

/** A tab. */
export type Tab = Page<PageFunctions>;

/** The dedicated worker, or the service worker, of a tab. */
export function workerOf(tab: Tab, through: 'inDedicatedWorker' | 'inServiceWorker'): Context {
  return {
    call: <K extends keyof ContextFunctions & string>(name: K, argument: Argument<ContextFunctions, K>) =>
      tab.call(through, { name, argument }) as Promise<Result<ContextFunctions, K>>,
  };
}
