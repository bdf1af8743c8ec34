import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    env: 'src/env.ts',
    'chat/index': 'src/chat/index.ts',
    'emulator/index': 'src/emulator/index.ts',
    'storage/indexeddb': 'src/storage/indexeddb.ts',
    'storage/kv': 'src/storage/kv.ts',
    'testing/index': 'src/testing/index.ts',
    'tokenizer/index': 'src/tokenizer/index.ts',
    'tokenizer/tiktoken': 'src/tokenizer/tiktoken.ts',
  },
  format: ['esm'],
  platform: 'neutral',
  target: 'es2022',
  splitting: true,
  sourcemap: true,
  dts: true,
  clean: true,
  // A rewritten `node:` specifier would hide from the test that looks for one.
  removeNodeProtocol: false,
});
