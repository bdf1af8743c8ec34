import { knownPart, type MessageEncoder } from '../encoding/encoding.ts';
import { ASSISTANT, type ChatMessage } from '../message.ts';
import {
  datumOf,
  messageWeights,
  type SupervisedDatum,
  type SupervisedOptions,
  type WeightedTokens,
  weighted,
} from './supervised.ts';

/**
 * One datum for each run of answers that stand behind one another word for word; another where the template writes what
 * came before otherwise than when it was new.
 */
export function splitData(
  encoder: MessageEncoder,
  messages: readonly ChatMessage[],
  options: SupervisedOptions,
): SupervisedDatum[] {
  const { trainOn, maxTokens: _, truncate: __, ...input } = options;
  const weights = messageWeights(messages, trainOn);
  const runs: WeightedTokens[] = [];
  for (const [m, message] of messages.entries()) {
    const weight = weights[m] ?? 0;
    if (message.role !== ASSISTANT || weight === 0) continue;
    const until = messages.slice(0, m + 1);
    const encoded = encoder.encode(until, input, false, {
      firstPart: 0,
      bounds: ({ parts }) => [0, knownPart(parts, m).end],
    });
    const tokens = weighted(encoded, until.map(withoutWeight), (_, index) => (index === m ? weight : 0));
    const before = runs.at(-1);
    if (before !== undefined && isPrefix(before.ids, tokens.ids)) {
      tokens.weights.set(before.weights);
      runs[runs.length - 1] = tokens;
    } else runs.push(tokens);
  }
  if (runs.length === 0)
    return [datumOf(weighted(encoder.encode(messages, input, false), messages, trainOn), options)];
  return runs.map((tokens) => datumOf(tokens, options));
}

function withoutWeight({ weight: _, ...message }: ChatMessage): ChatMessage {
  return message as ChatMessage;
}

function isPrefix(short: Int32Array, long: Int32Array): boolean {
  return short.length <= long.length && short.every((id, i) => id === long[i]);
}
