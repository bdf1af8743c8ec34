import { BPE, Tokenizer as LibraryTokenizer, Unigram } from '@huggingface/tokenizers';
import { messageOf } from '../../kernel/bare-message.ts';
import { decodeUtf8, encodeUtf8, toHex } from '../../kernel/bytes.ts';
import { checkInteger, checkRecord } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { sha256 } from '../../kernel/sha256.ts';
import { checkedTokens } from '../../wire/checked-tokens.ts';
import { readChatTemplate } from '../chat-template.ts';
import { checkedMode, checkedText } from '../checked-text.ts';
import { fingerprintOf } from '../fingerprint.ts';
import type { AddedToken, Tokenizer } from '../tokenizer.ts';
import { createTextSplitter } from './added-token-splitter.ts';
import { readAddedTokens } from './added-tokens.ts';
import { mergeLongWords } from './long-words.ts';
import { createOrdinaryEncoder, type WordModel } from './ordinary-encoder.ts';
import { referenceNormalizer, referencePreTokenizer } from './reference-rules.ts';
import { readSurroundings } from './surroundings.ts';
import { createTokenDecoder, type TokenDecoder } from './token-decoder.ts';
import { unigramPieces } from './unigram-pieces.ts';

type Json = Readonly<Record<string, unknown>>;

/** A file of JSON: its bytes, its text, or what they say. */
export type JsonFile = Uint8Array | string | object;

/** What else a tokenizer is made of. */
export interface HuggingFaceOptions {
  /** Content of the repository's `chat_template.jinja`, which wins over the template in the config. @default none */
  readonly chatTemplate?: string | undefined;
}

/**
 * A tokenizer from the files of a repository of the Hugging Face hub. Its ids and texts are those of the Python package
 * `tokenizers`. It keeps some 40 MB for a vocabulary of 150,000, and no part of the files.
 *
 * @param tokenizerJson - `tokenizer.json`.
 * @param tokenizerConfigJson - `tokenizer_config.json`, which has the chat template. @default empty
 * @throws TinkerInputError - where the files are no such files, or describe what is not supported here.
 */
export function huggingFaceTokenizer(
  tokenizerJson: JsonFile,
  tokenizerConfigJson: JsonFile = {},
  options: HuggingFaceOptions = {},
): Tokenizer {
  const digests = [tokenizerJson, tokenizerConfigJson].map((file) => toHex(sha256(bytesOf(file))));
  return digestedTokenizer(tokenizerJson, tokenizerConfigJson, { ...options, digests });
}

/** The same with the SHA-256 of both files in hex, for those who know them already: digesting millions of bytes takes a while. */
export function digestedTokenizer(
  tokenizerJson: JsonFile,
  tokenizerConfigJson: JsonFile,
  options: HuggingFaceOptions & { readonly digests: readonly string[] },
): Tokenizer {
  const fingerprint = fingerprintOf(encodeUtf8(options.digests.join()));
  const file = readJson('tokenizer.json', tokenizerJson);
  const config = readJson('tokenizer_config.json', tokenizerConfigJson);
  const chatTemplate = readChatTemplate(config, options.chatTemplate);
  try {
    return assemble(file, { fingerprint, chatTemplate });
  } catch (cause) {
    if (cause instanceof TinkerInputError) throw cause;
    throw new TinkerInputError('tokenizer.json', `cannot be used: ${messageOf(cause)}`, { cause });
  }
}

function assemble(file: Json, rest: Pick<Tokenizer, 'fingerprint' | 'chatTemplate'>): Tokenizer {
  const rules = readAddedTokens(file['added_tokens']);
  const library = createLibraryTokenizer(file);
  const { normalizer, pre_tokenizer: preTokenizer } = library;
  const { vocab, tokens_to_ids: ids } = library.model;
  const addedById = new Map(rules.map((rule) => [rule.id, rule]));
  const addedByText = new Map(rules.map((rule) => [rule.text, rule.id]));
  const specials = new Set(rules.filter(({ isSpecial }) => isSpecial).map(({ text }) => text));
  const vocabSize = rules.reduce((size, { id }) => Math.max(size, id + 1), vocab.length);
  const { before, after } = readSurroundings(file['post_processor'] as Json | null);
  const decoder = library.decoder;

  const normalized = (text: string): string => (normalizer === null ? text : normalizer(text));
  const splitRaw = createTextSplitter(
    rules.filter(({ isNormalized }) => !isNormalized).map((rule) => ({ pattern: rule.text, rule })),
  );
  const splitNormalized = createTextSplitter(
    rules
      .filter(({ isNormalized }) => isNormalized)
      .map((rule) => ({ pattern: normalized(rule.text), rule })),
  );
  const encodeOrdinary = createOrdinaryEncoder(
    wordModel(library.model),
    (text, isFirst) =>
      preTokenizer === null ? [text] : preTokenizer(text, { section_index: isFirst ? 0 : 1 }),
    new Set(rules.filter(({ isSpecial }) => isSpecial).map(({ id }) => id)),
  );

  return {
    ...rest,
    vocabSize,
    addedTokens: [...addedById.values()]
      .sort((a, b) => a.id - b.id)
      .map(({ text, id, isSpecial }): AddedToken => ({ text, id, isSpecial })),
    tokenId: (text) => addedByText.get(text) ?? ids.get(text),
    encode(text, options = {}) {
      const mode = checkedMode(options);
      const found: number[] = options.addSpecialTokens === true ? [...before] : [];
      for (const section of splitRaw(checkedText(text), mode)) {
        if (section.id !== undefined) found.push(section.id);
        else {
          for (const part of splitNormalized(normalized(section.text), mode)) {
            if (part.id !== undefined) found.push(part.id);
            else {
              const isFirst = section.start === 0 && part.start === 0;
              encodeOrdinary(part.text, { isFirst, maySpell: mode === 'all' }, found);
            }
          }
        }
      }
      if (options.addSpecialTokens === true) found.push(...after);
      return Int32Array.from(found);
    },
    decode(tokens, options = {}) {
      const texts: string[] = [];
      for (const [i, id] of checkedTokens('ids', tokens).entries()) {
        if (id >= vocabSize) checkInteger(`ids[${i}]`, id, { min: 0, max: vocabSize, belowMax: true });
        const text = addedById.get(id)?.text ?? vocab[id];
        // Vocabularies have gaps, and the reference skips them too.
        if (text === undefined || (options.skipSpecialTokens === true && specials.has(text))) continue;
        texts.push(text);
      }
      return decoder(texts).join('');
    },
  };
}

/** Parts of the package's tokenizer that are public in its types; nothing else of it is kept. */
function createLibraryTokenizer(file: Json) {
  const model = { ...(file['model'] as Json) } as Record<string, unknown>;
  const decoderConfig = (file['decoder'] ?? null) as Json | null;
  const own = decoderConfig === null ? separated : createTokenDecoder(decoderConfig);
  const { normalizer, pre_tokenizer: preTokenizer } = file as Readonly<
    Record<string, Json | null | undefined>
  >;
  const library = new LibraryTokenizer(
    {
      model,
      normalizer: normalizer ? referenceNormalizer(normalizer) : null,
      pre_tokenizer: preTokenizer ? referencePreTokenizer(preTokenizer) : null,
      decoder: own === undefined ? decoderConfig : null,
      post_processor: null,
      // Looked for by ourselves: the package would look for them in every text.
      added_tokens: [],
    },
    { unk_token: model['unk_token'] ?? null },
  );
  if (library.model === null) throw new TinkerInputError('tokenizer.json', 'has no model');
  // It has made its own of them, and they are half of the memory.
  delete model['vocab'];
  delete model['merges'];
  if (library.model instanceof BPE) {
    library.model.merges = [];
    mergeLongWords(library.model);
  }
  const { decoder } = library;
  const decode: TokenDecoder = own ?? ((tokens) => decoder?.decode_chain([...tokens]) ?? tokens);
  return {
    normalizer: library.normalizer,
    pre_tokenizer: library.pre_tokenizer,
    model: library.model,
    decoder: decode,
  };
}

function wordModel(model: NonNullable<LibraryTokenizer['model']>): WordModel {
  const isUnigram = model instanceof Unigram;
  return {
    idOf: model.tokens_to_ids,
    // Files write `null` for none.
    unknown: model.unk_token_id ?? undefined,
    fuses: isUnigram,
    piecesOf: isUnigram ? unigramPieces(model) : (word) => model([word]),
  };
}

/** Without a decoder the reference puts spaces between tokens. */
const separated: TokenDecoder = (tokens) => [tokens.join(' ')];

function bytesOf(file: JsonFile): Uint8Array {
  if (file instanceof Uint8Array) return file;
  return encodeUtf8(typeof file === 'string' ? file : JSON.stringify(file));
}

function readJson(field: string, file: JsonFile): Json {
  if (!(file instanceof Uint8Array) && typeof file !== 'string') return checkRecord(field, file);
  let value: unknown;
  try {
    value = JSON.parse(typeof file === 'string' ? file : decodeUtf8(file));
  } catch (cause) {
    throw new TinkerInputError(field, 'must be JSON', { cause });
  }
  return checkRecord(field, value);
}
