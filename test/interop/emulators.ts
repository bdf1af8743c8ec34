import type { EmulatorOptions } from 'isotinker/emulator';

/** The servers of the scenario, by the names it calls them. */
export const EMULATORS = {
  /** As it comes. */
  main: {},
  /** Wants small passes, several at once, and finds results large. */
  small: { clientConfig: { fwdbwd_max_chunk_len: 3 }, metadataFirstBytes: 256 },
  /** Wants small passes, one after the other; makes models of checkpoints in one request. */
  serial: {
    clientConfig: {
      fwdbwd_max_chunk_bytes_count: 1_000,
      parallel_fwdbwd_chunks: false,
      create_model_via_load_weights: true,
    },
  },
  /** Takes four samples at a time, and time for them. */
  busy: { limits: { concurrentSamples: 4 }, latencyMs: 150 },
  /** Makes clients poll again. */
  slow: { holdMs: 40, latencyMs: 200 },
  /** Keeps results for two seconds; see {@link LATE_POLLS}. */
  late: { dialect: { keptMs: 2_000 } },
  /** Takes one key, and gives tokens for it. */
  guarded: { apiKey: 'tml-guarded', jwt: true },
} as const satisfies Readonly<Record<string, EmulatorOptions>>;

/** The name of a server of the scenario. */
export type ServerName = keyof typeof EMULATORS;

/** All names. */
export const SERVER_NAMES = Object.keys(EMULATORS) as readonly ServerName[];

/** Polls of the server `late` that reach it too late: for which operations, how many, and by how many milliseconds. */
export const LATE_POLLS: Readonly<Record<string, number>> = {
  OptimStep: Number.POSITIVE_INFINITY,
  Sample: 1,
};

/** How late they are. */
export const LATE_BY_MS = 3_000;
