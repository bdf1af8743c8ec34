import type { SampleRequest, SampleResponse } from '../../../src/index.ts';
import { batch } from '../../support/offline.ts';
import { assertAlike, assertEqual, assertTrue, bitsOf, rejectionOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { offlineClient } from '../offline-client.ts';

const PROMPT = [116, 104, 101, 32, 113, 117];

/** Sampling from what was trained. */
export function sampleCases(): readonly ConformanceCase[] {
  return [...drawCases(), ...stopCases(), ...logprobCases()];
}

/** Answer these requests from a model that has learnt a little. */
async function sampled(requests: readonly Partial<SampleRequest>[]): Promise<readonly SampleResponse[]> {
  const setup = offlineClient();
  const training = await setup.train(2, 8);
  for (let step = 0; step < 6; step++)
    await setup.clock.drive(training.trainStep(batch(2, 12, step), 'cross_entropy', { learningRate: 0.03 }));
  const sampler = await setup.clock.drive(training.saveWeightsAndGetSamplingClient());
  const calls = requests.map((request) =>
    sampler.sample({ prompt: PROMPT, maxTokens: 12, seed: 4, ...request }),
  );
  const responses = await setup.clock.drive(Promise.all(calls));
  await setup.finish();
  return responses;
}

const tokensOf = (response: SampleResponse | undefined): number[] => [
  ...(response?.sequences[0]?.tokens ?? []),
];

function drawCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'emulator: a seed gives the same tokens and log-probabilities everywhere, at every setting',
      async run() {
        const responses = await sampled([
          {},
          { temperature: 0 },
          { temperature: 0.4, topK: 10 },
          { topP: 0.6 },
          { temperature: 3, numSamples: 3 },
          { seed: 2n ** 63n - 1n },
          { seed: -5 },
        ]);
        for (const { sequences } of responses)
          for (const { tokens, logprobs } of sequences)
            assertEqual('one a token', logprobs?.length, tokens.length);
        assertTrue(
          'samples of one call differ',
          textOf(responses[4]?.sequences[0]) !== textOf(responses[4]?.sequences[1]),
        );
        return textOf(responses);
      },
    },
    {
      name: 'emulator: the same seed gives the same sample, another one another, and temperature 0 needs none',
      async run() {
        const hot = { temperature: 2 };
        const [one, again, other, cold, colder] = await sampled([
          hot,
          hot,
          { ...hot, seed: 5 },
          { temperature: 0, seed: 1 },
          { temperature: 0, seed: 2 },
        ]);
        assertAlike('again', tokensOf(again), tokensOf(one));
        assertTrue('another', textOf(tokensOf(other)) !== textOf(tokensOf(one)));
        assertAlike('without chance', tokensOf(cold), tokensOf(colder));
      },
    },
  ];
}

function stopCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'emulator: a sample ends at its stop, which is not part of it, or at its length',
      async run() {
        const [whole] = await sampled([{ temperature: 0 }]);
        const tokens = tokensOf(whole);
        const text = String.fromCharCode(...tokens.slice(3, 5));
        const [byToken, byText, byNeither] = await sampled([
          { temperature: 0, stop: [tokens[4] as number] },
          { temperature: 0, stop: [text, 'never'] },
          { temperature: 0, stop: ['never'] },
        ]);
        const reasons = [byToken, byText, byNeither].map((response) => response?.sequences[0]?.stopReason);
        assertAlike('reasons', reasons, ['stop', 'stop', 'length']);
        assertTrue('before the token', tokensOf(byToken).length <= 4);
        assertTrue('before the text', tokensOf(byText).length <= 3);
        assertAlike('as long as it may', tokensOf(byNeither), tokens);
        return textOf([tokens, tokensOf(byToken), tokensOf(byText)]);
      },
    },
  ];
}

function logprobCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'emulator: log-probabilities of a prompt are those of training on it, to the bit',
      async run() {
        const setup = offlineClient();
        const training = await setup.train();
        const datum = { modelInput: PROMPT.slice(0, -1), lossFnInputs: { target_tokens: PROMPT.slice(1) } };
        const { lossFnOutputs } = await setup.clock.drive(training.forward([datum], 'cross_entropy'));
        const sampler = await setup.clock.drive(training.saveWeightsAndGetSamplingClient());
        const logprobs = await setup.clock.drive(sampler.computeLogprobs(PROMPT));
        await setup.finish();
        assertTrue('none for the first', Number.isNaN(logprobs[0]));
        const rest = logprobs.slice(1);
        assertEqual('bits', bitsOf(rest), bitsOf(lossFnOutputs[0]?.['logprobs']?.data as Float32Array));
        return textOf(rest);
      },
    },
    {
      name: 'emulator: the likeliest tokens at each position of a prompt are told, likeliest first',
      async run() {
        const [response] = await sampled([{ includePromptLogprobs: true, topkPromptLogprobs: 3 }]);
        const rows = response?.topkPromptLogprobs ?? [];
        assertEqual('rows', rows.length, PROMPT.length);
        assertEqual('none for the first', rows[0], undefined);
        for (const row of rows.slice(1)) {
          const values = row?.map(([, logprob]) => logprob) ?? [];
          assertTrue(
            'in order',
            values.length === 3 && values.every((value, i) => i === 0 || value <= (values[i - 1] ?? 0)),
          );
        }
        return textOf(rows);
      },
    },
    {
      name: 'emulator: what cannot be sampled is refused by the server in words, and nothing hangs',
      async run() {
        const setup = offlineClient();
        const sampler = await setup.clock.drive(
          setup.service.createSamplingClient({ baseModel: setup.emulator.modelName }),
        );
        const error = await rejectionOf('the sample', () =>
          setup.clock.drive(sampler.sample({ prompt: [300], maxTokens: 2 })),
        );
        assertTrue(String(error), (error as Error).message.includes('300'));
        await setup.finish();
      },
    },
  ];
}
