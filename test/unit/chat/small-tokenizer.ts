import type { AddedToken, Tokenizer } from '../../../src/tokenizer/tokenizer.ts';

/** Two line breaks are one token: what tears them apart is seen in the ids. */
const PAIR = 256;
const FIRST_ADDED = 300;

/** Options of {@link smallTokenizer}. */
export interface SmallTokenizerOptions {
  /** Written so, e.g. `['<|im_end|>']`. */
  readonly special?: readonly string[];
  readonly ordinary?: readonly string[];
  readonly template?: string;
  readonly variables?: Readonly<Record<string, string>>;
  /** Added tokens that take the white space behind them away. */
  readonly stripsRight?: readonly string[];
  /** Added tokens that take the white space before them away. */
  readonly stripsLeft?: readonly string[];
  /** A text that stands alone begins with this id, as with tokenizers that put a space before it. */
  readonly firstId?: number;
}

/** A tokenizer somebody brings along: bytes of UTF-8, two line breaks as one, and added tokens. */
export function smallTokenizer(options: SmallTokenizerOptions = {}): Tokenizer {
  const { special = [], ordinary = [], stripsRight = [], stripsLeft = [], firstId } = options;
  const addedTokens: readonly AddedToken[] = [
    ...special.map((text) => ({ text, isSpecial: true })),
    ...ordinary.map((text) => ({ text, isSpecial: false })),
  ].map((token, i) => ({ ...token, id: FIRST_ADDED + i }));
  const longest = [...addedTokens].sort((a, b) => b.text.length - a.text.length);

  const plain = (text: string, isFirst: boolean): number[] => {
    const ids: number[] = isFirst && firstId !== undefined && text !== '' ? [firstId] : [];
    const bytes = new TextEncoder().encode(text);
    for (let i = 0; i < bytes.length; i++) {
      const isPair = bytes[i] === 10 && bytes[i + 1] === 10;
      ids.push(isPair ? PAIR : (bytes[i] as number));
      if (isPair) i += 1;
    }
    return ids;
  };
  const encode: Tokenizer['encode'] = (text, { addedTokens: mode = 'none' } = {}) => {
    const ids: number[] = [];
    let from = 0;
    for (let at = 0; at < text.length; ) {
      const found =
        mode === 'none'
          ? undefined
          : longest.find((token) => text.startsWith(token.text, at) && (mode === 'all' || !token.isSpecial));
      if (found === undefined) {
        at += 1;
        continue;
      }
      const before = text.slice(from, at);
      ids.push(...plain(stripsLeft.includes(found.text) ? before.trimEnd() : before, from === 0), found.id);
      at += found.text.length;
      while (stripsRight.includes(found.text) && /\s/.test(text[at] ?? '')) at += 1;
      from = at;
    }
    ids.push(...plain(text.slice(from), from === 0));
    return Int32Array.from(ids);
  };
  return {
    encode,
    decode(ids) {
      const bytes: number[] = [];
      for (const id of ids) {
        if (id >= FIRST_ADDED + addedTokens.length) throw new RangeError(`no token ${id}`);
        if (id === PAIR) bytes.push(10, 10);
        else if (id < 256) bytes.push(id);
        else
          bytes.push(...new TextEncoder().encode(addedTokens.find((token) => token.id === id)?.text ?? ''));
      }
      return new TextDecoder().decode(Uint8Array.from(bytes));
    },
    tokenId: (text) => addedTokens.find((token) => token.text === text)?.id,
    vocabSize: FIRST_ADDED + addedTokens.length,
    addedTokens,
    fingerprint: '0'.repeat(32),
    chatTemplate:
      options.template === undefined
        ? undefined
        : { source: options.template, variables: options.variables ?? {} },
  };
}

/** Turns between `<|im_start|>` and `<|im_end|>`. */
export const TURNS = `{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}`;

/** A tokenizer with that template. */
export function turnsTokenizer(options: SmallTokenizerOptions = {}): Tokenizer {
  return smallTokenizer({
    special: ['<|im_start|>', '<|im_end|>', '<|endoftext|>'],
    ordinary: ['<think>', '</think>'],
    template: TURNS,
    variables: { eos_token: '<|endoftext|>' },
    ...options,
  });
}

/** Turns by words only: no token of its own ends them. */
export const PLAIN = `{%- for message in messages -%}
{{ message.role + ': ' + message.content + '\\n\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ 'assistant: ' }}{%- endif -%}`;
