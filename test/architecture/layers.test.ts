import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesUnder, importsOf, parse } from './source-files.ts';

/** Layers from the ground up: a file imports from its own layer and from those before it. */
const LAYERS = [
  'kernel',
  'storage',
  'wire',
  'tokenizer',
  'policy',
  'transport',
  'operations',
  'client',
  'index.ts',
];

/** Parts beside the core: they may use these layers, and the core never imports them. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  // `wire` for types only: a mistake shared by client and emulator would pass every test.
  emulator: ['kernel', 'storage', 'wire', 'tokenizer'],
  // Gives options, and knows nothing of what they are for.
  'env.ts': ['kernel'],
  // Turns messages into what the client takes, and knows nothing of the client.
  chat: ['kernel', 'wire', 'tokenizer'],
  // For users' own tests, so it knows nothing of how the client works.
  testing: ['kernel', 'storage'],
};

/** Each package belongs to one place. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  ky: /^src\/transport\/transport\.ts$/,
  'zod/mini': /^src\/wire\/json\//,
  'p-limit': /^src\/policy\/limiter\.ts$/,
  'idb-keyval': /^src\/storage\/indexeddb\.ts$/,
  '@huggingface/tokenizers': /^src\/tokenizer\/hugging-face\//,
  '@huggingface/jinja': /^src\/chat\//,
};

const FILES = filesUnder('src');

/** `src/kernel/abort.ts` is of layer `kernel`; files directly in `src` stand for themselves. */
const layerOf = (file: string): string => file.split('/')[1] ?? '';

/** What is wrong with an import, or undefined. */
function fault(file: string, specifier: string, isTypeOnly: boolean): string | undefined {
  if (!specifier.startsWith('.')) {
    const place = PACKAGES[specifier];
    if (place === undefined) return `package ${specifier} is not one of ${Object.keys(PACKAGES).join(', ')}`;
    return place.test(file) ? undefined : `package ${specifier} belongs to ${place.source}`;
  }
  if (!specifier.endsWith('.ts')) return `${specifier} needs its .ts suffix`;
  const from = layerOf(file);
  const to = layerOf(posix.join(posix.dirname(file), specifier));
  if (from === to || to === 'version.ts') return undefined;
  const allowed = BESIDE[from] ?? LAYERS.slice(0, LAYERS.indexOf(from));
  if (!allowed.includes(to)) return `${from} must not import ${to}`;
  if (from === 'emulator' && to === 'wire' && !isTypeOnly) return 'the emulator takes types only from wire';
  return undefined;
}

describe('layers', () => {
  it('knows every folder of src', () => {
    const known = new Set([...LAYERS, ...Object.keys(BESIDE), 'version.ts']);
    expect([...new Set(FILES.map(layerOf))].filter((layer) => !known.has(layer))).toEqual([]);
  });

  it.each(FILES)('%s imports only what its layer may', (file) => {
    const faults = importsOf(parse(file)).map(({ specifier, isTypeOnly }) =>
      fault(file, specifier, isTypeOnly),
    );
    expect(faults.filter((found) => found !== undefined)).toEqual([]);
  });

  it.each(FILES)('%s imports zod as a namespace, from zod/mini', (file) => {
    const zod = importsOf(parse(file)).filter(({ specifier }) => /^zod\b/.test(specifier));
    expect(zod.filter(({ specifier, names }) => specifier !== 'zod/mini' || names.length > 0)).toEqual([]);
  });

  it('has no cycle between files', () => {
    const edges = new Map(
      FILES.map((file) => [
        file,
        importsOf(parse(file))
          .filter(({ specifier, isTypeOnly }) => specifier.startsWith('.') && !isTypeOnly)
          .map(({ specifier }) => posix.join(posix.dirname(file), specifier)),
      ]),
    );
    const done = new Set<string>();
    const walk = (file: string, path: readonly string[]): string[] => {
      if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
      if (done.has(file)) return [];
      for (const next of edges.get(file) ?? []) {
        const cycle = walk(next, [...path, file]);
        if (cycle.length > 0) return cycle;
      }
      done.add(file);
      return [];
    };
    expect(FILES.map((file) => walk(file, [])).find((cycle) => cycle.length > 0)).toBeUndefined();
  });

  it.each([
    ['src/kernel/clock.ts', '../wire/checked-input.ts', false, 'kernel must not import wire'],
    ['src/wire/json/parse.ts', '../../client/options.ts', false, 'wire must not import client'],
    ['src/client/options.ts', '../emulator/index.ts', false, 'client must not import emulator'],
    ['src/client/options.ts', '../env.ts', false, 'client must not import env.ts'],
    ['src/env.ts', './client/options.ts', false, 'env.ts must not import client'],
    [
      'src/emulator/http/http.ts',
      '../../wire/json/parse.ts',
      false,
      'the emulator takes types only from wire',
    ],
    ['src/emulator/http/http.ts', '../../client/options.ts', true, 'emulator must not import client'],
    ['src/client/options.ts', 'ky', false, String.raw`package ky belongs to ^src\/transport\/transport\.ts$`],
    [
      'src/kernel/clock.ts',
      'node:fs',
      false,
      `package node:fs is not one of ${Object.keys(PACKAGES).join(', ')}`,
    ],
    ['src/kernel/clock.ts', './abort', false, './abort needs its .ts suffix'],
  ] as const)('would catch %s importing %s', (file, specifier, isTypeOnly, message) => {
    expect(fault(file, specifier, isTypeOnly)).toBe(message);
  });
});
