import { show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { checkedTokens } from '../../wire/checked-tokens.ts';
import type { TokenIds } from '../../wire/types/model-input.ts';
import type { SampledSequence } from '../../wire/types/sampling.ts';
import type { TurnEnds } from '../encoding/turn-ends.ts';
import type { ConversationSegment } from './conversation.ts';

/** A reply with copies of what it is made of. @throws TinkerInputError - where it is none. */
export function checkedReply(
  reply: SampledSequence | TokenIds,
): ConversationSegment & { tokens: Int32Array<ArrayBuffer> } {
  const isSequence = typeof reply === 'object' && reply !== null && 'tokens' in reply;
  const tokens = checkedTokens(isSequence ? 'reply.tokens' : 'reply', isSequence ? reply.tokens : reply);
  if (!isSequence) return { tokens: Int32Array.from(tokens), logprobs: undefined, stopReason: 'stop' };
  const { logprobs, stopReason } = reply;
  if (logprobs !== undefined && logprobs.length !== tokens.length) {
    throw new TinkerInputError(
      'reply.logprobs',
      `must have one value for each of the ${tokens.length} tokens, got ${show(logprobs.length)}`,
    );
  }
  return {
    tokens: Int32Array.from(tokens),
    logprobs: logprobs === undefined ? undefined : Float32Array.from(logprobs),
    stopReason,
  };
}

/** Whether the server left in what ends the turn. */
export function endsWithStop({ ids, stop }: TurnEnds, tokens: Int32Array, words: string): boolean {
  const [text] = stop;
  if (typeof text === 'string') return words.endsWith(text);
  const last = tokens.at(-1);
  return last !== undefined && (ids.has(last) || (stop as readonly number[]).includes(last));
}

/** A reply's words without what ends the turn. */
export function withoutStop(
  tokenizer: Tokenizer,
  { stop }: TurnEnds,
  tokens: Int32Array,
  words: string,
): string {
  const [text] = stop;
  return typeof text === 'string'
    ? words.slice(0, words.length - text.length)
    : tokenizer.decode(tokens.subarray(0, -1).filter((id) => id < tokenizer.vocabSize));
}
