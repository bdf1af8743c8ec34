import type { Context, Tab } from './contexts.ts';
import { demand } from './demand.ts';
import { closeClients, sharePause } from './shared-pauses.ts';

/**
 * While two contexts sample without a break, each request through the stored circuit, a tab deletes the database or
 * opens it with a higher version. Both must go on, with one complaint each at most, and share what they know again.
 */
export async function disturbDatabase(
  disturbance: 'deleteDatabase' | 'upgradeDatabase',
  contexts: readonly [Context, Context],
  { tab, database }: { readonly tab: Tab; readonly database: string },
): Promise<void> {
  const all = (work: (context: Context) => Promise<unknown>) => Promise.all(contexts.map(work));
  await all((context) =>
    context.call('openClient', { database, server: 'fails every other', failureThreshold: 1_000 }),
  );
  await all((context) => context.call('startSampling', undefined));
  await all((context) => context.call('waitForSamples', { count: 5 }));
  const ending = await tab.call(disturbance, { database });
  await all((context) => context.call('waitForSamples', { count: 10 }));
  await all((context) => context.call('stopSampling', undefined));
  // Trouble makes a client leave its store alone for half a minute. Then all must be well.
  await all((context) => context.call('advance', { ms: 31_000 }));
  await all((context) => context.call('startSampling', undefined));
  await all((context) => context.call('waitForSamples', { count: 5 }));
  for (const context of contexts) {
    const { samples, failures, storageTrouble, storage } = await context.call('stopSampling', undefined);
    demand(storage === 'ok', `the store is ${storage} in the end`);
    demand(failures.length === 0, `of ${samples} samples ${failures.length} failed: ${failures}`);
    demand(storageTrouble.length <= 1, `trouble with the store was told of: ${storageTrouble}`);
  }
  demand(ending === 'is done', `${disturbance} ${ending}`);
  await closeClients(contexts);
  await sharePause(contexts, database);
}
