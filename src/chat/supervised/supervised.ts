import { checkFinite, checkInteger, show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import type { Datum } from '../../wire/types/datum.ts';
import { type EncodedMessages, knownPart } from '../encoding/encoding.ts';
import { idsOf } from '../encoding/text-encoder.ts';
import { type RenderInput, spanOf } from '../jinja/render.ts';
import { ASSISTANT, type ChatMessage } from '../message.ts';

/**
 * Which messages are trained on: each of the assistant's, the last of them, or those for which a function says so, with
 * a weight if it says a number. `all` is every token of the conversation, whoever wrote it.
 */
export type TrainOn =
  | 'assistant'
  | 'last'
  | 'all'
  | ((message: ChatMessage, index: number) => boolean | number);

/** How a conversation becomes a datum. */
export interface SupervisedOptions extends RenderInput {
  /** Which messages are trained on. @default 'assistant' */
  readonly trainOn?: TrainOn | undefined;
  /** Most tokens a datum may have. @default no bound */
  readonly maxTokens?: number | undefined;
  /** What to do with one that has more: drop tokens at its `start` or at its `end`. @default an error */
  readonly truncate?: 'start' | 'end' | undefined;
}

/** Token ids, and how much each of them counts in training. */
export interface WeightedTokens {
  /** The ids. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** The weight of each id as a target. */
  readonly weights: Float32Array<ArrayBuffer>;
}

/** A datum for cross-entropy with typed arrays. */
export interface SupervisedDatum extends Datum<'cross_entropy'> {
  /** What the model reads: all ids but the last. */
  readonly modelInput: Int32Array<ArrayBuffer>;
  /** What it learns. */
  readonly lossFnInputs: {
    /** All ids but the first. */
    readonly target_tokens: Int32Array<ArrayBuffer>;
    /** The weight of each target. */
    readonly weights: Float32Array<ArrayBuffer>;
  };
}

/** The weight of each message. @throws TinkerInputError - for a weight that is none. */
export function messageWeights(
  messages: readonly ChatMessage[],
  trainOn: TrainOn = 'assistant',
): readonly number[] {
  const last = messages.map(({ role }) => role).lastIndexOf(ASSISTANT);
  return messages.map((message, m) => {
    const own = message.weight ?? 1;
    if (typeof trainOn === 'function') {
      const said: unknown = trainOn(message, m);
      if (typeof said === 'boolean') return said ? own : 0;
      return checkFinite(`trainOn(messages[${m}], ${m})`, said) * own;
    }
    switch (trainOn) {
      case 'all':
        return own;
      case 'assistant':
        return message.role === ASSISTANT ? own : 0;
      case 'last':
        return m === last ? own : 0;
      default:
        throw new TinkerInputError(
          'trainOn',
          `must be "assistant", "last", "all" or a function, got ${show(trainOn)}`,
        );
    }
  });
}

/** The ids of encoded messages with the weight of each. */
export function weighted(
  encoded: EncodedMessages,
  messages: readonly ChatMessage[],
  trainOn: TrainOn = 'assistant',
): WeightedTokens {
  const ids = idsOf(encoded.chunks);
  const weights = new Float32Array(ids.length);
  const ranges =
    trainOn === 'all'
      ? allRanges(encoded, messages)
      : messageRanges(encoded, messages, messageWeights(messages, trainOn));
  let at = 0;
  for (const chunk of encoded.chunks) {
    for (const { start, end, weight } of ranges) {
      if (chunk.start >= end || chunk.end <= start) continue;
      if (chunk.start < start || chunk.end > end) throw straddling(ranges, start);
      weights.fill(weight, at, at + chunk.ids.length);
    }
    at += chunk.ids.length;
  }
  return { ids, weights };
}

interface WeightedRange {
  readonly start: number;
  readonly end: number;
  readonly weight: number;
  readonly message: number;
}

/** The generated part of an assistant's message, all that others wrote. */
function messageRanges(
  { parts, rendering }: EncodedMessages,
  messages: readonly ChatMessage[],
  weights: readonly number[],
): readonly WeightedRange[] {
  return weights.flatMap((weight, message) => {
    if (weight === 0) return [];
    if (messages[message]?.role === ASSISTANT) return [{ ...knownPart(parts, message), weight }];
    const span = spanOf(rendering, message);
    if (span !== undefined) return [{ ...span, weight, message }];
    throw new TinkerInputError(
      `messages[${message}]`,
      'cannot be told apart from the rest: the template does not write it in one turn of a loop over the messages',
    );
  });
}

/** Everything, with the weights of messages that have one. */
function allRanges(
  { rendering }: EncodedMessages,
  messages: readonly ChatMessage[],
): readonly WeightedRange[] {
  const all = { start: 0, end: rendering.text.length, weight: 1, message: -1 };
  return [
    all,
    ...messages.flatMap(({ weight }, message) => {
      const span = weight === undefined ? undefined : spanOf(rendering, message);
      return weight === undefined || span === undefined ? [] : [{ ...span, weight, message }];
    }),
  ];
}

function straddling(ranges: readonly WeightedRange[], start: number): TinkerInputError {
  const message = ranges.find((range) => range.start === start)?.message ?? 0;
  return new TinkerInputError(
    `messages[${message}]`,
    'cannot be trained on alone: it does not begin and end where tokens do in this template',
  );
}

/** A datum of weighted tokens. @throws TinkerInputError - where it is too long, or nothing would be learnt. */
export function datumOf(tokens: WeightedTokens, options: SupervisedOptions = {}): SupervisedDatum {
  const { ids, weights } = bounded(tokens, options);
  if (ids.length < 2)
    throw new TinkerInputError('messages', `must become at least 2 tokens to learn from, got ${ids.length}`);
  const datum = {
    modelInput: ids.slice(0, -1),
    lossFnInputs: { target_tokens: ids.slice(1), weights: weights.slice(1) },
  };
  if (datum.lossFnInputs.weights.some((weight) => weight !== 0)) return datum;
  throw new TinkerInputError('messages', `would train nothing: ${whyNothing(tokens, ids.length, options)}`);
}

function whyNothing({ ids, weights }: WeightedTokens, kept: number, { trainOn }: SupervisedOptions): string {
  if (ids.length > kept && weights.some((weight) => weight !== 0))
    return `what is trained on is not within the ${kept} tokens that are kept of ${ids.length}`;
  return typeof trainOn === 'function'
    ? 'trainOn gives no message a weight'
    : `no message that trainOn: "${trainOn ?? 'assistant'}" means has a weight and tokens`;
}

function bounded(tokens: WeightedTokens, { maxTokens, truncate }: SupervisedOptions): WeightedTokens {
  const { ids, weights } = tokens;
  if (truncate !== undefined && truncate !== 'start' && truncate !== 'end')
    throw new TinkerInputError('truncate', `must be "start" or "end", got ${show(truncate)}`);
  if (maxTokens === undefined) return tokens;
  checkInteger('maxTokens', maxTokens, { min: 2 });
  if (ids.length <= maxTokens) return tokens;
  if (truncate === undefined) {
    throw new TinkerInputError(
      'messages',
      `must have at most ${maxTokens} tokens (maxTokens), got ${ids.length}`,
      {
        hint: 'Drop early messages, or set truncate',
      },
    );
  }
  const from = truncate === 'start' ? ids.length - maxTokens : 0;
  return { ids: ids.slice(from, from + maxTokens), weights: weights.slice(from, from + maxTokens) };
}
