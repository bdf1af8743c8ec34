import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

export default defineConfig({
  root,
  resolve: {
    alias: [
      { find: /^isotinker$/, replacement: `${root}src/index.ts` },
      { find: /^isotinker\/env$/, replacement: `${root}src/env.ts` },
      { find: /^isotinker\/(storage\/.+|tokenizer\/tiktoken)$/, replacement: `${root}src/$1.ts` },
      { find: /^isotinker\/(.+)$/, replacement: `${root}src/$1/index.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/package/**', '**/node_modules/**'],
    // Nothing is timed on a real clock; this only ends what hangs, on a machine however busy.
    testTimeout: 60_000,
    setupFiles: ['test/support/no-network.ts'],
    // All cores: nothing is timed, so a busy machine harms no test.
    maxWorkers: '100%',
    // No file may lean on another that ran before it.
    sequence: { shuffle: { files: true, tests: false } },
    // Unhandled rejections fail the run: no promise of the library may be without an owner.
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
