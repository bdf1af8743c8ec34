import { afterEach, expect, it, vi } from 'vitest';
import { scriptedService } from '../../support/service.ts';

// What thousands of operations hold while they wait is counted here, so that it does not grow unseen.

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Counts the controllers of the platform that are made from here on, but for those that its requests make themselves. */
function countControllers(): { controllers: number } {
  const counted = { controllers: 0 };
  let withinRequest = 0;
  const { AbortController: PlatformController, Request: PlatformRequest } = globalThis;
  const enter = <T>(value: T): T => {
    withinRequest += 1;
    return value;
  };
  vi.stubGlobal(
    'AbortController',
    class extends PlatformController {
      constructor() {
        super();
        if (withinRequest === 0) counted.controllers += 1;
      }
    },
  );
  vi.stubGlobal(
    'Request',
    class extends PlatformRequest {
      constructor(input: RequestInfo | URL, init?: RequestInit) {
        super(enter(input), init);
        withinRequest -= 1;
      }
      override clone(): Request {
        enter(0);
        const copy = super.clone();
        withinRequest -= 1;
        return copy;
      }
    },
  );
  return counted;
}

it('a sample that waits on a poll holds one controller of the platform, and one timer', async () => {
  const { service, clock, finish } = scriptedService({ retrieve_future: ['nothing'] });
  const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
  const samples = 20;
  // Until there is nothing left that happens only once.
  const first = sampler.sample({ prompt: [1], maxTokens: 1 });
  await clock.advance(1_000);
  const counted = countControllers();
  const timers = clock.pending;
  const futures = Array.from({ length: samples }, () => sampler.sample({ prompt: [1], maxTokens: 1 }));
  await clock.advance(1_000);
  expect(futures.map(({ status }) => status)).toEqual(futures.map(() => 'queued'));
  // For each of the two requests one of ours and one of ky's; of these four only ours of the poll is still held.
  expect(counted.controllers).toBe(samples * 2 * 2);
  expect(clock.pending - timers).toBe(samples);
  for (const future of [first, ...futures]) future.cancel('enough');
  await expect(Promise.allSettled(futures)).resolves.toHaveLength(samples);
  await finish();
});
