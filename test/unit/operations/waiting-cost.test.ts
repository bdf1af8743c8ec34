import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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

/** Requests that are made of an address from here on, as long as somebody holds them: ky makes those. */
function watchRequests(): () => number {
  const made: WeakRef<Request>[] = [];
  const PlatformRequest = globalThis.Request;
  vi.stubGlobal(
    'Request',
    class extends PlatformRequest {
      constructor(input: RequestInfo | URL, init?: RequestInit) {
        super(input, init);
        if (!(input instanceof PlatformRequest)) made.push(new WeakRef<Request>(this));
      }
    },
  );
  return () => made.filter((reference) => reference.deref() !== undefined).length;
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round++) {
    // What a turn has looked at is kept to its end.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
}

it('a sample that waits on a poll holds nothing of what ky made for it', async () => {
  // As a platform does, which holds what it will answer.
  const pending: unknown[] = [];
  const poll = (): Promise<Response> => new Promise((...settle) => void pending.push(settle));
  const { service, clock, finish } = scriptedService({ retrieve_future: [poll] });
  const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
  const held = watchRequests();
  const future = sampler.sample({ prompt: [1], maxTokens: 1 });
  await clock.advance(1_000);
  expect([future.status, pending.length]).toEqual(['queued', 1]);
  expect(held()).toBeGreaterThan(0);
  await collectGarbage();
  expect(held()).toBe(0);
  future.cancel('enough');
  await expect(future).rejects.toBe('enough');
  await finish();
});

it('a sample that waits on a poll has had four controllers of the platform, and has one timer', async () => {
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
  // For each of the two requests one of ours and one of ky's.
  expect(counted.controllers).toBe(samples * 2 * 2);
  expect(clock.pending - timers).toBe(samples);
  for (const future of [first, ...futures]) future.cancel('enough');
  await expect(Promise.allSettled(futures)).resolves.toHaveLength(samples);
  await finish();
});
