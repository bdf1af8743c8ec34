import {
  type Datum,
  type SamplingClient,
  type ServiceClient,
  seededRandom,
  type Tokenizer,
  type TrainingClient,
  type TrainStep,
} from 'isotinker';
import { type Corpus, evenWindows, randomWindows, type Source, tokenize } from './corpus.ts';

/** Tokens in a window, windows in a step. */
export const WINDOW = 64;
const WINDOWS = 4;
/** Windows the held-out loss is measured on. */
const HELD_OUT_WINDOWS = 24;
/** Highest learning rate; it rises over the first steps and then falls to nothing along a cosine. */
const LEARNING_RATE = 5e-3;
const WARM_UP_STEPS = 20;
/** Short memories suit a run of a minute: measured against the usual 0.9 and 0.95, a tenth of a nat better. */
const ADAM = { beta1: 0.6, beta2: 0.9, gradClipNorm: 1 };
/** What the models are asked to continue, how far, and how boldly. */
const PROMPT = '/** ';
const SAMPLE_LENGTH = 400;
const SAMPLE_CHUNK = 20;
const TEMPERATURE = 0.6;
/** Tokens of its own text a model sees while it writes on. */
const SAMPLE_CONTEXT = 128;

/** How a run went. */
export interface TrainingResult {
  readonly steps: number;
  /** Mean loss in nats per token of the first step, and of the last tenth of the steps. */
  readonly lossStart: number;
  readonly lossEnd: number;
  /** The same on text that was never trained on. */
  readonly heldOutStart: number;
  readonly heldOutEnd: number;
  readonly tokensPerSecond: number;
  readonly seconds: number;
  /** What the trained model wrote. */
  readonly sample: string;
}

/** What a run tells while it goes on. */
export interface TrainingWatcher {
  /** What the untrained model wrote. */
  untrained(sample: string): void;
  heldOut(when: 'before' | 'after', loss: number): void;
  progress(progress: TrainingProgress): void;
  /** Training is over. */
  trained(losses: readonly number[]): void;
  /** The trained model wrote more. */
  wrote(sample: string): void;
  finished(result: TrainingResult): void;
}

/** Where a run stands. */
export interface TrainingProgress {
  readonly step: number;
  /** In [0, 1]. */
  readonly done: number;
  readonly loss: number;
  readonly tokensPerSecond: number;
  readonly secondsLeft: number;
  /** The server's word on the queue, or the operation's own state. */
  readonly queue: string;
}

/** What to train, and for how long. */
export interface TrainingPlan {
  readonly source: Source;
  readonly baseModel: string;
  readonly seconds: number;
  readonly steps: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Train an adapter on a text, through nothing but the public API. */
export async function trainOnText(
  service: ServiceClient,
  plan: TrainingPlan,
  watcher: TrainingWatcher,
): Promise<TrainingResult> {
  const { source, baseModel, seed, signal } = plan;
  const startedAt = performance.now();
  const training = await service.createLoraTrainingClient({ baseModel, rank: 32, seed }, { signal });
  const tokenizer = await training.getTokenizer({ signal });
  const corpus = tokenize(source, tokenizer, WINDOW);

  const untrained = await training.saveWeightsAndGetSamplingClient({ signal });
  watcher.untrained(await write({ sampler: untrained, tokenizer, seed, signal }, () => {}));
  const judged = evenWindows(corpus.heldOut, HELD_OUT_WINDOWS, WINDOW);
  const heldOutStart = await meanLoss(training, judged, signal);
  watcher.heldOut('before', heldOutStart);

  const { losses, seconds } = await runSteps(training, { ...plan, corpus }, watcher);
  watcher.trained(losses);
  const heldOutEnd = await meanLoss(training, judged, signal);
  watcher.heldOut('after', heldOutEnd);

  const sampler = await training.saveWeightsAndGetSamplingClient({ signal });
  const sample = await write({ sampler, tokenizer, seed, signal }, watcher.wrote);
  const result: TrainingResult = {
    steps: losses.length,
    lossStart: losses[0] ?? Number.NaN,
    lossEnd: mean(losses.slice(-Math.ceil(losses.length / 10))),
    heldOutStart,
    heldOutEnd,
    tokensPerSecond: (losses.length * WINDOWS * WINDOW) / seconds,
    seconds: (performance.now() - startedAt) / 1000,
    sample,
  };
  watcher.finished(result);
  return result;
}

/** Steps until time or their number is up; the next one is always submitted before the last one is awaited. */
async function runSteps(
  training: TrainingClient,
  { corpus, seconds, steps, seed, signal }: TrainingPlan & { readonly corpus: Corpus },
  watcher: TrainingWatcher,
): Promise<{ readonly losses: number[]; readonly seconds: number }> {
  const random = seededRandom(seed);
  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1000;
  const losses: number[] = [];
  let submitted = 0;

  const submit = (): TrainStep => {
    const done = Math.min(1, Math.max(elapsed() / seconds, submitted / steps));
    submitted += 1;
    const data = randomWindows(corpus.training, WINDOWS, WINDOW, random);
    const adam = { ...ADAM, learningRate: learningRateAt(submitted, done) };
    return training.trainStep(data, 'cross_entropy', adam, { signal });
  };

  let ahead: TrainStep | undefined = submit();
  while (ahead !== undefined) {
    const current: TrainStep = ahead;
    ahead = elapsed() < seconds && submitted < steps ? submit() : undefined;
    const { forwardBackward } = await current;
    const loss = forwardBackward.metrics['loss:sum'] ?? Number.NaN;
    losses.push(loss);
    const done = Math.min(1, Math.max(elapsed() / seconds, losses.length / steps));
    watcher.progress({
      step: losses.length,
      done,
      loss,
      tokensPerSecond: (losses.length * WINDOWS * WINDOW) / elapsed(),
      secondsLeft: done > 0 ? (elapsed() / done) * (1 - done) : seconds,
      queue: ahead?.forwardBackward.queueState ?? ahead?.forwardBackward.status ?? 'done',
    });
  }
  return { losses, seconds: elapsed() };
}

function learningRateAt(step: number, done: number): number {
  const warmUp = Math.min(1, step / WARM_UP_STEPS);
  return LEARNING_RATE * warmUp * 0.5 * (1 + Math.cos(Math.PI * done));
}

async function meanLoss(
  training: TrainingClient,
  data: readonly Datum<'cross_entropy'>[],
  signal: AbortSignal,
): Promise<number> {
  const { metrics } = await training.forward(data, 'cross_entropy', { signal });
  return metrics['loss:sum'] ?? Number.NaN;
}

/** Who writes. */
interface Writer {
  readonly sampler: SamplingClient;
  readonly tokenizer: Tokenizer;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Let a model write, a few tokens a request, so that whoever watches sees it write. */
async function write(
  { sampler, tokenizer, seed, signal }: Writer,
  wrote: (text: string) => void,
): Promise<string> {
  let tokens = Array.from(tokenizer.encode(PROMPT));
  while (tokens.length < SAMPLE_LENGTH) {
    const prompt = tokens.slice(-SAMPLE_CONTEXT);
    const request = { prompt, maxTokens: SAMPLE_CHUNK, temperature: TEMPERATURE, seed: seed + tokens.length };
    const { sequences } = await sampler.sample(request, { signal });
    tokens = [...tokens, ...(sequences[0]?.tokens ?? [])];
    wrote(tokenizer.decode(tokens));
    if (sequences[0]?.stopReason === 'stop') break;
  }
  return tokenizer.decode(tokens);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
