// Something of every entry, for bundlers to find: prints one line. Run inside a project with the packed library.
import { createServiceClient, isTinkerError, memoryStorage } from 'isotinker';
import { createChat } from 'isotinker/chat';
import { byteTokenizer, createEmulator } from 'isotinker/emulator';
import { optionsFromEnv } from 'isotinker/env';
import { indexedDbStorage } from 'isotinker/storage/indexeddb';
import { kvStorage } from 'isotinker/storage/kv';
import { createVirtualClock } from 'isotinker/testing';
import { huggingFaceTokenizer } from 'isotinker/tokenizer';
import { tiktokenTokenizer } from 'isotinker/tokenizer/tiktoken';

const clock = createVirtualClock();
const service = createServiceClient({
  ...optionsFromEnv({ TINKER_API_KEY: 'tml-offline' }),
  fetch: createEmulator().fetch,
  storage: memoryStorage(),
});
const { supportedModels } = await service.getServerCapabilities();
await service.close();

const chat = createChat(byteTokenizer).text([{ role: 'user', content: 'Hello' }]);
const vocab = { a: 0, b: 1, ab: 2 };
const words = huggingFaceTokenizer({ model: { type: 'BPE', vocab, merges: [['a', 'b']] } }, {});
const ranks = Array.from({ length: 256 }, (_, byte) => `${btoa(String.fromCharCode(byte))} ${byte}\n`);
const ranked = tiktokenTokenizer({
  file: new TextEncoder().encode(ranks.join('')),
  pattern: String.raw`\s+|\S+`,
  specialTokens: { '<|end|>': 258 },
});
const namespace = { getWithMetadata: async () => ({ value: null, metadata: null }), put() {}, delete() {} };
const absent = await kvStorage(namespace).get('key');
// No database here: trouble with one is a miss.
const miss = await indexedDbStorage()
  .get('key')
  .catch((error) => error instanceof Error);
let code = '';
try {
  createServiceClient({ apiKey: '' });
} catch (error) {
  code = isTinkerError(error, 'input_invalid') ? error.code : 'unknown';
}
console.log(
  [
    supportedModels.length > 0,
    chat.includes('Hello'),
    words.encode('ab').join(),
    ranked.encode('a').join(),
    absent,
    miss,
    clock.pending,
    code,
  ].join(' '),
);
