/**
 * Kinds of requests that must not starve each other. Each has its own way to the server, its own rate window and its
 * own circuit: `session` (opening and heartbeats), `train` (numbered requests), `sample` (submissions of samples),
 * `poll` (results), `rest` (everything else).
 */
export type Lane = 'session' | 'train' | 'sample' | 'poll' | 'rest';

/** All lanes. */
export const LANES: readonly Lane[] = ['session', 'train', 'sample', 'poll', 'rest'];
