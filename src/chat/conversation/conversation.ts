import { concatFloat32 } from '../../kernel/concat.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { TokenIds } from '../../wire/types/model-input.ts';
import type { SampledSequence } from '../../wire/types/sampling.ts';
import { knownPart, type MessageEncoder } from '../encoding/encoding.ts';
import { type Chunk, idsOf } from '../encoding/text-encoder.ts';
import { STAND_IN } from '../encoding/turn-ends.ts';
import type { RenderInput } from '../jinja/render.ts';
import { ASSISTANT, type ChatMessage, checkedMessages } from '../message.ts';
import {
  datumOf,
  type SupervisedDatum,
  type SupervisedOptions,
  type WeightedTokens,
} from '../supervised/supervised.ts';
import { checkedReply, endsWithStop, withoutStop } from './reply.ts';

/** A run of a conversation's tokens: what a model said, or what the template and others said in between. */
export interface ConversationSegment {
  /** Its ids. */
  readonly tokens: Int32Array;
  /** Log-probability of each, where they were sampled and the server told. */
  readonly logprobs: Float32Array | undefined;
  /** Why the model stopped; `undefined` where this was not sampled. */
  readonly stopReason: SampledSequence['stopReason'] | undefined;
}

/** What was sampled, by its place in `ids`. */
export interface SampledSpan extends ConversationSegment {
  /** Where it begins. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
}

/** A conversation that grows by what is sampled, token for token. */
export interface Conversation {
  /** What to give to `sample`: all of it, and what the template writes to make the model answer. */
  readonly prompt: Int32Array<ArrayBuffer>;
  /** All tokens up to the last reply; before there is one, and after `add`, the same as `prompt`. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** One for each of `ids`: 1 on what was sampled, and on the token that ended it where the server left that out. */
  readonly weights: Float32Array<ArrayBuffer>;
  /** All messages; what was sampled is decoded, unless it was given in words. */
  readonly messages: readonly ChatMessage[];
  /** What was sampled, in order. */
  readonly sampledSpans: readonly SampledSpan[];
  /** Everything up to the last reply in runs, as `rlDatum` takes them. */
  readonly segments: readonly ConversationSegment[];
  /**
   * Take a reply as it was sampled. Nothing of it is encoded again. Bare ids are taken for a whole reply.
   *
   * @param message - The reply in words, e.g. with `tool_calls`, for templates that look at it. @default its decoded text
   */
  addSampled(reply: SampledSequence | TokenIds, message?: Omit<ChatMessage, 'role'>): void;
  /** Add messages of others. Only they are encoded, with what the template writes around them. */
  add(...messages: readonly ChatMessage[]): void;
  /** A datum that trains on what was sampled. @throws TinkerInputError - where nothing was. */
  datum(options?: Pick<SupervisedOptions, 'maxTokens' | 'truncate'>): SupervisedDatum;
}

/** What {@link createConversation} needs. */
export interface ConversationOptions {
  readonly tokenizer: Tokenizer;
  readonly encoder: MessageEncoder;
  readonly input: RenderInput;
}

/** A conversation that begins with these messages. */
export function createConversation(
  { tokenizer, encoder, input }: ConversationOptions,
  first: readonly ChatMessage[],
): Conversation {
  const messages = [...first];
  /** What is given to the template: what was sampled in no words of its own has a stand-in there. */
  const rendered = [...first];
  const runs: Run[] = [];
  let pending: WeightedTokens | undefined;
  let isAnswered = false;

  /** What comes behind the last run, up to where the model is to answer. */
  const next = (): WeightedTokens => {
    pending ??= continuation({ encoder, input }, rendered, runs.at(-1), true);
    return pending;
  };
  const all = (): readonly WeightedTokens[] =>
    isAnswered ? runs.map(({ tokens }) => tokens) : [...runs.map(({ tokens }) => tokens), next()];

  return {
    get prompt() {
      return idsOf([...runs.map(({ tokens }) => tokens), next()]);
    },
    get ids() {
      return idsOf(all());
    },
    get weights() {
      return concatFloat32(all().map(({ weights }) => weights));
    },
    get messages() {
      return [...messages];
    },
    get sampledSpans() {
      return sampledSpans(runs);
    },
    get segments() {
      return runs.map(segmentOf);
    },
    addSampled(reply, message) {
      const sampled = checkedReply(reply);
      // Some models have more ids than their tokenizer knows.
      const words = tokenizer.decode(sampled.tokens.filter((id) => id < tokenizer.vocabSize));
      const ends = encoder.turnEnds();
      const isEnded = endsWithStop(ends, sampled.tokens, words);
      const said = isEnded ? withoutStop(tokenizer, ends, sampled.tokens, words) : words;
      // What the template writes itself is not said by the message.
      const content = said.startsWith(ends.space) ? said.slice(ends.space.length) : said;
      const view = Object.assign({ role: ASSISTANT, content }, message, { role: ASSISTANT });
      checkedMessages('reply', [view]);
      const before = next();
      runs.push({ tokens: before, sampled: undefined, isEnded: false, message: -1 });
      runs.push({
        tokens: { ids: sampled.tokens, weights: new Float32Array(sampled.tokens.length).fill(1) },
        sampled,
        isEnded,
        message: rendered.length,
      });
      messages.push(view);
      rendered.push(message === undefined ? { role: ASSISTANT, content: STAND_IN } : view);
      pending = undefined;
      isAnswered = true;
    },
    add(...added) {
      const checked = checkedMessages('messages', added);
      const last = runs.at(-1);
      // Before anything is changed: the template may refuse.
      const tokens = continuation({ encoder, input }, [...rendered, ...checked], last, true);
      messages.push(...checked);
      rendered.push(...checked);
      pending = tokens;
      isAnswered = false;
    },
    datum(options = {}) {
      const last = runs.at(-1);
      if (last === undefined)
        throw new TinkerInputError('conversation', 'has no sampled reply to train on: addSampled first');
      const end = turnEnd({ encoder, input }, rendered.slice(0, last.message + 1), last);
      const tokens = [...runs.map((run) => run.tokens), ...end];
      return datumOf(
        { ids: idsOf(tokens), weights: concatFloat32(tokens.map(({ weights }) => weights)) },
        options,
      );
    },
  };
}

/** A run of tokens, sampled or not. */
interface Run {
  readonly tokens: WeightedTokens;
  readonly sampled: ConversationSegment | undefined;
  /** Whether its last token ends the turn. */
  readonly isEnded: boolean;
  /** Index of the message that was sampled; -1 for one that was not. */
  readonly message: number;
}

type Means = Pick<ConversationOptions, 'encoder' | 'input'>;

/** What the template writes behind the last reply. */
function continuation(
  { encoder, input }: Means,
  messages: readonly ChatMessage[],
  last: Run | undefined,
  addGenerationPrompt: boolean,
): WeightedTokens {
  if (last === undefined) {
    const ids = idsOf(encoder.encode(messages, input, addGenerationPrompt).chunks);
    return { ids, weights: new Float32Array(ids.length) };
  }
  const { chunks } = encoder.encode(messages, input, addGenerationPrompt, {
    firstPart: last.message,
    bounds: ({ rendering, parts }) => [knownPart(parts, last.message).turnEnd, rendering.text.length],
  });
  const [first] = chunks;
  const isTurnEnd = first !== undefined && endsTurn(encoder, first);
  const kept = isTurnEnd && last.isEnded ? chunks.slice(1) : chunks;
  const ids = idsOf(kept);
  const weights = new Float32Array(ids.length);
  // The model did say it; the server only left it out.
  if (isTurnEnd && !last.isEnded && last.sampled?.stopReason === 'stop') weights.fill(1, 0, first.ids.length);
  return { ids, weights };
}

/** The token that ends the last reply, where the model said it and the server left it out. */
function turnEnd(means: Means, messages: readonly ChatMessage[], last: Run): readonly WeightedTokens[] {
  if (last.isEnded || last.sampled?.stopReason !== 'stop') return [];
  const { ids, weights } = continuation(means, messages, last, false);
  const count = weights.lastIndexOf(1) + 1;
  return count === 0 ? [] : [{ ids: ids.slice(0, count), weights: weights.slice(0, count) }];
}

function endsTurn(encoder: MessageEncoder, { token, end, start }: Chunk): boolean {
  const { ids } = encoder.turnEnds();
  return ids.size === 0 ? end > start : token !== undefined && ids.has(token.id);
}

function segmentOf({ tokens, sampled }: Run): ConversationSegment {
  return sampled ?? { tokens: tokens.ids, logprobs: undefined, stopReason: undefined };
}

function sampledSpans(runs: readonly Run[]): readonly SampledSpan[] {
  let end = 0;
  return runs.flatMap(({ tokens, sampled }) => {
    const start = end;
    end += tokens.ids.length;
    return sampled === undefined ? [] : [{ ...sampled, start, end }];
  });
}
