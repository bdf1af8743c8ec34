import { createSingleFlight } from './single-flight.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Loads that are under way, and tokenizers that somebody still holds. */
export interface SharedLoads {
  /** The tokenizer that is held or under way for a key, or what `load` gives. An abort rejects this caller alone. */
  load(
    key: string,
    signal: AbortSignal | undefined,
    load: (signal: AbortSignal) => Promise<Tokenizer>,
  ): Promise<Tokenizer>;
}

/** By what loads are shared: a storage, or a fetch. Nothing is kept here that is not held elsewhere, or under way. */
const LOADS = /* @__PURE__ */ new WeakMap<object, SharedLoads>();

/** The loads that are shared by all who have the same storage, or the same fetch. */
export function sharedLoads({ owner }: { readonly owner: object }): SharedLoads {
  const known = LOADS.get(owner);
  if (known !== undefined) return known;
  const created = createSharedLoads();
  LOADS.set(owner, created);
  return created;
}

function createSharedLoads(): SharedLoads {
  const flights = createSingleFlight<Tokenizer>();
  const held = new Map<string, WeakRef<Tokenizer>>();

  const hold = (key: string, tokenizer: Tokenizer): void => {
    for (const [other, ref] of held) if (ref.deref() === undefined) held.delete(other);
    held.set(key, new WeakRef(tokenizer));
  };

  return {
    async load(key, signal, load) {
      signal?.throwIfAborted();
      const there = held.get(key)?.deref();
      if (there !== undefined) return there;
      return flights.join(key, signal, async (ended) => {
        const tokenizer = await load(ended);
        if (typeof WeakRef === 'function') hold(key, tokenizer);
        return tokenizer;
      });
    },
  };
}
