/**
 * Tokenizers in the format of tiktoken.
 *
 * @module isotinker/tokenizer/tiktoken
 */

import { decodeUtf8, encodeUtf8 } from '../kernel/bytes.ts';
import { checkInteger, checkRecord, checkText, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { MAX_TOKEN } from '../wire/checked-tokens.ts';
import type { TokenizerBackend } from './backend.ts';
import { readChatTemplate } from './chat-template.ts';
import { fingerprintOf } from './fingerprint.ts';
import { createTiktoken } from './tiktoken/encoding.ts';
import { isKimi, KIMI_PATTERN, kimiAddedTokens, kimiCut } from './tiktoken/kimi.ts';
import { translatePattern } from './tiktoken/pattern.ts';
import { type RankTable, readRanks } from './tiktoken/ranks.ts';
import type { AddedToken, ChatTemplate, Tokenizer } from './tokenizer.ts';

/** What a tokenizer of tiktoken's format is made of: {@link tiktokenTokenizer}. */
export interface TiktokenOptions {
  /** A `.tiktoken` file: one token a line, its bytes in base64, a space, its id. Not needed any more afterwards. */
  readonly file: Uint8Array;
  /** Splits text into pieces that become tokens each for itself (`pat_str`), as the Python package is given it. */
  readonly pattern: string;
  /** Ids of the special tokens by their texts. */
  readonly specialTokens: Readonly<Record<string, number>>;
  /** How conversations are written. @default the tokenizer has no chat template */
  readonly chatTemplate?: ChatTemplate | undefined;
}

/**
 * A tokenizer of tiktoken's format, which gives the ids that the Python package gives. It keeps some 25 bytes a token.
 *
 * @throws TinkerInputError - where the file, the pattern or the special tokens cannot be used.
 */
export function tiktokenTokenizer(options: TiktokenOptions): Tokenizer {
  const { file, pattern, specialTokens, chatTemplate } = options;
  const ranks = readRanks('file', checkFile('file', file));
  const addedTokens = readSpecialTokens(specialTokens, ranks);
  return createTiktoken({
    ranks,
    pattern: translatePattern(checkText('pattern', pattern)),
    addedTokens,
    cut: (text) => [text],
    fingerprint: fingerprintOf(file, encodeUtf8(JSON.stringify(['tiktoken', pattern, addedTokens]))),
    chatTemplate,
  });
}

/**
 * Lets `loadTokenizer(id, { tiktoken })` load the models that come with a `tiktoken.model` instead of a `tokenizer.json`:
 * Kimi K2 and those after it.
 */
export const tiktoken: TokenizerBackend = {
  async load(files, id) {
    const file = checkFile('tiktoken.model', files['tiktoken.model']);
    const config = readConfig(checkFile('tokenizer_config.json', files['tokenizer_config.json']));
    if (!isKimi(config)) {
      throw new TinkerInputError(
        'tokenizer_config.json',
        `of ${show(id)} does not name a tokenizer known here`,
        {
          hint: 'Give its pattern and special tokens to tiktokenTokenizer',
        },
      );
    }
    const ranks = readRanks('tiktoken.model', file);
    const addedTokens = kimiAddedTokens(config, ranks.count);
    const template = files['chat_template.jinja'];
    return createTiktoken({
      ranks,
      pattern: translatePattern(KIMI_PATTERN),
      addedTokens: checkAddedTokens('tokenizer_config.json', addedTokens, ranks),
      cut: kimiCut,
      fingerprint: fingerprintOf(file, encodeUtf8(JSON.stringify(['kimi', KIMI_PATTERN, addedTokens]))),
      chatTemplate: readChatTemplate(config, template === undefined ? undefined : decodeUtf8(template)),
    });
  },
};

function checkFile(field: string, file: unknown): Uint8Array {
  if (file instanceof Uint8Array) return file;
  throw new TinkerInputError(field, `must be the bytes of a file, got ${show(file)}`);
}

function readConfig(file: Uint8Array): Readonly<Record<string, unknown>> {
  const text = decodeUtf8(file);
  try {
    return checkRecord('tokenizer_config.json', JSON.parse(text));
  } catch (cause) {
    if (cause instanceof TinkerInputError) throw cause;
    throw new TinkerInputError('tokenizer_config.json', `must be JSON, got ${show(text)}`, { cause });
  }
}

function readSpecialTokens(specialTokens: unknown, ranks: RankTable): readonly AddedToken[] {
  const entries = Object.entries(checkRecord('specialTokens', specialTokens, 'ids by text'));
  const tokens = entries.map(([text, id]) => ({
    text,
    id: checkInteger(`specialTokens[${show(text)}]`, id, { min: 0, max: MAX_TOKEN - 1 }),
    isSpecial: true,
  }));
  return checkAddedTokens(
    'specialTokens',
    tokens.sort((a, b) => a.id - b.id),
    ranks,
  );
}

/** Each text once, each id once, and no id of an ordinary token. */
function checkAddedTokens(
  field: string,
  tokens: readonly AddedToken[],
  ranks: RankTable,
): readonly AddedToken[] {
  const ids = new Map<number, string>();
  const texts = new Set<string>();
  for (const { text, id } of tokens) {
    if (text === '') throw new TinkerInputError(field, 'must not have a token without text');
    if (ranks.bytesOf(id) !== undefined)
      throw new TinkerInputError(
        field,
        `must have ids of its own, ${show(text)} has ${id} of the vocabulary`,
      );
    const other = ids.get(id) ?? (texts.has(text) ? text : undefined);
    if (other !== undefined)
      throw new TinkerInputError(
        field,
        `must have each id and text once, got ${show(other)} and ${show(text)}`,
      );
    ids.set(id, text);
    texts.add(text);
  }
  return tokens;
}
