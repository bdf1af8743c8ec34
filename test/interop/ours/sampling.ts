import {
  ModelInput,
  type SampleRequest,
  type SampleResponse,
  type SamplingClient,
  type TrainingClient,
} from 'isotinker';
import { BASE_MODEL, type World } from './world.ts';

const WORD = [...new TextEncoder().encode('the ')];

/** Sampling: every parameter, log-probabilities of prompts, five hundred at once, a server that pushes back. */
export async function runSampling(world: World, training: TrainingClient): Promise<void> {
  const client = await training.saveWeightsAndGetSamplingClient();
  await parameters(world, client);
  await prompts(world, client);
  await atOnce(world, 'five hundred', client, 500);
  const busy = await world.service('busy').createSamplingClient({ baseModel: BASE_MODEL });
  await atOnce(world, 'pushed back', busy, 12);
  const slow = await world.service('slow').createSamplingClient({ baseModel: BASE_MODEL });
  await atOnce(world, 'long polls', slow, 3);
}

async function parameters(world: World, client: SamplingClient): Promise<void> {
  const prompt = world.passage(1, 32);
  // Two chunks are one text.
  const chunked = ModelInput.append(ModelInput.fromTokens(world.passage(1, 20)), prompt.slice(20));
  const cases: readonly (readonly [string, SampleRequest])[] = [
    ['greedy', { prompt, maxTokens: 12, temperature: 0 }],
    ['seeded', { prompt, maxTokens: 12, seed: 7 }],
    ['two chunks', { prompt: chunked, maxTokens: 12, seed: 7 }],
    ['four samples', { prompt, numSamples: 4, maxTokens: 10, seed: 7 }],
    ['cold', { prompt, numSamples: 2, maxTokens: 12, seed: 8, temperature: 0.3 }],
    ['top k', { prompt, numSamples: 2, maxTokens: 12, seed: 9, topK: 3 }],
    ['top p', { prompt, numSamples: 2, maxTokens: 12, seed: 10, topP: 0.4 }],
    ['stop strings', { prompt, numSamples: 4, maxTokens: 40, seed: 11, stop: ['e', 'th'] }],
    ['one stop string', { prompt, numSamples: 2, maxTokens: 40, seed: 11, stop: ' ' }],
    ['stop tokens', { prompt, numSamples: 4, maxTokens: 40, seed: 11, stop: [WORD[1] ?? 0, WORD[3] ?? 0] }],
    ['large seed', { prompt, maxTokens: 12, seed: 2n ** 62n + 1n }],
    ['negative seed', { prompt, maxTokens: 12, seed: -(2n ** 53n) - 1n }],
  ];
  for (const [name, request] of cases) recordSample(world, `sample, ${name}`, await client.sample(request));
  world.record.words('sample/base model', [await client.getBaseModel()]);
}

async function prompts(world: World, client: SamplingClient): Promise<void> {
  const { record } = world;
  const prompt = world.passage(2, 48);
  const request = { prompt, maxTokens: 4, seed: 1 };
  record.floats('prompt/log-probs', [await client.computeLogprobs(prompt)]);
  record.floats('prompt/of one token', [await client.computeLogprobs(WORD.slice(0, 1))]);
  const asked = { includePromptLogprobs: true, topkPromptLogprobs: 5 };
  const response = await client.sample({ ...request, ...asked });
  record.floats('prompt/log-probs with a sample', [response.promptLogprobs]);
  const rows = response.topkPromptLogprobs ?? [];
  record.wholes(
    'prompt/top 5 tokens',
    rows.map((row) => (row ?? []).map(([token]) => token)),
  );
  record.floats(
    'prompt/top 5 log-probs',
    rows.map((row) => (row ?? []).map(([, logprob]) => logprob)),
  );
  recordSample(world, 'prompt, its sample', response);
  record.words('prompt/not asked for', [(await client.sample(request)).promptLogprobs]);
}

async function atOnce(world: World, name: string, client: SamplingClient, count: number): Promise<void> {
  const responses = await Promise.all(
    Array.from({ length: count }, (_, number) =>
      client.sample({
        prompt: world.passage(number, 8 + (number % 17)),
        maxTokens: 4 + (number % 5),
        seed: number,
        temperature: 1,
      }),
    ),
  );
  recordSequences(
    world,
    name,
    responses.flatMap(({ sequences }) => sequences),
  );
}

function recordSample(world: World, name: string, response: SampleResponse): void {
  recordSequences(world, name, response.sequences);
  world.record.wholes(`${name}/cached prompt tokens`, [[response.promptCacheHitTokens]]);
}

function recordSequences({ record }: World, name: string, sequences: SampleResponse['sequences']): void {
  record.wholes(
    `${name}/tokens`,
    sequences.map(({ tokens }) => tokens),
  );
  record.floats(
    `${name}/log-probs`,
    sequences.map(({ logprobs }) => logprobs),
  );
  record.words(
    `${name}/stop reasons`,
    sequences.map(({ stopReason }) => stopReason),
  );
}
