import type { SampleResponse } from '../wire/types/sampling.ts';

/** What tokens were spent on. The service bills by these kinds (protocol 2.9). */
export type TokenKind = 'trained' | 'prefill' | 'cached' | 'sampled';

/** Tokens spent, by kind. Of work that was done and whose result arrived: what failed or was lost may be billed as well. */
export interface TokenUsage {
  /** Read by passes with a gradient. */
  readonly trained: number;
  /** Read by forward passes, and of prompts what the server had not cached; a prompt counts once, however many samples. */
  readonly prefill: number;
  /** Of prompts, what the server had cached. */
  readonly cached: number;
  /** Generated, all samples together. */
  readonly sampled: number;
}

/** Counts tokens. */
export interface Meter {
  /** Count `tokens` more, here and in the meter above. */
  add(kind: TokenKind, tokens: number): void;
  /** A copy of the counts. */
  snapshot(): TokenUsage;
  /** All kinds together. */
  readonly total: number;
}

/** All kinds of tokens. */
export const TOKEN_KINDS: readonly TokenKind[] = ['trained', 'prefill', 'cached', 'sampled'];

/** A meter at zero. @param parent - Counts the same, among others. @default none */
export function createMeter(parent?: Meter): Meter {
  const counts = { trained: 0, prefill: 0, cached: 0, sampled: 0 };
  return {
    add(kind, tokens) {
      counts[kind] += tokens;
      parent?.add(kind, tokens);
    },
    snapshot: () => ({ ...counts }),
    get total() {
      return totalTokens(counts);
    },
  };
}

/** All kinds together. */
export function totalTokens(usage: Partial<TokenUsage>): number {
  return TOKEN_KINDS.reduce((total, kind) => total + (usage[kind] ?? 0), 0);
}

/** What a pass over so many tokens of model input spends. */
export function passUsage(route: 'forward' | 'forward_backward', tokens: number): Partial<TokenUsage> {
  return route === 'forward' ? { prefill: tokens } : { trained: tokens };
}

/** What a sample spent. @param promptTokens - Length of its prompt. */
export function sampleUsage(
  promptTokens: number,
  { sequences, promptCacheHitTokens }: Pick<SampleResponse, 'sequences' | 'promptCacheHitTokens'>,
): Partial<TokenUsage> {
  // The server's number: it may be none, and no more than the prompt can have been cached.
  const hits = Number.isFinite(promptCacheHitTokens) ? Math.trunc(promptCacheHitTokens) : 0;
  const cached = Math.min(Math.max(0, hits), promptTokens);
  const sampled = sequences.reduce((sum, { tokens }) => sum + tokens.length, 0);
  return { prefill: promptTokens - cached, cached, sampled };
}

/** The most that a sample can spend: all its sequences at full length. */
export function sampleEstimate(sample: {
  readonly promptTokens: number;
  readonly numSamples: number;
  readonly maxTokens: number;
}): number {
  return sample.promptTokens + sample.numSamples * sample.maxTokens;
}
