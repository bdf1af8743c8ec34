import { type ErrorFixtures, failureOf, json, type Setting, served, trained } from './fixture.ts';

const PENDING = json(200, {
  type: 'try_again',
  queue_state: 'paused_capacity',
  queue_state_reason: 'no GPU is free',
});
const MODEL = json(200, { model_id: 'sess-1:train:0' });
const DATA = [{ modelInput: [1, 2], lossFnInputs: { target_tokens: [2, 3] } }];
const POLLS: Setting = { script: { retrieve_future: [MODEL, PENDING] } };

/** Limits of the client's own. */
export const LIMITS: ErrorFixtures = {
  title: 'Limits, budgets, circuits',
  fixtures: [
    served(
      'more samples than may run, for who does not wait',
      {
        script: {
          'client/config': [json(200, { sample_max_concurrent_requests: 1 })],
          retrieve_future: [PENDING],
        },
      },
      async ({ service }) => {
        const sampling = await service.createSamplingClient({ baseModel: 'm' });
        void sampling.sample({ prompt: [1], maxTokens: 1 }).status;
        return sampling.sample({ prompt: [2], maxTokens: 1 }, { onLimit: 'throw' });
      },
    ),
    served(
      'a pause that the server asks for, for who does not wait',
      {
        script: {
          asample: [{ status: 429, body: { detail: 'Slow down' }, headers: { 'retry-after': '7' } }],
        },
      },
      async ({ service }) =>
        (await service.createSamplingClient({ baseModel: 'm' })).sample(
          { prompt: [1], maxTokens: 1 },
          { onLimit: 'throw' },
        ),
    ),
    served(
      'what comes while it lasts',
      {
        script: {
          asample: [{ status: 429, body: { detail: 'Slow down' }, headers: { 'retry-after': '7' } }],
        },
      },
      async ({ service }) => {
        const sampling = await service.createSamplingClient({ baseModel: 'm' });
        await failureOf(() => sampling.sample({ prompt: [1], maxTokens: 1 }, { onLimit: 'throw' }));
        return sampling.sample({ prompt: [1], maxTokens: 1 }, { onLimit: 'throw' });
      },
    ),
    trained(
      'a bill to be paid, for who does not wait',
      { script: { optim_step: [json(402, { detail: 'Insufficient balance' })] } },
      (training) => training.optimStep({}, { onLimit: 'throw' }),
    ),
    trained(
      'more tokens than the budget has left',
      { options: { budget: { tokens: 3 } } },
      async (training) => {
        await training.forwardBackward(DATA, 'cross_entropy');
        return training.forwardBackward(DATA, 'cross_entropy');
      },
    ),
    trained(
      'more tokens than the budget has left while others run',
      { ...POLLS, options: { budget: { tokens: 3 } } },
      (training) => {
        void training.forwardBackward(DATA, 'cross_entropy').status;
        return training.forwardBackward(DATA, 'cross_entropy');
      },
    ),
    served(
      'a circuit that is open',
      {
        script: { get_server_capabilities: [json(503, { detail: 'No backend' })] },
        options: { circuitBreaker: { failureThreshold: 1 }, retryBudgetMs: 0 },
      },
      async ({ service }) => {
        await failureOf(() => service.getServerCapabilities());
        return service.getServerCapabilities();
      },
    ),
    served('a client that was closed', {}, async ({ service }) => {
      await service.close();
      return service.getServerCapabilities();
    }),
    trained('a client that is closed meanwhile', POLLS, (training, { service }) => {
      const update = training.optimStep();
      void service.close();
      return update;
    }),
  ],
};
