import { TinkerInputError } from '../../kernel/errors.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { createRenderer, type Renderer, type RenderInput, type Rendering } from '../jinja/render.ts';
import type { ParsedTemplate } from '../jinja/template.ts';
import { ASSISTANT, type ChatMessage } from '../message.ts';
import { createTokenFinder } from './added-token-finder.ts';
import { type GeneratedPart, generatedPart, promptTeller } from './generated-parts.ts';
import { type Chunk, createChunkEncoder } from './text-encoder.ts';
import { findTurnEnds, type TurnEnds } from './turn-ends.ts';

/** Messages as ids, and which of them is whose. */
export interface EncodedMessages {
  /** What the template wrote. */
  readonly rendering: Rendering;
  /** Its ids, in runs. */
  readonly chunks: readonly Chunk[];
  /** What a model would have generated, one for each message of the assistant; a string says why it cannot be told. */
  readonly parts: ReadonlyMap<number, GeneratedPart | string>;
}

/** Turns messages into ids. */
export interface MessageEncoder {
  readonly render: Renderer;
  /** How turns end. Worked out when first asked for. */
  turnEnds(): TurnEnds;
  /** The ids of messages. */
  encode(
    messages: readonly ChatMessage[],
    input: RenderInput,
    addGenerationPrompt: boolean,
    excerpt?: Excerpt,
  ): EncodedMessages;
}

/** What of a conversation is to be encoded. */
export interface Excerpt {
  /** The first message whose generated part is of interest. */
  readonly firstPart: number;
  /** Where the text begins or ends that is encoded. */
  bounds(encoded: Pick<EncodedMessages, 'rendering' | 'parts'>): readonly [start: number, end: number];
}

/** What {@link createMessageEncoder} needs. */
export interface MessageEncoderOptions {
  readonly tokenizer: Tokenizer;
  readonly template: ParsedTemplate;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly now: () => number;
  readonly trusted: ReadonlySet<string>;
}

/** An encoder for one tokenizer and template. */
export function createMessageEncoder(options: MessageEncoderOptions): MessageEncoder {
  const { tokenizer, template, variables } = options;
  const { addedTokens } = tokenizer;
  const render = createRenderer(options);
  const encodeChunks = createChunkEncoder(tokenizer);
  const find = createTokenFinder({
    ...options,
    addedTokens,
    handedOver: template.handedOver,
  });
  const endOfText = addedTokens.find(({ text }) => text === variables['eos_token'])?.id;
  let ends: TurnEnds | undefined;
  const turnEnds = (): TurnEnds => {
    ends ??= findTurnEnds({ render, find, endOfText });
    return ends;
  };
  return {
    render,
    turnEnds,
    encode(messages, input, addGenerationPrompt, excerpt) {
      const rendering = render(messages, input, addGenerationPrompt);
      const found = find({ rendering, messages, input });
      const promptOf = promptTeller({ render, messages, input }, template.hasConstantPrompt);
      const context = {
        render,
        messages,
        input,
        rendering,
        found,
        turnEnds: turnEnds(),
        promptOf,
        addedTokens,
      };
      const parts = new Map(
        [...messages.keys()]
          .filter((m) => m >= (excerpt?.firstPart ?? 0) && messages[m]?.role === ASSISTANT)
          .map((m) => [m, generatedPart(context, m)] as const),
      );
      const cuts = [...parts.values()].flatMap((part) =>
        typeof part === 'string' ? [] : [part.start, part.turnEnd, part.end],
      );
      const bounds = excerpt?.bounds({ rendering, parts }) ?? [0, rendering.text.length];
      return { rendering, parts, chunks: encodeChunks(rendering.text, bounds, found, cuts) };
    },
  };
}

/** The generated part of a message. @throws TinkerInputError - that says why it cannot be told. */
export function knownPart(parts: EncodedMessages['parts'], message: number): GeneratedPart {
  const part = parts.get(message);
  if (typeof part === 'object') return part;
  throw new TinkerInputError(
    `messages[${message}]`,
    `cannot be told apart from the rest: ${part ?? 'it is not generated'}`,
    {
      hint: 'Train on all of it with trainOn: "all"',
    },
  );
}
