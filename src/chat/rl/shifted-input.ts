import { concatInt32 } from '../../kernel/concat.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { checkedChunks, chunksLength } from '../../wire/checked-chunks.ts';
import type { CheckedChunk } from '../../wire/checked-datum.ts';
import { checkedTokens } from '../../wire/checked-tokens.ts';
import type { ModelInput } from '../../wire/types/model-input.ts';

/** A piece of a model's input, with what is needed to join it to others. */
export interface InputPiece {
  /** Where it stands in the options. */
  readonly field: string;
  /** What it is made of: own copies. */
  readonly chunks: readonly CheckedChunk[];
  /** Positions it takes. */
  readonly length: number;
}

/** A piece of token ids, or of a whole input. @throws TinkerInputError - also where an image does not say how long it is. */
export function inputPiece(field: string, input: unknown): InputPiece {
  const isInput = typeof input === 'object' && input !== null && 'chunks' in input;
  if (!isInput) {
    const tokens = checkedTokens(field, input);
    return { field, chunks: [{ type: 'encoded_text', tokens }], length: tokens.length };
  }
  const chunks = checkedChunks(field, input as ModelInput);
  const length = chunksLength(chunks);
  if (length !== undefined) return { field, chunks, length };
  const c = chunks.findIndex((chunk) => chunksLength([chunk]) === undefined);
  throw new TinkerInputError(
    `${field}.chunks[${c}].expectedTokens`,
    'is missing: which position each token takes is known only by it',
  );
}

/** The pieces as the input of a datum, and what each of its positions predicts. */
export interface ShiftedInput {
  /** All but the last token. Neighbouring tokens are one chunk. */
  readonly modelInput: ModelInput;
  /** The token after each position; 0 where an image is. */
  readonly targets: Int32Array<ArrayBuffer>;
}

/** Joins pieces. @throws TinkerInputError - where there is no token at the end. */
export function shiftedInput(pieces: readonly InputPiece[]): ShiftedInput {
  const chunks = joined(pieces.flatMap((piece) => piece.chunks));
  const last = chunks.at(-1);
  if (last?.type !== 'encoded_text') {
    throw new TinkerInputError(
      pieces.filter(({ length }) => length > 0).at(-1)?.field ?? 'tokens',
      'must not end in an image or in audio: no token comes after it; leave it out',
    );
  }
  const whole = new Int32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    if (chunk.type === 'encoded_text') whole.set(chunk.tokens, at);
    at += chunksLength([chunk]) ?? 0;
  }
  const kept = last.tokens.subarray(0, -1);
  const before = chunks.slice(0, -1);
  const all = kept.length === 0 ? before : [...before, { type: last.type, tokens: kept }];
  return { modelInput: { chunks: all }, targets: whole.slice(1) };
}

/** Neighbouring tokens in one chunk, and none that is empty. */
function joined(chunks: readonly CheckedChunk[]): CheckedChunk[] {
  const out: CheckedChunk[] = [];
  let run: Int32Array[] = [];
  const endRun = (): void => {
    if (run.length > 0) out.push({ type: 'encoded_text', tokens: concatInt32(run) });
    run = [];
  };
  for (const chunk of chunks) {
    if (chunk.type !== 'encoded_text') {
      endRun();
      out.push(chunk);
    } else if (chunk.tokens.length > 0) run.push(chunk.tokens);
  }
  endRun();
  return out;
}
