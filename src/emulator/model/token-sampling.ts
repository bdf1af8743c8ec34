import type { RandomSource } from '../../kernel/random.ts';
import { exp } from './elementary.ts';
import { logNormalizer, logSoftmaxEntry } from './log-softmax.ts';

/** How to choose the next token. */
export interface TokenSamplingOptions {
  /** Divides the logits; 0 always takes the most likely token. */
  readonly temperature: number;
  /** Keep only this many of the most likely tokens; -1 or 0 keeps all. */
  readonly topK: number;
  /** Then keep the fewest most likely tokens whose share reaches this; 1 keeps all. */
  readonly topP: number;
}

/** A chosen token. */
export interface SampledToken {
  readonly token: number;
  /** The model's own log-prob in nats: at temperature 1, before any truncation. */
  readonly logprob: number;
}

/**
 * Choose a token. Equal logits rank by token id, lowest first. Draws one number from `random`, none at
 * temperature 0.
 */
export function sampleToken(
  logits: Float32Array,
  options: TokenSamplingOptions,
  random: RandomSource,
): SampledToken {
  const token = options.temperature === 0 ? mostLikely(logits) : draw(logits, options, random);
  return { token, logprob: logSoftmaxAt(logits, token) };
}

/** The log-prob of `token` in nats, as the training passes report it. */
export function logSoftmaxAt(logits: Float32Array, token: number): number {
  return logSoftmaxEntry(logits, 0, logits.length, token);
}

/** The `k` most likely tokens with their log-probs, most likely first. */
export function topLogprobs(logits: Float32Array, k: number): readonly (readonly [number, number])[] {
  const normalizer = logNormalizer(logits, 0, logits.length);
  const best = ranked(logits).subarray(0, Math.max(0, k));
  return Array.from(best, (token) => [token, Math.fround(logits[token]! - normalizer)] as const);
}

function draw(
  logits: Float32Array,
  { temperature, topK, topP }: TokenSamplingOptions,
  random: RandomSource,
): number {
  const order = topK > 0 || topP < 1 ? ranked(logits) : ascending(logits.length);
  const kept = topK > 0 ? order.subarray(0, topK) : order;
  const maximum = logits[mostLikely(logits)]!;
  // Loops, here and below: `from` with a function takes a quarter of the time of a token.
  const weights = new Float64Array(kept.length);
  for (let i = 0; i < kept.length; i++) weights[i] = exp((logits[kept[i]!]! - maximum) / temperature);
  return pick(kept, weights, topP < 1 ? nucleus(weights, topP) : weights.length, random);
}

/** How many of the descending `weights` it takes to reach the share `topP` of their sum; at least one. */
function nucleus(weights: Float64Array, topP: number): number {
  const enough = topP * total(weights, weights.length);
  let sum = 0;
  let count = 0;
  do {
    sum += weights[count++]!;
  } while (sum < enough && count < weights.length);
  return count;
}

function pick(tokens: Int32Array, weights: Float64Array, count: number, random: RandomSource): number {
  let left = random() * total(weights, count);
  for (let i = 0; i < count - 1; i++) {
    left -= weights[i]!;
    if (left < 0) return tokens[i]!;
  }
  return tokens[count - 1]!;
}

function total(weights: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += weights[i]!;
  return sum;
}

function mostLikely(logits: Float32Array): number {
  let best = 0;
  for (let token = 1; token < logits.length; token++) if (logits[token]! > logits[best]!) best = token;
  return best;
}

function ranked(logits: Float32Array): Int32Array {
  return ascending(logits.length).sort((a, b) => logits[b]! - logits[a]! || a - b);
}

function ascending(length: number): Int32Array {
  const tokens = new Int32Array(length);
  for (let token = 0; token < length; token++) tokens[token] = token;
  return tokens;
}
