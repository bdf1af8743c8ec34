import { describe, expect, it } from 'vitest';
import { isTinkerError } from '../../src/index.ts';
import { type SeenRequest, scriptedFetch } from '../../src/testing/scripted-fetch.ts';
import { batch, offline } from '../support/offline.ts';
import { forbidUnhandledRejections } from '../support/unhandled.ts';

forbidUnhandledRejections();

/** A training client over an emulator whose traffic is counted. */
async function trained(script: Parameters<typeof scriptedFetch>[0] = {}) {
  let scripted: ReturnType<typeof scriptedFetch> | undefined;
  const setup = offline({
    wrap: (fetch) => {
      scripted = scriptedFetch(script, fetch);
      return scripted.fetch;
    },
  });
  const { clock, service, emulator } = setup;
  const training = await clock.drive(
    service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 4, seed: 1 }),
  );
  return { ...setup, training, requests: scripted?.requests ?? [] };
}

/** What is sent for its own sake: all but heartbeats. */
const ownRequests = (requests: readonly SeenRequest[]) =>
  requests.filter(({ path }) => path !== 'session_heartbeat');

/** How a promise ended: `['value', v]` or `['error', e]`. */
const outcome = (work: PromiseLike<unknown>): Promise<readonly [string, unknown]> =>
  Promise.resolve(
    work.then(
      (value) => ['value', value] as const,
      (error: unknown) => ['error', error] as const,
    ),
  );

describe('abort', () => {
  // Each stage as the virtual milliseconds after the call at which the signal fires.
  it.each([
    ['before the call', undefined],
    ['while queued behind another request', 0],
    ['while submitted and polled', 50],
    ['just before the result', 99],
  ])(
    '%s rejects with the very reason, sends nothing more and leaves the client usable',
    async (_, delayMs) => {
      const { clock, service, training, requests } = await trained();
      for (const reason of [new Error('mine'), 'a string', { custom: true }]) {
        const controller = new AbortController();
        if (delayMs === undefined) controller.abort(reason);
        const ahead = training.forwardBackward(batch(1), 'cross_entropy');
        const aborted = outcome(
          training.forwardBackward(batch(1), 'cross_entropy', { signal: controller.signal }),
        );
        if (delayMs !== undefined) {
          await clock.advance(delayMs);
          controller.abort(reason);
        }
        const ended = await clock.drive(aborted);
        expect(ended[0]).toBe('error');
        expect(ended[1]).toBe(reason);
        await clock.drive(ahead);
        const sent = ownRequests(requests).length;
        await clock.advance(5_000);
        expect(ownRequests(requests)).toHaveLength(sent);
        expect((await clock.drive(training.optimStep())).metrics).toBeDefined();
      }
      await service.close();
      expect(clock.pending).toBe(0);
    },
  );

  it('in the middle of a submission frees the caller at once and keeps the order', async () => {
    let answer = (): void => {};
    const emulated: { fetch?: (request: Request) => Promise<Response> } = {};
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { clock, service, emulator, training, requests } = await trained({
      forward_backward: [
        async (request) => {
          await gate;
          return emulated.fetch!(request);
        },
        (request) => emulated.fetch!(request),
      ],
    });
    emulated.fetch = emulator.fetch;
    const controller = new AbortController();
    const aborted = outcome(
      training.forwardBackward(batch(1), 'cross_entropy', { signal: controller.signal }),
    );
    const next = training.optimStep({ learningRate: 0.1 });
    await clock.advance(1);
    controller.abort('stop');
    expect(await clock.drive(aborted)).toEqual(['error', 'stop']);
    expect(next.status).toBe('submitting');
    answer();
    // The server took the pass as number 1, so the step is number 2 and finds its gradient.
    expect((await clock.drive(next)).metrics['grad_norm:mean']).toBeGreaterThan(0);
    expect(requests.filter(({ path }) => path === 'optim_step').map(({ body }) => body['seq_id'])).toEqual([
      2,
    ]);
    await service.close();
    expect(clock.pending).toBe(0);
  });

  it('of the call that opens the session leaves the session to the next one', async () => {
    const { clock, service, emulator } = offline();
    const controller = new AbortController();
    const lora = { baseModel: emulator.modelName, rank: 4 };
    const first = outcome(service.createLoraTrainingClient(lora, { signal: controller.signal }));
    const second = service.createLoraTrainingClient(lora);
    controller.abort('changed my mind');
    expect(await clock.drive(first)).toEqual(['error', 'changed my mind']);
    expect((await clock.drive(second)).modelId).toMatch(/:train:\d$/);
    await service.close();
    expect(clock.pending).toBe(0);
  });

  it('adds one listener to a signal shared by a thousand calls, and takes it away again', async () => {
    const { clock, service, emulator } = offline();
    const sampler = await clock.drive(service.createSamplingClient({ baseModel: emulator.modelName }));
    const { signal } = new AbortController();
    let listeners = 0;
    let most = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      most = Math.max(most, ++listeners);
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    const samples = Array.from({ length: 1000 }, () =>
      sampler.sample({ prompt: [65], maxTokens: 1 }, { signal }),
    );
    await clock.drive(Promise.all(samples));
    expect([most, listeners]).toEqual([1, 0]);
    await service.close();
    expect(clock.pending).toBe(0);
  });

  it('by cancel() ends one future and no other', async () => {
    const { clock, service, training } = await trained();
    const [first, second] = [
      training.forward(batch(1), 'cross_entropy'),
      training.forward(batch(1), 'cross_entropy'),
    ];
    await clock.advance(20);
    first.cancel();
    const [, reason] = await clock.drive(outcome(first));
    expect(reason).toMatchObject({ name: 'AbortError' });
    expect(first.status).toBe('failed');
    await clock.drive(second);
    await service.close();
    expect(clock.pending).toBe(0);
  });
});

describe('close', () => {
  it.each([0, 1, 50, 150])(
    '%d ms into the work rejects all of it and leaves nothing running',
    async (delayMs) => {
      const { clock, service, training, requests } = await trained();
      const works = [
        training.forwardBackward(batch(1), 'cross_entropy'),
        training.optimStep(),
        training.saveState('x'),
        training.saveWeightsAndGetSamplingClient(),
        training.getInfo(),
        service.createSamplingClient({ baseModel: 'emulator/tiny' }),
      ].map(outcome);
      await clock.advance(delayMs);
      await service.close();
      for (const [how, what] of await Promise.all(works)) {
        if (how === 'error') expect(isTinkerError(what, 'client_closed')).toBe(true);
      }
      expect((await works[2]!)[0]).toBe('error');
      const sent = requests.length;
      await clock.advance(60_000);
      expect(requests).toHaveLength(sent);
      expect(clock.pending).toBe(0);
    },
  );

  it('can be repeated, refuses later calls, and is what `await using` calls', async () => {
    const { service, training, clock } = await trained();
    await Promise.all([service.close(), service.close()]);
    await service[Symbol.asyncDispose]();
    for (const late of [training.optimStep(), training.getInfo(), service.getServerCapabilities()]) {
      const [, error] = await outcome(late);
      expect(isTinkerError(error, 'client_closed')).toBe(true);
    }
    expect(clock.pending).toBe(0);
  });

  it('of a service that was never used does nothing', async () => {
    const { service, clock } = offline();
    await service.close();
    expect(clock.pending).toBe(0);
  });
});

it('limits a wait without ending the operation, and an operation with its last words', async () => {
  const { clock, service, training } = await trained();
  const future = training.forward(batch(1), 'cross_entropy');
  const [, early] = await clock.drive(outcome(future.result({ timeoutMs: 10 })));
  expect(early).toMatchObject({ code: 'timed_out', scope: 'wait', limitMs: 10 });
  const { signal } = Object.assign(new AbortController());
  expect(
    (await clock.drive(future.result({ signal, timeoutMs: 10_000 }))).metrics['loss:sum'],
  ).toBeGreaterThan(0);
  expect(future.status).toBe('done');
  expect(future.elapsedMs).toBe(100);
  const [, late] = await clock.drive(outcome(training.forward(batch(1), 'cross_entropy', { timeoutMs: 50 })));
  expect(late).toMatchObject({ code: 'timed_out', scope: 'operation', retryable: false });
  await clock.drive(training.optimStep());
  await service.close();
  expect(clock.pending).toBe(0);
});
