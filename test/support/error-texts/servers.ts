import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import {
  type ErrorFixture,
  type ErrorFixtures,
  json,
  page,
  type Setting,
  served,
  trained,
} from './fixture.ts';

/** The first request of a training client is answered so. */
const opening = (name: string, answer: Answer, setting: Setting = {}): ErrorFixture =>
  served(name, { ...setting, script: { create_session: [answer], ...setting.script } }, ({ service }) =>
    service.createLoraTrainingClient({ baseModel: 'm' }),
  );

/** A submission is answered so. */
const submitting = (name: string, answers: readonly Answer[], setting: Setting = {}): ErrorFixture =>
  trained(name, { ...setting, script: { optim_step: answers, ...setting.script } }, (training) =>
    training.optimStep(),
  );

/** A poll is answered so. */
const polling = (name: string, answer: Answer, setting: Setting = {}): ErrorFixture =>
  trained(
    name,
    {
      ...setting,
      script: {
        retrieve_future: [json(200, { model_id: 'sess-1:train:0' }), answer],
        ...setting.script,
      },
    },
    (training) => training.optimStep(),
  );

const FASTAPI_422 = {
  detail: [
    { type: 'missing', loc: ['body', 'lora_config', 'rank'], msg: 'Field required', input: {} },
    { type: 'int_parsing', loc: ['body', 'seq_id'], msg: 'Input should be a valid integer' },
  ],
};

/** What servers and proxies refuse. */
export const REFUSALS: ErrorFixtures = {
  title: 'Refusals of servers and proxies',
  fixtures: [
    opening('a key that is not known (the hosted service)', json(401, { error: 'Invalid API key' })),
    opening('a key that is not known (FastAPI)', json(401, { detail: 'Invalid API key' })),
    opening('a key that may not', json(403, { detail: 'This key cannot create sessions' })),
    opening('a bill to be paid, which nobody waits for', json(402, { detail: 'Insufficient balance' }), {
      options: { billingPauseMs: 0 },
    }),
    opening('the address of something else (FastAPI)', json(404, { detail: 'Not Found' })),
    opening('the address of something else (a page)', page(404, '<html><h1>404 Not Found</h1></html>')),
    opening('the address of something else that answers', page(200, '<!doctype html><title>Welcome</title>')),
    opening(
      'a redirect',
      () => new Response('', { status: 308, headers: { location: 'https://www.tinker.test/' } }),
    ),
    opening('fields that are missing (FastAPI)', json(422, FASTAPI_422)),
    opening(
      'a request that is too large (nginx)',
      page(413, '<html><h1>413 Request Entity Too Large</h1></html>'),
    ),
    opening('a status that nobody expects', page(418, 'short and stout', 'text/plain')),
    submitting('a model that is gone', [json(404, { detail: "Model 'sess-1:train:0' not found" })]),
    submitting('a number that was used (SkyRL)', [
      json(409, { detail: 'Training request sequence number was reused' }),
    ]),
    submitting('an error message as an object', [
      json(400, { error: { message: 'rank must be 32', code: 'bad_rank' } }),
    ]),
    submitting('an error_message (Open-RL)', [json(400, { error_message: 'Unknown loss' })]),
    submitting('a crash that repeats', [page(500, 'Internal Server Error', 'text/plain')]),
    opening('an outage that lasts', json(503, { detail: 'No backend' }), {
      options: { retryBudgetMs: 5_000 },
    }),
    opening(
      'a rate limit that lasts',
      { status: 429, body: { detail: 'Slow down' }, headers: { 'retry-after': '2' } },
      {
        options: { retryBudgetMs: 5_000 },
      },
    ),
    trained(
      'a name that is taken',
      { script: { save_weights: [json(409, { detail: "Checkpoint 'final' already exists" })] } },
      (training) => training.saveState('final'),
    ),
  ],
};

/** Answers that are no answers. */
export const CONFUSIONS: ErrorFixtures = {
  title: 'Answers that do not follow the protocol',
  fixtures: [
    opening(
      'JSON that is cut, again and again',
      { status: 200, text: '{"session_id": "se' },
      {
        options: { retryBudgetMs: 5_000 },
      },
    ),
    opening('a session without an id', json(200, { hello: 1 })),
    submitting('a submission without an id (TinkerCloud)', [
      json(200, { status: 'deprecated', message: 'use load' }),
    ]),
    polling('a result of another shape', json(200, { metrics: [1, 2] })),
    polling('a result that nobody can read, again and again', { status: 200, text: '{"metrics": {' }),
    trained(
      'a tensor of another shape than it says',
      {
        script: {
          retrieve_future: [
            json(200, { model_id: 'm' }),
            json(200, { loss_fn_outputs: [{ logprobs: { data: [1], dtype: 'float32', shape: [2] } }] }),
          ],
        },
      },
      (training) =>
        training.forward([{ modelInput: [1, 2], lossFnInputs: { target_tokens: [2, 3] } }], 'cross_entropy'),
    ),
    served(
      'log-probabilities of other tokens',
      { script: { retrieve_future: [json(200, { sequences: [{ tokens: [1, 2], logprobs: [-1] }] })] } },
      async ({ service }) =>
        (await service.createSamplingClient({ baseModel: 'm' })).sample({ prompt: [1], maxTokens: 2 }),
    ),
    served(
      'prompt log-probabilities that are missing',
      { script: { retrieve_future: [json(200, { sequences: [], prompt_logprobs: null })] } },
      async ({ service }) =>
        (await service.createSamplingClient({ baseModel: 'm' })).computeLogprobs([1, 2, 3]),
    ),
  ],
};

/** Operations that were accepted, and came to nothing. */
export const FAILED_OPERATIONS: ErrorFixtures = {
  title: 'Operations that fail',
  fixtures: [
    polling(
      'an operation that the user got wrong',
      json(200, { error: 'Unknown adapter', category: 'user' }),
    ),
    polling(
      'an operation that the server got wrong',
      json(200, { error: 'CUDA out of memory', category: 'server' }),
    ),
    polling('an operation that failed without a word', json(200, { error: null })),
    polling('an operation that failed as a status (SkyRL)', json(400, { detail: 'Model not loaded' })),
    polling(
      'a quota that is told as a failure (Twinkle)',
      json(200, { error: 'Rate limit exceeded', category: 'User' }),
    ),
    polling('a result that has expired', json(410, { detail: 'Future evicted' })),
    polling('a future that is not known', json(404, { detail: 'Future not found' })),
    polling('a crash on each poll', page(500, 'Internal Server Error', 'text/plain')),
    polling('a key that was withdrawn meanwhile', json(401, { detail: 'Invalid API key' })),
    polling('a bill to be paid, which nobody waits for', json(402, { detail: 'Insufficient balance' }), {
      options: { billingPauseMs: 0 },
    }),
  ],
};
