import { show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import type { EncodeOptions } from './tokenizer.ts';

/**
 * A text to encode. Half of a surrogate pair is no character: it is U+FFFD, which is what becomes of it in UTF-8.
 *
 * @throws TinkerInputError
 */
export function checkedText(text: unknown): string {
  if (typeof text === 'string') return text.replace(/\p{Surrogate}/gu, '\ufffd');
  throw new TinkerInputError('text', `must be a string, got ${show(text)}`);
}

/** Which added tokens are looked for. @throws TinkerInputError */
export function checkedMode(options: EncodeOptions | undefined): NonNullable<EncodeOptions['addedTokens']> {
  const mode: unknown = options?.addedTokens ?? 'none';
  if (mode === 'none' || mode === 'ordinary' || mode === 'all') return mode;
  throw new TinkerInputError('addedTokens', `must be "none", "ordinary" or "all", got ${show(mode)}`);
}
