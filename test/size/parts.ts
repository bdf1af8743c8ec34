/** What somebody may import, and how large it may be. */
export interface Part {
  /** As the table calls it. */
  readonly name: string;
  /** The module that imports it. */
  readonly code: string;
  /** Most bytes, gzipped, by the sources: what they are, and at most {@link HEADROOM} more. */
  readonly ceiling: number;
  /** What was aimed at, gzipped. */
  readonly goal?: number;
  /** Features it must have nothing of. */
  readonly without: readonly Feature[];
}

/** Most of a ceiling that is left above the size it was set for. Beyond it the ceiling is to be lowered. */
export const HEADROOM = 0.015;

/** Texts that only the code of a feature has. */
export const MARKS = {
  emulator: 'emulator/tiny',
  indexedDb: 'createObjectStore',
  cloudflareKv: 'expirationTtl',
  denoKv: 'versionstamp',
  training: 'grad_clip_norm',
  passBodies: 'loss_fn_inputs',
  customLoss: 'custom_loss',
  restLists: 'training_runs',
  bills: 'gigabyte_hours',
  archives: 'ustar',
  telemetry: 'SESSION_START',
  tokenizers: 'huggingface',
  tiktoken: 'tiktoken',
  templates: 'tojson',
  schemas: '_zod',
  sessions: 'heartbeat_failed',
} as const;

/** A part of the library that not everybody needs. */
export type Feature = keyof typeof MARKS;

const STORES: readonly Feature[] = ['indexedDb', 'cloudflareKv', 'denoKv'];
const TRAINING: readonly Feature[] = [
  'training',
  'passBodies',
  'customLoss',
  'restLists',
  'bills',
  'archives',
];
const BESIDE: readonly Feature[] = ['emulator', ...STORES, 'tokenizers', 'tiktoken', 'templates'];
const CLIENT: readonly Feature[] = [...TRAINING, 'telemetry', 'schemas', 'sessions'];

const EVERYTHING = Object.keys(MARKS) as Feature[];
const allBut = (...features: readonly Feature[]): readonly Feature[] =>
  EVERYTHING.filter((feature) => !features.includes(feature));

/** Everything that can be imported, alone. */
export const PARTS: readonly Part[] = [
  {
    name: '`isTinkerError`',
    code: "export { isTinkerError } from 'isotinker';",
    ceiling: 150,
    goal: 300,
    without: EVERYTHING,
  },
  {
    name: 'sampling: `createSamplingService`',
    code: "export { createSamplingService } from 'isotinker';",
    ceiling: 45_960,
    goal: 18_000,
    without: [...BESIDE, ...TRAINING, 'telemetry'],
  },
  {
    name: 'training, sampling and REST: `createServiceClient`',
    code: "export { createServiceClient } from 'isotinker';",
    ceiling: 72_000,
    without: BESIDE,
  },
  {
    name: 'all of `isotinker`',
    code: "export * from 'isotinker';",
    ceiling: 76_850,
    goal: 26_000,
    without: BESIDE,
  },
  {
    name: '`memoryStorage`',
    code: "export { memoryStorage } from 'isotinker';",
    ceiling: 547,
    goal: 800,
    without: EVERYTHING,
  },
  {
    name: '`indexedDbStorage` of `isotinker/storage/indexeddb`',
    code: "export { indexedDbStorage } from 'isotinker/storage/indexeddb';",
    ceiling: 800,
    goal: 800,
    without: allBut('indexedDb'),
  },
  {
    name: '`kvStorage` of `isotinker/storage/kv`',
    code: "export { kvStorage } from 'isotinker/storage/kv';",
    ceiling: 1_420,
    goal: 800,
    without: allBut('cloudflareKv'),
  },
  {
    name: '`denoKvStorage` of `isotinker/storage/kv`',
    code: "export { denoKvStorage } from 'isotinker/storage/kv';",
    ceiling: 1_870,
    goal: 800,
    without: allBut('denoKv'),
  },
  {
    name: '`optionsFromEnv` of `isotinker/env`',
    code: "export { optionsFromEnv } from 'isotinker/env';",
    ceiling: 1_130,
    without: EVERYTHING,
  },
  {
    name: '`createChat` of `isotinker/chat`',
    code: "export { createChat } from 'isotinker/chat';",
    ceiling: 28_170,
    without: allBut('templates'),
  },
  {
    name: '`loadTokenizer` of `isotinker/tokenizer`',
    code: "export { loadTokenizer } from 'isotinker/tokenizer';",
    ceiling: 27_710,
    without: allBut('tokenizers', 'tiktoken'),
  },
  {
    name: '`tiktoken` of `isotinker/tokenizer/tiktoken`',
    code: "export { tiktoken } from 'isotinker/tokenizer/tiktoken';",
    ceiling: 7_780,
    without: allBut('tiktoken'),
  },
  {
    name: '`createEmulator` of `isotinker/emulator`',
    code: "export { createEmulator } from 'isotinker/emulator';",
    ceiling: 46_500,
    without: [...STORES, 'tiktoken', 'templates', 'schemas', 'sessions'],
  },
  {
    name: 'all of `isotinker/testing`',
    code: "export * from 'isotinker/testing';",
    ceiling: 7_550,
    without: [...CLIENT, ...BESIDE],
  },
];
