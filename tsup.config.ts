import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    env: 'src/env.ts',
    'emulator/index': 'src/emulator/index.ts',
    'testing/index': 'src/testing/index.ts',
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
