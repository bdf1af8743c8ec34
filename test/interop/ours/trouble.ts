import { type Datum, isTinkerError, type ModelInput, type TinkerError, type TrainingClient } from 'isotinker';
import { adam, BASE_MODEL, logprobs, type World } from './world.ts';

/** What goes wrong, and how it is told: operations that fail, requests that are refused, results that are gone. */
export async function runTrouble(world: World, training: TrainingClient): Promise<void> {
  await failedOperations(world, training);
  await refusedRequests(world);
  await expiredResults(world);
  await tokens(world);
}

type Call = () => PromiseLike<unknown>;

/** How a call ends, in words that both sides can say. */
async function outcome(call: Call): Promise<string> {
  try {
    await call();
    return 'done';
  } catch (error) {
    if (isTinkerError(error, 'operation_failed')) return `failed, ${error.category}: ${serversWords(error)}`;
    if (isTinkerError(error, 'result_expired')) return 'expired';
    if (!isTinkerError(error, 'http_status')) throw error;
    const { detail = '' } = (error.body ?? {}) as { readonly detail?: string };
    return `status ${error.status}: ${detail}`;
  }
}

/** What the server said: ours says of what before it, and what to do about it behind it. */
function serversWords({ message, hint = '' }: TinkerError): string {
  const [, said = message] = /^\w+ failed on the server: (.*)$/.exec(message.replace(`. ${hint}`, '')) ?? [];
  // In JSON a batch lies deeper.
  return said.replace('body.forward_backward_input.', 'body.');
}

async function outcomes(calls: readonly Call[]): Promise<string[]> {
  const said: string[] = [];
  for (const call of calls) said.push(await outcome(call));
  return said;
}

async function failedOperations(world: World, training: TrainingClient): Promise<void> {
  const { record } = world;
  const missing = `tinker://${training.modelId}/weights/nobody`;
  const image = { type: 'image', data: Uint8Array.of(0x89, 0x50, 0x4e, 0x47), format: 'png' } as const;
  const text = (...tokens: readonly number[]) => ({ type: 'encoded_text', tokens }) as const;
  const seen: ModelInput = { chunks: [{ ...image, expectedTokens: 4 }, text(1, 2)] };
  const spoken: ModelInput = { chunks: [{ type: 'dmel', dmel: Uint8Array.of(4, 2, 1, 80) }, text(1)] };
  const about = (modelInput: ModelInput, target_tokens: number[]): Datum<'cross_entropy'>[] => [
    { modelInput, lossFnInputs: { target_tokens } },
  ];
  const sampler = await world.service('main').createSamplingClient({ baseModel: BASE_MODEL });
  const params = { maxTokens: 2, seed: 1 };
  const long = world.passage(0, 300);
  const other = await world.service('small').createSamplingClient({ baseModel: BASE_MODEL });
  const said = await outcomes([
    () => training.loadState(missing),
    () => training.forwardBackward(about(seen, [3, 4, 5, 6, 7, 8]), 'cross_entropy'),
    () => training.forwardBackward(about(spoken, [3, 4]), 'cross_entropy'),
    () => sampler.sample({ prompt: seen, ...params }),
    () => other.sample({ prompt: long, ...params }),
  ]);
  record.words(
    'failed/what is said',
    said.map((words) => words.replace(training.modelId, 'RUN')),
  );
  // A failure is one operation's: the next ones go on.
  const after = await training.forwardBackward(world.batch(0), 'cross_entropy');
  record.floats('failed/what comes after', logprobs(after));
  record.metrics('failed/its gradient', [(await training.optimStep(adam(0))).metrics]);
}

async function refusedRequests(world: World): Promise<void> {
  const service = world.service('main');
  const rest = service.createRestClient();
  const said = await outcomes([
    () => rest.getTrainingRun('nobody'),
    () => rest.getWeightsInfo('tinker://nobody/weights/x'),
    () => service.createSamplingClient({ modelPath: 'tinker://nobody/sampler_weights/x' }),
    () => service.createLoraTrainingClient({ baseModel: 'nobody/nothing' }),
    () => world.stranger('guarded').createRestClient().listTrainingRuns().page(),
  ]);
  world.record.words('refused/what is said', said);
}

/** A server that keeps results for two seconds, and polls that come too late. */
async function expiredResults(world: World): Promise<void> {
  const { record } = world;
  const service = world.service('late');
  const training = await service.createLoraTrainingClient({ baseModel: BASE_MODEL, rank: 4, seed: 9 });
  const passed = await training.forwardBackward(world.batch(0), 'cross_entropy');
  record.words('expired/update', [await outcome(() => training.optimStep(adam()))]);
  // It was applied nevertheless.
  const after = await training.forward(world.batch(0), 'cross_entropy');
  record.metrics('expired/before and after', [passed.metrics, after.metrics]);
  // A sample is asked for anew.
  const sampler = await service.createSamplingClient({ baseModel: BASE_MODEL });
  const { sequences } = await sampler.sample({ prompt: world.passage(4, 16), maxTokens: 8, seed: 3 });
  record.wholes(
    "expired/sample's tokens",
    sequences.map(({ tokens }) => tokens),
  );
  record.floats(
    "expired/sample's log-probs",
    sequences.map(({ logprobs }) => logprobs),
  );
}

/** A server that gives tokens for a key. */
async function tokens(world: World): Promise<void> {
  const { record } = world;
  const service = world.service('guarded', 'tml-guarded');
  const training = await service.createLoraTrainingClient({ baseModel: BASE_MODEL, rank: 2, seed: 1 });
  const output = await training.forwardBackward(world.batch(1), 'cross_entropy');
  const update = await training.optimStep(adam());
  record.metrics('guarded/metrics', [output.metrics, update.metrics]);
  record.floats('guarded/log-probs', logprobs(output));
  const me = await service.createRestClient().whoami();
  record.words('guarded/who', [me.userUrn, me.email]);
}
