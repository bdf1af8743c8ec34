import type { ModelConfig } from './config.ts';

/** Tokens and what should follow each of them. */
export interface Sequence {
  /** Token ids, at most `contextLength` of them. */
  readonly tokens: Int32Array;
  /** Row-major, `targetsPerToken` for each token; those of token i are predicted from tokens 0..i. */
  readonly targets: Int32Array;
  /** At least 1: more where a token has several possible successors, as in distillation. @default 1 */
  readonly targetsPerToken?: number;
}

/** Whether each token has one target, as in ordinary training. */
export function hasOneTarget({ targetsPerToken = 1 }: Sequence): boolean {
  return targetsPerToken === 1;
}

/** A run of rows that belong to one sequence. */
export interface Segment {
  /** First row of the new tokens. */
  readonly row: number;
  /** Number of new tokens. */
  readonly count: number;
  /** Number of tokens before them whose keys and values are cached. */
  readonly past: number;
  /** Row of the sequence's first token where query, key and value are kept. */
  readonly begin: number;
  /** Where its attention probabilities start: heads x count x (past + count). */
  readonly probabilities: number;
}

/** Sequences packed as the rows of one matrix, without padding. */
export interface Batch {
  readonly tokens: Int32Array;
  readonly segments: readonly Segment[];
  /** Index of the first sequence, and the sequences themselves. */
  readonly first: number;
  readonly sequences: readonly Sequence[];
}

/**
 * Check the sequences and split them, in order, into batches of at most `limit` tokens; a sequence is never cut.
 *
 * @throws RangeError naming the sequence and what is wrong with it.
 */
export function packSequences(
  config: ModelConfig,
  sequences: readonly Sequence[],
  limit: number,
): readonly Batch[] {
  for (const [index, sequence] of sequences.entries()) requireSequence(config, sequence, index);
  const batches: Batch[] = [];
  let first = 0;
  let tokens = 0;
  for (const [index, sequence] of sequences.entries()) {
    if (tokens > 0 && tokens + sequence.tokens.length > limit) {
      batches.push(pack(config, sequences.slice(first, index), first));
      first = index;
      tokens = 0;
    }
    tokens += sequence.tokens.length;
  }
  if (sequences.length > 0) batches.push(pack(config, sequences.slice(first), first));
  return batches;
}

/** @throws RangeError unless every id is a token of the vocabulary. */
export function requireTokens(config: ModelConfig, tokens: Int32Array, what: string): void {
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token >= 0 && token < config.vocabularySize) continue;
    throw new RangeError(
      `${what}[${i}] is ${token}; it must be at least 0 and below ${config.vocabularySize}`,
    );
  }
}

function requireSequence(config: ModelConfig, sequence: Sequence, index: number): void {
  const { tokens, targets, targetsPerToken = 1 } = sequence;
  const what = `sequence ${index}`;
  if (tokens.length * targetsPerToken !== targets.length) {
    const each = targetsPerToken === 1 ? '' : `, ${targetsPerToken} each,`;
    throw new RangeError(`${what} has ${tokens.length} tokens${each} but ${targets.length} targets`);
  }
  if (tokens.length > config.contextLength) {
    throw new RangeError(`${what} has ${tokens.length} tokens; the context holds ${config.contextLength}`);
  }
  requireTokens(config, tokens, `${what}: tokens`);
  requireTokens(config, targets, `${what}: targets`);
}

function pack(config: ModelConfig, sequences: readonly Sequence[], first: number): Batch {
  const segments: Segment[] = [];
  let row = 0;
  let probabilities = 0;
  for (const { tokens } of sequences) {
    const count = tokens.length;
    segments.push({ row, count, past: 0, begin: row, probabilities });
    row += count;
    probabilities += config.heads * count * count;
  }
  const tokens = new Int32Array(row);
  for (const [index, segment] of segments.entries()) tokens.set(sequences[index]!.tokens, segment.row);
  return { tokens, segments, first, sequences };
}
