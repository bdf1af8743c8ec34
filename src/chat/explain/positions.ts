import { checkRecord } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { checkedChunks, chunksLength, knownLength } from '../../wire/checked-chunks.ts';
import type { CheckedChunk, CheckedTensor } from '../../wire/checked-datum.ts';
import { checkedTensor } from '../../wire/checked-tensor.ts';
import type { ModelInput, TokenIds } from '../../wire/types/model-input.ts';

/** One token of what is explained, or something else that takes positions: an image, audio. */
export interface ExplainedPiece {
  /** Where it begins in the model's context. */
  readonly index: number;
  /** Its token; `undefined` of what is none. */
  readonly token: number | undefined;
  /** What it is, if it is no token: the type of the chunk, or `targets`: several at the last position. */
  readonly chunk: string | undefined;
  /** Positions it takes. */
  readonly positions: number;
  /** The target where it is another than the token that comes. */
  readonly target: number | undefined;
  /** The weight or the advantage under which it is predicted; `undefined` of what nothing predicts. */
  readonly value: number | undefined;
  /** Its log-probability when it was sampled, where the datum says. */
  readonly logprob: number | undefined;
}

/** What a datum teaches, piece by piece. */
export interface ExplainedPieces {
  /** In the order of the model's context. */
  readonly pieces: readonly ExplainedPiece[];
  /** What the values are. */
  readonly valueName: 'weight' | 'advantage';
  /** Where there are several targets a position, how many at most; the values are sums over them. */
  readonly targetsEach: number;
}

/** A tensor's rows, one a position, as numbers: sums over a row for values. */
interface Rows {
  readonly length: number;
  sum(row: number): number;
}

/** The pieces of a datum: each token with the numbers of the position before it, which predicts it. */
export function datumPieces(datum: unknown): ExplainedPieces {
  const { modelInput, lossFnInputs } = checkRecord('datum', datum, 'a datum');
  const inputs = checkRecord('datum.lossFnInputs', lossFnInputs, 'an object of tensors');
  const chunks = checkedChunks('datum.modelInput', modelInput as ModelInput);
  const targets = checkedTensor('datum.lossFnInputs.target_tokens', inputs['target_tokens'], 'tokens');
  const length = rowsOf(targets).length;
  const rows = (name: string): Rows | undefined => {
    if (inputs[name] === undefined) return undefined;
    const field = `datum.lossFnInputs.${name}`;
    const found = rowsOf(checkedTensor(field, inputs[name], 'floats'));
    if (found.length === length) return found;
    throw new TinkerInputError(
      field,
      `must have the length of target_tokens, ${length}, got ${found.length}`,
    );
  };
  const [advantages, logprobs, weights] = [rows('advantages'), rows('logprobs'), rows('weights')];
  const values = advantages ?? weights ?? { length, sum: () => 1 };
  const single = targets.shape.length === 1 ? targets.data : undefined;
  const pieces = inputPieces('datum.lossFnInputs.target_tokens', chunks, length, {
    before: 1,
    value: (row) => values.sum(row),
    logprob: (row) => logprobs?.sum(row),
    target: (row) => (single === undefined ? undefined : Number(single[row])),
  });
  const last = length - 1;
  // The target of the last position is no part of the input.
  pieces.push({
    index: length,
    token: single === undefined ? undefined : Number(single[last]),
    chunk: single === undefined ? 'targets' : undefined,
    positions: 1,
    target: undefined,
    value: values.sum(last),
    logprob: logprobs?.sum(last),
  });
  return {
    pieces,
    valueName: advantages === undefined ? 'weight' : 'advantage',
    targetsEach: single === undefined ? (targets.shape[1] ?? 1) : 1,
  };
}

/** The pieces of tokens that have a weight each. */
export function weightedPieces(options: unknown): ExplainedPieces {
  const { tokens, ids, weights } = checkRecord('options', options);
  const name = tokens === undefined ? 'ids' : 'tokens';
  const chunks = checkedChunks(name, (tokens ?? ids) as ModelInput | TokenIds);
  const values = rowsOf(checkedTensor('weights', weights, 'floats'));
  const pieces = inputPieces('weights', chunks, values.length, {
    before: 0,
    value: (row) => values.sum(row),
    logprob: () => undefined,
    target: () => undefined,
  });
  return { pieces, valueName: 'weight', targetsEach: 1 };
}

/** The numbers of the rows; that of the token at an index is `before` rows before it. */
interface RowValues {
  readonly before: 0 | 1;
  value(row: number): number;
  logprob(row: number): number | undefined;
  target(row: number): number | undefined;
}

function inputPieces(
  field: string,
  chunks: readonly CheckedChunk[],
  length: number,
  rows: RowValues,
): ExplainedPiece[] {
  const pieces: ExplainedPiece[] = [];
  let index = 0;
  for (const chunk of chunks) {
    if (chunk.type === 'encoded_text') {
      for (const token of chunk.tokens) pieces.push(tokenPiece(token, index++, rows));
    } else {
      const positions = chunksLength([chunk]) ?? restOf(chunks, length);
      let value = 0;
      for (let i = Math.max(index, rows.before); i < index + positions; i++)
        value += rows.value(i - rows.before);
      const type = chunk.type;
      pieces.push({
        index,
        token: undefined,
        chunk: type,
        positions,
        target: undefined,
        value,
        logprob: undefined,
      });
      index += positions;
    }
  }
  if (index === length) return pieces;
  throw new TinkerInputError(field, `must have the length of the input, ${index}, got ${length}`);
}

function tokenPiece(token: number, index: number, rows: RowValues): ExplainedPiece {
  const row = index - rows.before;
  const target = row < 0 ? undefined : rows.target(row);
  return {
    index,
    token,
    chunk: undefined,
    positions: 1,
    target: target === token ? undefined : target,
    value: row < 0 ? undefined : rows.value(row),
    logprob: row < 0 ? undefined : rows.logprob(row),
  };
}

/** What an image takes that does not say it: what the others leave. Of two that do not, nobody can tell. */
function restOf(chunks: readonly CheckedChunk[], length: number): number {
  return Math.max(0, length - knownLength(chunks));
}

function rowsOf({ data, shape, sparse }: CheckedTensor): Rows {
  const [length = 0, width = 1] = shape;
  const bounds = (row: number): readonly [number, number] => {
    if (sparse === undefined) return [row * width, (row + 1) * width];
    return [Number(sparse.crowIndices[row] ?? 0), Number(sparse.crowIndices[row + 1] ?? 0)];
  };
  return {
    length,
    sum(row) {
      const [start, end] = bounds(row);
      let sum = 0;
      for (let i = start; i < end; i++) sum += Number(data[i] ?? 0);
      return sum;
    },
  };
}
