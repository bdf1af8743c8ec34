import { checkFinite, checkRecord, show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { checkedTokens } from '../../wire/checked-tokens.ts';
import { copyValues, isValueArray, type ValueArray } from '../../wire/checked-values.ts';
import type { FloatInput } from '../../wire/types/datum.ts';
import type { ModelInput, TokenIds } from '../../wire/types/model-input.ts';
import type { SampledSequence } from '../../wire/types/sampling.ts';
import { type InputPiece, inputPiece, shiftedInput } from './shifted-input.ts';

/** Which tokens count: one a token, `false` or 0 for those that do not. */
export type TokenMask = readonly (boolean | number)[] | Uint8Array;

/** One sample: what was asked, and the tokens that came. */
export interface RlSample {
  /** What the model was asked to continue. */
  readonly prompt: ModelInput | TokenIds;
  /** What was sampled, without the prompt. */
  readonly tokens: TokenIds;
  /** Log-probability of each sampled token, under the policy that sampled it. */
  readonly logprobs: FloatInput;
  /** How much better than expected it did: one number for all sampled tokens, or one a token. */
  readonly advantage: number | FloatInput;
  /** Sampled tokens that are not to be learnt from are `false`: their advantage becomes 0. @default all count */
  readonly mask?: TokenMask | undefined;
}

/** The same with a sequence as `sample` returns it. */
export interface RlSequence {
  /** What the model was asked to continue. */
  readonly prompt: ModelInput | TokenIds;
  /** One of the `sequences` of the answer. */
  readonly sequence: SampledSequence;
  /** How much better than expected it did: one number for all sampled tokens, or one a token. */
  readonly advantage: number | FloatInput;
  /** Sampled tokens that are not to be learnt from are `false`: their advantage becomes 0. @default all count */
  readonly mask?: TokenMask | undefined;
}

/** A conversation of several turns, as one example. */
export interface RlConversation {
  /** All that stands in the model's context, in order. The first is not sampled: it is the prompt. */
  readonly segments: readonly RlSegment[];
  /** The advantage of the segments that have none of their own. */
  readonly advantage?: number | undefined;
}

/** A piece of a conversation: sampled where it has log-probabilities. A sampled sequence is one as it is. */
export interface RlSegment {
  /** Its tokens. One that was not sampled may be a whole input, with images. */
  readonly tokens: ModelInput | TokenIds;
  /** Log-probability of each of its tokens. @default it was not sampled: a prompt, a tool's result */
  readonly logprobs?: FloatInput | undefined;
  /** Its advantage, if it was sampled: a number, or one a token. @default the conversation's */
  readonly advantage?: number | FloatInput | undefined;
  /** Sampled tokens that are not to be learnt from are `false`: their advantage becomes 0. @default all count */
  readonly mask?: TokenMask | undefined;
}

/** A datum of `importance_sampling`, `ppo`, `cispo` and `dro`. */
export interface RlDatum {
  /** Everything but the last token. */
  readonly modelInput: ModelInput;
  /** One value a position of the input, each of them about the token that comes next. */
  readonly lossFnInputs: {
    /** The token that comes next; 0 within an image. */
    readonly target_tokens: Int32Array<ArrayBuffer>;
    /** Its log-probability when it was sampled; 0 where it was not. */
    readonly logprobs: Float32Array<ArrayBuffer>;
    /** Its advantage; 0 where it was not sampled, or is not to be learnt from. */
    readonly advantages: Float32Array<ArrayBuffer>;
  };
}

/**
 * An example for a policy-gradient loss, of what was sampled and how well it did. The input is all tokens but the last,
 * the targets are all but the first; log-probabilities and advantages stand where their token is the target.
 *
 * @throws TinkerInputError - naming the field, the index, and the lengths that differ.
 */
export function rlDatum(options: RlSample | RlSequence | RlConversation): RlDatum {
  const pieces = sampledPieces(checkRecord('options', options));
  const { modelInput, targets } = shiftedInput(pieces);
  const [logprobs, advantages] = [new Float32Array(targets.length), new Float32Array(targets.length)];
  // The token at index i of the whole is the target of position i - 1.
  let at = -1;
  for (const { length, values } of pieces) {
    if (values !== undefined) {
      logprobs.set(values.logprobs, at);
      advantages.set(values.advantages, at);
    }
    at += length;
  }
  return { modelInput, lossFnInputs: { target_tokens: targets, logprobs, advantages } };
}

/** A piece of the whole; `values` where it was sampled, one a token. */
interface SampledPiece extends InputPiece {
  readonly values: { readonly logprobs: Float32Array; readonly advantages: Float32Array } | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function sampledPieces(options: Fields): SampledPiece[] {
  const { prompt, sequence, segments, advantage, mask } = options;
  if (segments !== undefined) return conversation(options);
  if (prompt === undefined) throw new TinkerInputError('prompt', 'is missing: what was continued');
  const asked = { ...inputPiece('prompt', prompt), values: undefined };
  if (asked.length === 0) throw withoutTokens('prompt');
  if (sequence === undefined) return [asked, sampled('', options)];
  refuseBeside(options, 'sequence', ['tokens', 'logprobs']);
  const { tokens, logprobs } = checkRecord('sequence', sequence, 'a sampled sequence');
  return [asked, sampled('sequence', { tokens, logprobs }, { advantage, mask })];
}

function conversation(options: Fields): SampledPiece[] {
  refuseBeside(options, 'segments', ['prompt', 'sequence', 'tokens', 'logprobs', 'mask']);
  const { segments, advantage } = options;
  if (!Array.isArray(segments))
    throw new TinkerInputError('segments', `must be an array of segments, got ${show(segments)}`);
  if (advantage !== undefined) checkFinite('advantage', advantage);
  const pieces = Array.from(segments, (segment: unknown, s) =>
    piece(`segments[${s}]`, checkRecord(`segments[${s}]`, segment, 'a segment'), advantage),
  );
  const [first] = pieces;
  if (first?.values !== undefined) {
    throw new TinkerInputError(
      'segments[0].logprobs',
      'must not be given: nothing comes before the first token that could predict it; begin with the prompt',
    );
  }
  if (first?.length === 0) throw withoutTokens('segments[0].tokens');
  const count = pieces.reduce((sum, { length, values }) => sum + (values === undefined ? 0 : length), 0);
  if (count === 0)
    throw new TinkerInputError('segments', 'must hold at least one token with a log-probability, got none');
  return pieces;
}

function piece(field: string, segment: Fields, advantage: unknown): SampledPiece {
  if (segment['logprobs'] !== undefined) {
    return sampled(field, { ...segment, advantage: segment['advantage'] ?? advantage }, {}, 0);
  }
  // It would pass for a prompt, and nothing would be learnt from it.
  if (segment['stopReason'] !== undefined) throw withoutLogprobs(`${field}.logprobs`);
  for (const name of ['advantage', 'mask']) {
    if (segment[name] === undefined) continue;
    throw new TinkerInputError(
      `${field}.${name}`,
      'must not be given without logprobs: they are of what was sampled',
    );
  }
  return { ...inputPiece(`${field}.tokens`, segment['tokens']), field, values: undefined };
}

/** A sampled piece. `beside` is what stands beside it, not in it. */
function sampled(field: string, own: Fields, beside: Fields = {}, least = 1): SampledPiece {
  const at = (name: string): string =>
    field === '' || Object.hasOwn(beside, name) ? name : `${field}.${name}`;
  const { tokens, logprobs, advantage, mask } = { ...own, ...beside };
  const ids = checkedTokens(at('tokens'), tokens);
  if (ids.length < least) throw withoutTokens(at('tokens'));
  if (logprobs === undefined) throw withoutLogprobs(at('logprobs'));
  if (advantage === undefined)
    throw new TinkerInputError(at('advantage'), 'is missing: a number, or one for each sampled token');
  const counts = checkedMask(at('mask'), mask, ids.length);
  return {
    field,
    chunks: [{ type: 'encoded_text', tokens: ids }],
    length: ids.length,
    values: {
      logprobs: checkedLogprobs(at('logprobs'), logprobs, counts),
      advantages: checkedAdvantages(at('advantage'), advantage, counts),
    },
  };
}

function checkedLogprobs(field: string, values: unknown, counts: readonly boolean[]): Float32Array {
  const list = checkedList(field, values, counts.length);
  // Where a token does not count, nobody reads it.
  const given = Array.from(list, (value, i) => (Number.isNaN(value) && counts[i] === false ? 0 : value));
  const missing = given.findIndex((value) => Number.isNaN(value));
  if (missing !== -1) {
    throw new TinkerInputError(`${field}[${missing}]`, 'must be a number, got NaN', {
      hint: 'The server did not compute it; with mask, tokens can be left out',
    });
  }
  const out = new Float32Array(counts.length);
  copyValues(field, given, out, 0);
  return out;
}

function checkedAdvantages(field: string, advantage: unknown, counts: readonly boolean[]): Float32Array {
  const out = new Float32Array(counts.length);
  if (typeof advantage === 'number') out.fill(checkFinite(field, Math.fround(advantage)));
  else copyValues(field, checkedList(field, advantage, counts.length), out, 0);
  for (const [i, does] of counts.entries()) if (!does) out[i] = 0;
  return out;
}

function checkedMask(field: string, mask: unknown, length: number): readonly boolean[] {
  if (mask === undefined) return Array.from({ length }, () => true);
  if (!Array.isArray(mask) && !(mask instanceof Uint8Array))
    throw new TinkerInputError(field, `must be an array of true and false, got ${show(mask)}`);
  checkLength(field, mask.length, length);
  return Array.from(mask, (value: unknown, i) => {
    if (value === true || value === 1) return true;
    if (value === false || value === 0) return false;
    throw new TinkerInputError(`${field}[${i}]`, `must be true, false, 1 or 0, got ${show(value)}`);
  });
}

function checkedList(field: string, values: unknown, length: number): ValueArray {
  if (!isValueArray('floats', values))
    throw new TinkerInputError(field, `must be an array of numbers, got ${show(values)}`);
  checkLength(field, values.length, length);
  return values;
}

function checkLength(field: string, got: number, tokens: number): void {
  if (got === tokens) return;
  throw new TinkerInputError(field, `must hold one value for each of the ${tokens} tokens, got ${got}`);
}

function withoutTokens(field: string): TinkerInputError {
  return new TinkerInputError(field, 'must hold at least one token, got none');
}

function withoutLogprobs(field: string): TinkerInputError {
  return new TinkerInputError(field, 'is missing: one for each sampled token', {
    hint: 'A policy-gradient loss needs them; this server, or this request, gave none',
  });
}

function refuseBeside(options: Fields, given: string, names: readonly string[]): void {
  const other = names.find((name) => options[name] !== undefined);
  if (other !== undefined) throw new TinkerInputError(other, `must not be given beside ${given}`);
}
