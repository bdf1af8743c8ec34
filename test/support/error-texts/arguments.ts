import type {
  CallOptions,
  Datum,
  ForwardOptions,
  SampleRequest,
  SamplingSource,
} from '../../../src/index.ts';
import { ModelInput } from '../../../src/index.ts';
import { type ErrorFixture, type ErrorFixtures, json, local, served, trained } from './fixture.ts';

const TOKENS = [3, 5];
const RIGHT = { modelInput: TOKENS, lossFnInputs: { target_tokens: [5, 7] } };

/** A pass over data that cannot be right. */
const pass = (name: string, data: unknown, lossFn = 'cross_entropy', options: object = {}): ErrorFixture =>
  trained(name, {}, (training) =>
    training.forwardBackward(
      data as Datum<'cross_entropy'>[],
      lossFn as 'cross_entropy',
      options as ForwardOptions,
    ),
  );

/** A pass whose second datum has these tensors of the loss. */
const inputs = (name: string, lossFnInputs: object, lossFn = 'cross_entropy'): ErrorFixture => {
  const first = lossFn === 'cross_entropy' ? RIGHT.lossFnInputs : { target_tokens: [5, 7], ...POLICY };
  return pass(
    name,
    [
      { modelInput: TOKENS, lossFnInputs: first },
      { modelInput: TOKENS, lossFnInputs },
    ],
    lossFn,
  );
};
const POLICY = { logprobs: [-1, -1], advantages: [1, 1] };

/** A pass whose second datum reads this. */
const reads = (name: string, modelInput: unknown): ErrorFixture =>
  pass(name, [RIGHT, { ...RIGHT, modelInput }]);

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** Mistakes in data to train on. */
export const DATA_MISTAKES: ErrorFixtures = {
  title: 'Data to train on',
  fixtures: [
    pass('no data', []),
    pass('one datum instead of a list', RIGHT),
    pass('a datum that is missing', [RIGHT, undefined]),
    pass('a loss that does not exist', [RIGHT], 'crossentropy'),
    pass('a setting of the loss that is not a number', [RIGHT], 'cross_entropy', {
      lossFnConfig: { clip: Number.NaN },
    }),
    reads('text instead of tokens', 'the quick brown fox'),
    reads('no model input', undefined),
    reads('a model input of no tokens', []),
    reads('a token that is a fraction', [3, 0.5]),
    reads('a token below zero', [3, -1]),
    reads('a token that is missing', [3, undefined]),
    reads('a chunk of a kind that does not exist', { chunks: [{ type: 'text', tokens: TOKENS }] }),
    reads('an image of another format than it says', {
      chunks: [{ type: 'image', data: PNG, format: 'jpeg' }],
    }),
    reads('an image that is elsewhere', {
      chunks: [{ type: 'image_asset_pointer', location: 'asset:1', format: 'png' }],
    }),
    reads('an image as a data URL', {
      chunks: [{ type: 'image', data: 'data:image/png;base64,iVBORw0KGgo=', format: 'png' }],
    }),
    reads('audio that is no serialised tensor', { chunks: [{ type: 'dmel', dmel: Uint8Array.of(99, 1) }] }),
    inputs('no targets', {}),
    inputs('fewer targets than tokens', { target_tokens: [5] }),
    inputs('a target that is no token', { target_tokens: [5, -7] }),
    inputs('weights of another length', { target_tokens: [5, 7], weights: [1] }),
    inputs('a weight that is NaN', { target_tokens: [5, 7], weights: [1, Number.NaN] }),
    inputs('a weight beyond float32', { target_tokens: [5, 7], weights: [1, 1e39] }),
    inputs('a tensor that the loss does not read', { target_tokens: [5, 7], weight: [1, 1] }),
    inputs('a tensor that the loss needs', { target_tokens: [5, 7], logprobs: [-1, -1] }, 'ppo'),
    inputs(
      'an advantage that is infinite',
      { target_tokens: [5, 7], ...POLICY, advantages: [1, Number.POSITIVE_INFINITY] },
      'ppo',
    ),
    inputs('rows of targets without weights', {
      target_tokens: [
        [5, 7],
        [7, 5],
      ],
    }),
    inputs('rows of different lengths', { target_tokens: [[5, 7], [7]] }),
    inputs('a tensor with the wrong shape', { target_tokens: { data: [5, 7], dtype: 'int64', shape: [3] } }),
    inputs('a tensor of the wrong type', { target_tokens: { data: [5, 7], dtype: 'float32', shape: [2] } }),
    inputs('a sparse tensor whose columns are too many', {
      target_tokens: [
        [5, 7],
        [7, 5],
      ],
      weights: { data: [1], dtype: 'float32', shape: [2, 2], crowIndices: [0, 1, 1], colIndices: [2] },
    }),
    served(
      'a datum longer than the model’s context',
      {
        script: {
          get_server_capabilities: [
            json(200, { supported_models: [{ model_name: 'm', max_context_length: 4 }] }),
          ],
        },
      },
      async ({ service }) => {
        await service.getServerCapabilities();
        const training = await service.createLoraTrainingClient({ baseModel: 'm' });
        const long = { modelInput: [1, 2, 3, 4, 5], lossFnInputs: { target_tokens: [2, 3, 4, 5, 6] } };
        return training.forwardBackward([RIGHT, long], 'cross_entropy');
      },
    ),
    local('the length of an image that does not say it', () =>
      ModelInput.length({ chunks: [{ type: 'image', data: PNG, format: 'png' }] }),
    ),
  ],
};

const lora = (name: string, options: object): ErrorFixture =>
  served(name, {}, ({ service }) => service.createLoraTrainingClient(options as { baseModel: string }));

const custom = (name: string, result: unknown): ErrorFixture =>
  trained(
    name,
    {
      script: {
        forward: [json(200, { request_id: 'forward' })],
        retrieve_future: [
          json(200, { loss_fn_outputs: [{ logprobs: { data: [-1, -2], dtype: 'float32', shape: [2] } }] }),
        ],
        create_model: [json(200, { request_id: 'm', model_id: 'm' })],
      },
    },
    (training) => training.forwardBackwardCustom([RIGHT], (() => result) as never),
  );

/** Mistakes in arguments of a training client. */
export const TRAINING_MISTAKES: ErrorFixtures = {
  title: 'Training clients',
  fixtures: [
    lora('no base model', {}),
    served('no options for a client', {}, ({ service }) =>
      (service.createLoraTrainingClient as () => unknown)(),
    ),
    lora('a rank of 0', { baseModel: 'm', rank: 0 }),
    lora('a rank that is text', { baseModel: 'm', rank: '32' }),
    lora('nothing to train', { baseModel: 'm', trainAttn: false, trainMlp: false, trainUnembed: false }),
    trained('a learning rate that is NaN', {}, (training) =>
      training.optimStep({ learningRate: Number.NaN }),
    ),
    trained('a momentum of 1', {}, (training) => training.optimStep({ beta1: 1 })),
    trained('a negative limit of the gradient', {}, (training) => training.optimStep({ gradClipNorm: -1 })),
    trained('a save without a name', {}, (training) => training.saveState('')),
    trained('a lifetime of no time', {}, (training) => training.saveState('n', { ttlSeconds: 0 })),
    trained('loading weights that are for sampling', {}, (training) =>
      training.loadState('tinker://run/sampler_weights/final'),
    ),
    served('a client from weights that are for sampling', {}, ({ service }) =>
      (service.createTrainingClientFromState as (path: string) => unknown)(
        'tinker://run/sampler_weights/final',
      ),
    ),
    trained('a custom loss that is no function', {}, (training) =>
      training.forwardBackwardCustom([RIGHT], 'mse' as never),
    ),
    custom('a custom loss that gives nothing', undefined),
    custom('a custom loss that is NaN', { loss: Number.NaN, gradients: [[1, 1]] }),
    custom('a custom loss without gradients', { loss: 1 }),
    custom('a custom loss with a gradient of another length', { loss: 1, gradients: [[1]] }),
    custom('a custom loss with a gradient that is NaN', { loss: 1, gradients: [[1, Number.NaN]] }),
    trained('a controller instead of its signal', {}, (training) =>
      training.optimStep({}, { signal: new AbortController() } as unknown as CallOptions),
    ),
    trained('a limit of no time', {}, (training) => training.optimStep({}, { timeoutMs: 0 })),
    trained('a limit that is text', {}, (training) => training.optimStep({}, { timeoutMs: '5s' } as never)),
    trained('a limit for one look that is NaN', {}, (training) =>
      training.optimStep({}).result({ timeoutMs: Number.NaN }),
    ),
    trained('an answer to limits that does not exist', {}, (training) =>
      training.optimStep({}, { onLimit: 'retry' } as never),
    ),
  ],
};

const sampleWith = (name: string, request: object): ErrorFixture =>
  served(name, {}, async ({ service }) =>
    (await service.createSamplingClient({ baseModel: 'm' })).sample({
      prompt: TOKENS,
      maxTokens: 5,
      ...request,
    } as SampleRequest),
  );

const source = (name: string, from: unknown): ErrorFixture =>
  served(name, {}, ({ service }) => service.createSamplingClient(from as SamplingSource));

/** Mistakes in arguments of sampling. */
export const SAMPLING_MISTAKES: ErrorFixtures = {
  title: 'Sampling clients',
  fixtures: [
    source('nothing to sample from', {}),
    source('no options for a client', undefined),
    source('a path as the whole of the options', 'tinker://run/sampler_weights/final'),
    source('sampling from weights that are for training', { modelPath: 'tinker://run/weights/final' }),
    served('no request', {}, async ({ service }) => {
      const sampling = await service.createSamplingClient({ baseModel: 'm' });
      return (sampling.sample as () => unknown)();
    }),
    sampleWith('a prompt that is text', { prompt: 'Say something' }),
    sampleWith('a prompt of no tokens', { prompt: [] }),
    sampleWith('no number of tokens', { maxTokens: undefined }),
    sampleWith('no tokens', { maxTokens: 0 }),
    sampleWith('a temperature below zero', { temperature: -1 }),
    sampleWith('a share of nothing', { topP: 0 }),
    sampleWith('the likeliest of none', { topK: 0 }),
    sampleWith('no samples', { numSamples: 0 }),
    sampleWith('a seed beyond 2^53', { seed: 2 ** 60 }),
    sampleWith('stops of two kinds', { stop: ['\n', 7] }),
    sampleWith('a stop that is empty', { stop: '' }),
    served(
      'a prompt that does not fit with its answer',
      {
        script: {
          get_server_capabilities: [
            json(200, { supported_models: [{ model_name: 'm', max_context_length: 4 }] }),
          ],
        },
      },
      async ({ service }) => {
        await service.getServerCapabilities();
        const sampling = await service.createSamplingClient({ baseModel: 'm' });
        return sampling.sample({ prompt: TOKENS, maxTokens: 5 });
      },
    ),
  ],
};
