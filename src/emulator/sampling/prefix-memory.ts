/** The prompts a sampler has seen lately: what a server would find in its cache of keys and values. */
export interface PrefixMemory {
  /**
   * Remember a prompt. Returns how many of its first tokens an earlier one began with, in whole blocks of 16; never
   * its last token, which must run anyway to predict what follows.
   */
  add(prompt: Int32Array): number;
}

/** Prompts remembered; the oldest goes first. */
const REMEMBERED = 64;

/** Servers keep keys and values in blocks of about so many tokens. */
const BLOCK = 16;

/** An empty memory. */
export function createPrefixMemory(): PrefixMemory {
  const prompts: Int32Array[] = [];
  return {
    add(prompt) {
      const known = prompts.reduce((longest, earlier) => Math.max(longest, commonLength(earlier, prompt)), 0);
      prompts.push(prompt);
      if (prompts.length > REMEMBERED) prompts.shift();
      return Math.floor(Math.min(known, Math.max(0, prompt.length - 1)) / BLOCK) * BLOCK;
    },
  };
}

function commonLength(a: Int32Array, b: Int32Array): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
