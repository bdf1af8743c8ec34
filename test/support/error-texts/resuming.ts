import { createServiceClient, type FutureHandle, type ResumableKind } from '../../../src/index.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { type ErrorFixture, type ErrorFixtures, failureOf, SECRET_KEY } from './fixture.ts';

/** A handle that did not come back as it was. */
const handle = (name: string, changes: object): ErrorFixture => ({
  name,
  provoke: async () => {
    const clock = createVirtualClock();
    const service = createServiceClient({
      apiKey: SECRET_KEY,
      baseUrl: 'https://tinker.test',
      fetch: async () => Response.json({}),
      clock,
    });
    const kept = { version: 1, kind: 'optim_step', requestIds: ['request-7'], ...changes };
    const error = await failureOf(
      () => service.resume(kept as FutureHandle & { readonly kind: ResumableKind }),
      clock,
    );
    await service.close();
    return error;
  },
});

/** Mistakes in resuming. */
export const RESUMING: ErrorFixtures = {
  title: 'Resuming',
  fixtures: [
    {
      name: 'the text of a handle',
      provoke: async () => {
        const service = createServiceClient({
          apiKey: SECRET_KEY,
          baseUrl: 'https://tinker.test',
          fetch: async () => Response.json({}),
        });
        const error = await failureOf(() => service.resume('{"version":1}' as never));
        await service.close();
        return error;
      },
    },
    handle('a handle that was taken too early', { requestIds: [] }),
    handle('a handle of another version', { version: 2 }),
    handle('a handle of an operation that cannot be resumed', { kind: 'unknown' }),
    handle('a handle with too many ids', { requestIds: ['request-7', 'request-8'] }),
    handle('a handle with an id that is no text', { requestIds: [7] }),
    handle('a handle with a length that is none', { kind: 'sample', promptLength: 0 }),
  ],
};
