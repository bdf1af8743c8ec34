import type { ChatMessage } from 'isotinker/chat';
import { createChat, rlDatum } from 'isotinker/chat';
import { byteTokenizer } from 'isotinker/emulator';
import { expect, it } from 'vitest';
import { offline } from '../support/offline.ts';

const chat = createChat(byteTokenizer);
const LESSONS: readonly (readonly ChatMessage[])[] = [
  ['hi', 'ho'],
  ['yes', 'no'],
  ['red', 'blue'],
].map(([asked, answer]) => [
  { role: 'user', content: `${asked}?` },
  { role: 'assistant', content: `${answer}!` },
]);

it('teaches answers, and gets them back in the same words', async () => {
  const { clock, service, emulator } = offline();
  const training = await clock.drive(
    service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 32, seed: 3 }),
  );
  const data = LESSONS.map((messages) => chat.supervisedDatum(messages));
  for (let step = 0; step < 80; step++)
    await clock.drive(training.trainStep(data, 'cross_entropy', { learningRate: 0.01 }));
  const sampler = await clock.drive(training.saveWeightsAndGetSamplingClient());
  for (const [asked, answer] of LESSONS) {
    const conversation = chat.start([asked as ChatMessage]);
    const { sequences } = await clock.drive(
      sampler.sample({ prompt: conversation.prompt, stop: chat.stop, maxTokens: 12, temperature: 0 }),
    );
    const [reply] = sequences;
    if (reply === undefined) throw new Error('nothing was sampled');
    conversation.addSampled(reply);
    expect(reply.stopReason).toBe('stop');
    expect(conversation.messages.at(-1)?.content).toBe(answer?.content);
  }
  await service.close();
  expect(clock.pending).toBe(0);
});

it('trains on a conversation of two turns that meets the log-probabilities it was sampled with', async () => {
  const { clock, service, emulator } = offline();
  const training = await clock.drive(
    service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 8, seed: 7 }),
  );
  const lesson = chat.supervisedDatum(LESSONS[0] ?? []);
  for (let step = 0; step < 8; step++)
    await clock.drive(training.trainStep([lesson], 'cross_entropy', { learningRate: 0.02 }));
  const sampler = await clock.drive(training.saveWeightsAndGetSamplingClient());
  const conversation = chat.start([{ role: 'user', content: 'hi?' }]);
  const sampled: number[] = [];
  for (const [turn, next] of ['and then?', 'so?'].entries()) {
    const { prompt } = conversation;
    const { sequences } = await clock.drive(
      sampler.sample({ prompt, stop: chat.stop, maxTokens: 6, seed: turn }),
    );
    const [reply] = sequences;
    if (reply === undefined) throw new Error('nothing was sampled');
    conversation.addSampled(reply);
    sampled.push(...reply.tokens);
    conversation.add({ role: 'user', content: next });
    expect([...conversation.prompt.slice(0, prompt.length + reply.tokens.length)]).toEqual([
      ...prompt,
      ...reply.tokens,
    ]);
  }
  const datum = rlDatum({ segments: conversation.segments, advantage: 0.5 });
  const { target_tokens: targets, logprobs, advantages } = datum.lossFnInputs;
  const isSampled = (_: unknown, i: number): boolean => advantages[i] !== 0;
  expect([...targets.filter(isSampled)]).toEqual(sampled);
  const { metrics, lossFnOutputs } = await clock.drive(
    training.forwardBackward([datum], 'importance_sampling'),
  );
  const scored = lossFnOutputs[0]?.['logprobs']?.data as Float32Array;
  // Every ratio is 1, to the last bit.
  expect(scored.filter(isSampled)).toEqual(logprobs.filter(isSampled));
  expect(metrics['loss:sum']).toBe(-0.5 * sampled.length);
  await clock.drive(training.optimStep({ learningRate: 0.01 }));
  const after = await clock.drive(training.forward([datum], 'importance_sampling'));
  const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);
  const now = after.lossFnOutputs[0]?.['logprobs']?.data as Float32Array;
  expect(sum(now.filter(isSampled))).toBeGreaterThan(sum(scored.filter(isSampled)));
  await service.close();
  expect(clock.pending).toBe(0);
});
