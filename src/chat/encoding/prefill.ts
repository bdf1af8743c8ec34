import { TinkerInputError } from '../../kernel/errors.ts';
import { stripBounds } from '../jinja/python-text.ts';
import { spanOf } from '../jinja/render.ts';
import type { ChatMessage } from '../message.ts';
import type { Excerpt } from './encoding.ts';

/** A prompt that ends with what the last message says, as transformers has it with `continue_final_message`. */
export function prefillBounds(messages: readonly ChatMessage[]): Excerpt {
  const last = messages.length - 1;
  const words = wordsOf(messages[last]?.content);
  const [from, to] = stripBounds(words, 'both', undefined);
  return {
    firstPart: 0,
    bounds({ rendering: { text, pieces } }) {
      const own = pieces.filter(({ owner }) => owner === last).at(-1);
      const end = own?.end ?? spanOf({ text, pieces }, last)?.end ?? text.length;
      const trimmed = words.slice(from, to);
      const at = text.lastIndexOf(trimmed, end - trimmed.length);
      if (trimmed === '' || at === -1) {
        throw new TinkerInputError(
          `messages[${last}].content`,
          'is not what the template writes: it cannot be continued',
        );
      }
      // White space at its end stays where the template leaves it.
      const whole = words.slice(from);
      return [0, at + (text.startsWith(whole, at) ? whole : trimmed).length];
    },
  };
}

function wordsOf(content: ChatMessage['content']): string {
  if (typeof content === 'string') return content;
  return content?.at(-1)?.text ?? '';
}
