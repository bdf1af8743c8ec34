// Runs in every runtime against the packed tarball: the same seeds must give the same numbers everywhere.
import { createServiceClient } from 'isotinker';
import { byteTokenizer, createEmulator } from 'isotinker/emulator';

const service = createServiceClient({ apiKey: 'tml-offline', fetch: createEmulator().fetch });
const training = await service.createLoraTrainingClient({ baseModel: 'emulator/tiny', rank: 8, seed: 11 });
const text = byteTokenizer.encode('Same seed, same bits, on every runtime. '.repeat(3));
const datum = { modelInput: text.subarray(0, -1), lossFnInputs: { target_tokens: text.subarray(1) } };
const losses = [];
for (let step = 0; step < 12; step++) {
  const { forwardBackward } = await training.trainStep([datum], 'cross_entropy', {
    learningRate: 0.005,
    gradClipNorm: 1,
  });
  losses.push(forwardBackward.metrics['loss:sum']);
}
const sampler = await training.saveWeightsAndGetSamplingClient();
const { sequences } = await sampler.sample({
  prompt: text.subarray(0, 8),
  maxTokens: 32,
  seed: 5,
  numSamples: 2,
});
const samples = sequences.map(({ tokens, logprobs }) => [Array.from(tokens), Array.from(logprobs)]);
await service.close();
console.log(JSON.stringify({ losses, samples }));
