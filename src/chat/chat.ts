import { encodeUtf8 } from '../kernel/bytes.ts';
import { show } from '../kernel/checks.ts';
import { systemClock } from '../kernel/clock.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { fingerprintOf } from '../tokenizer/fingerprint.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type Conversation, createConversation } from './conversation/conversation.ts';
import { createMessageEncoder, type MessageEncoder } from './encoding/encoding.ts';
import { growsByExtension } from './encoding/extension.ts';
import { prefillBounds } from './encoding/prefill.ts';
import { idsOf } from './encoding/text-encoder.ts';
import type { RenderInput } from './jinja/render.ts';
import { parseTemplate } from './jinja/template.ts';
import { type ChatMessage, checkedMessages } from './message.ts';
import { splitData } from './supervised/split-data.ts';
import {
  datumOf,
  type SupervisedDatum,
  type SupervisedOptions,
  type WeightedTokens,
  weighted,
} from './supervised/supervised.ts';

/** Options of {@link createChat}. */
export interface ChatOptions {
  /** The chat template, in Jinja. @default the tokenizer's own */
  readonly template?: string | undefined;
  /** Variables for every rendering, before the tokenizer's own; their texts count as the template's. @default none */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  /** Milliseconds since the Unix epoch, for templates that write the date, which is that in UTC. @default the platform's */
  readonly now?: (() => number) | undefined;
  /**
   * In whose text added tokens that are not special (`<think>`, `<tool_call>`) are recognised: roles, and `tools` and
   * `variables` for what is given under these names. Special tokens never are.
   *
   * @default ['assistant', 'system', 'developer', 'tools', 'variables']
   */
  readonly trusted?: readonly string[] | undefined;
}

/** How a prompt is written. */
export interface PromptOptions extends RenderInput {
  /** The last message is the beginning of the answer, which the model is to go on with. @default false */
  readonly continueLast?: boolean | undefined;
}

/** Messages to token ids, by a chat template. */
export interface Chat {
  /** Names tokenizer, template and variables: 32 hex digits, for the metadata of a run. */
  readonly fingerprint: string;
  /** What `sample` is to stop at: the ids that end a turn, or the text that does in templates that have no token for it. */
  readonly stop: readonly number[] | readonly string[];
  /**
   * Whether a conversation's prompt always begins with the prompt before it and the answer to that. Where it does not,
   * because earlier thoughts are left out, use `supervisedData`.
   */
  readonly growsByExtension: boolean;
  /** What the template writes, as text. */
  text(messages: readonly ChatMessage[], options?: PromptOptions): string;
  /** The ids of a prompt, up to where the model is to answer. */
  prompt(messages: readonly ChatMessage[], options?: PromptOptions): Int32Array<ArrayBuffer>;
  /** The ids of a whole conversation, and how much each counts in training. */
  encode(
    messages: readonly ChatMessage[],
    options?: Omit<SupervisedOptions, 'maxTokens' | 'truncate'>,
  ): WeightedTokens;
  /** A conversation as one datum. @throws TinkerInputError - where it is too long, or nothing would be trained. */
  supervisedDatum(messages: readonly ChatMessage[], options?: SupervisedOptions): SupervisedDatum;
  /**
   * A conversation as data in which every answer stands behind exactly the prompt the model would have seen: one where
   * the template grows by extension, else as many as it takes.
   */
  supervisedData(messages: readonly ChatMessage[], options?: SupervisedOptions): SupervisedDatum[];
  /** A conversation that grows by what is sampled. */
  start(messages: readonly ChatMessage[], options?: RenderInput): Conversation;
}

const TRUSTED = ['assistant', 'system', 'developer', 'tools', 'variables'];

/**
 * A chat for a tokenizer. Each text's origin is known while the template runs: what a message says is never taken for
 * a special token, whatever it spells.
 *
 * @throws TinkerInputError - where there is no template, or it cannot be parsed.
 */
export function createChat(tokenizer: Tokenizer, options: ChatOptions = {}): Chat {
  const source = options.template ?? tokenizer.chatTemplate?.source;
  if (typeof source !== 'string') {
    throw new TinkerInputError('template', `must be a chat template, got ${show(source)}`, {
      hint: 'The tokenizer has none: give one',
    });
  }
  const variables = { ...tokenizer.chatTemplate?.variables, ...options.variables };
  const encoder = createMessageEncoder({
    tokenizer,
    template: parseTemplate(source),
    variables,
    now: options.now ?? systemClock.now,
    trusted: new Set(options.trusted ?? TRUSTED),
  });
  const fingerprint = fingerprintOf(
    encodeUtf8(JSON.stringify([tokenizer.fingerprint, source, JSON.stringify(variables)])),
  );
  let grows: boolean | undefined;
  const encode: Chat['encode'] = (messages, { trainOn, ...input } = {}) => {
    const checked = checkedMessages('messages', messages);
    return weighted(encoder.encode(checked, input, false), checked, trainOn);
  };
  return {
    fingerprint,
    get stop() {
      return encoder.turnEnds().stop;
    },
    get growsByExtension() {
      grows ??= growsByExtension(encoder);
      return grows;
    },
    text: (messages, options) => promptText(encoder, messages, options),
    prompt: (messages, options) => promptIds(encoder, messages, options),
    encode,
    supervisedDatum: (messages, options = {}) => {
      const { maxTokens: _, truncate: __, ...rest } = options;
      return datumOf(encode(messages, rest), options);
    },
    supervisedData: (messages, options = {}) =>
      splitData(encoder, checkedMessages('messages', messages), options),
    start: (messages, input = {}) =>
      createConversation({ tokenizer, encoder, input }, checkedMessages('messages', messages)),
  };
}

/** The ids of a prompt. */
function promptIds(
  encoder: MessageEncoder,
  messages: readonly ChatMessage[],
  { continueLast = false, ...input }: PromptOptions = {},
): Int32Array<ArrayBuffer> {
  const checked = checkedMessages('messages', messages);
  const excerpt = continueLast ? prefillBounds(checked) : undefined;
  return idsOf(encoder.encode(checked, input, !continueLast, excerpt).chunks);
}

/** The same as text, of which nothing is encoded. */
function promptText(
  encoder: MessageEncoder,
  messages: readonly ChatMessage[],
  { continueLast = false, ...input }: PromptOptions = {},
): string {
  const checked = checkedMessages('messages', messages);
  const rendering = encoder.render(checked, input, !continueLast);
  if (!continueLast) return rendering.text;
  const [start, end] = prefillBounds(checked).bounds({ rendering, parts: new Map() });
  return rendering.text.slice(start, end);
}
