import { checkInteger, checkRecord, show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import type { AddedTokenRule } from './added-token-splitter.ts';

/** The added tokens of a tokenizer's file, each text once: of several the last counts. @throws TinkerInputError */
export function readAddedTokens(value: unknown): readonly AddedTokenRule[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    throw new TinkerInputError('tokenizer.json added_tokens', `must be an array, got ${show(value)}`);
  }
  const rules = new Map<string, AddedTokenRule>();
  for (const [index, entry] of value.entries()) {
    const field = `tokenizer.json added_tokens[${index}]`;
    const token = checkRecord(field, entry);
    const text = token['content'];
    if (typeof text !== 'string') {
      throw new TinkerInputError(`${field}.content`, `must be a string, got ${show(text)}`);
    }
    // A token without text is nowhere to be found, and the reference has none either.
    if (text === '') continue;
    const isSpecial = token['special'] === true;
    rules.set(text, {
      text,
      id: checkInteger(`${field}.id`, token['id'], { min: 0, max: 2 ** 31 - 1 }),
      isSpecial,
      isSingleWord: token['single_word'] === true,
      stripsLeft: token['lstrip'] === true,
      stripsRight: token['rstrip'] === true,
      isNormalized: token['normalized'] === undefined ? !isSpecial : token['normalized'] === true,
    });
  }
  return [...rules.values()];
}
