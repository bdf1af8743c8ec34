import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { type ErrorFixtures, failureOf, json, type Setting, served, trained } from './fixture.ts';

const PENDING = json(200, {
  type: 'try_again',
  queue_state: 'paused_capacity',
  queue_state_reason: 'no GPU is free',
});
const MODEL = json(200, { model_id: 'sess-1:train:0' });
const DATA = [{ modelInput: [1, 2], lossFnInputs: { target_tokens: [2, 3] } }];
const POLLS: Setting = { script: { retrieve_future: [MODEL, PENDING] } };
const lost: Answer = () => {
  throw new TypeError('fetch failed', { cause: new Error('read ECONNRESET') });
};

/** Time that runs out. */
export const TIMES: ErrorFixtures = {
  title: 'Limits of time',
  fixtures: [
    trained('an operation that waits in the server’s queue', POLLS, (training) =>
      training.optimStep({}, { timeoutMs: 60_000 }),
    ),
    trained('one look at it', POLLS, (training) => training.optimStep({}).result({ timeoutMs: 60_000 })),
    trained(
      'an operation whose result cannot be asked for',
      { script: { retrieve_future: [MODEL, json(503, { detail: 'No backend' })] } },
      (training) => training.optimStep({}, { timeoutMs: 60_000 }),
    ),
    trained(
      'an operation that is not accepted',
      { script: { optim_step: [json(503, { detail: 'No backend' })] }, options: { retryBudgetMs: 20_000 } },
      (training) => training.optimStep({}, { timeoutMs: 5_000 }),
    ),
    trained(
      'an operation that waits for one before it',
      { script: { optim_step: ['nothing'] } },
      (training) => {
        void training.optimStep().status;
        return training.saveState('n', { timeoutMs: 5_000 });
      },
    ),
    served(
      'a call that is not answered',
      { script: { get_server_capabilities: ['nothing'] } },
      ({ service }) => service.getServerCapabilities({ timeoutMs: 5_000 }),
    ),
    served(
      'samples that are stuck',
      { script: { retrieve_future: [PENDING] }, options: { progressTimeoutMs: 600_000 } },
      async ({ service }) =>
        (await service.createSamplingClient({ baseModel: 'm' })).sample({ prompt: [1], maxTokens: 1 }),
    ),
  ],
};

/** Numbered requests whose order is in danger. */
export const ORDER: ErrorFixtures = {
  title: 'Order of training requests',
  fixtures: [
    trained(
      'a request that may have arrived, on a server that would take it twice',
      { script: { optim_step: [lost] }, options: { serverDeduplicates: false } },
      (training) => training.optimStep(),
    ),
    trained(
      'a request that may have arrived',
      { script: { optim_step: [lost] }, options: { retryBudgetMs: 0 } },
      (training) => training.optimStep(),
    ),
    trained(
      'what comes after it',
      { script: { optim_step: [lost] }, options: { retryBudgetMs: 0 } },
      async (training) => {
        await failureOf(() => training.optimStep());
        return training.saveState('n');
      },
    ),
    trained(
      'a pass that was taken in part',
      {
        script: {
          forward_backward: [json(200, { request_id: 'a' }), json(400, { detail: 'datum 1 is too long' })],
        },
        options: { clientConfig: { maxChunkLength: 1, parallelChunks: false } },
      },
      (training) => training.forwardBackward([...DATA, ...DATA], 'cross_entropy'),
    ),
    trained(
      'an update whose pass was refused',
      { script: { forward_backward: [json(400, { detail: 'datum 0 is too long' })] } },
      (training) => {
        const { forwardBackward, optimStep } = training.trainStep(DATA, 'cross_entropy');
        void Promise.resolve(forwardBackward).catch(() => {});
        return optimStep;
      },
    ),
  ],
};
