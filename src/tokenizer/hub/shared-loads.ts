import { createSingleFlight } from '../../kernel/single-flight.ts';
import type { Tokenizer } from '../tokenizer.ts';

/** What loads are shared by. */
export interface LoadOwner {
  /** A storage, or a fetch. */
  readonly owner: object;
  /** What makes tokenizers of another format. */
  readonly tiktoken?: object | undefined;
}

/** Loads that are under way, and tokenizers that somebody still holds. */
export interface SharedLoads {
  /** The tokenizer that is held or under way for a key, or what `load` gives. An abort rejects this caller alone. */
  load(
    key: string,
    signal: AbortSignal | undefined,
    load: (signal: AbortSignal) => Promise<Tokenizer>,
  ): Promise<Tokenizer>;
}

/** By what loads are shared. Nothing is kept here that is not held elsewhere, or under way. */
const LOADS = /* @__PURE__ */ new WeakMap<object, WeakMap<object, SharedLoads>>();

/** The loads that are shared by all who have the same storage, or the same fetch, and the same backend, if any. */
export function sharedLoads({ owner, tiktoken = owner }: LoadOwner): SharedLoads {
  const byBackend = LOADS.get(owner) ?? new WeakMap<object, SharedLoads>();
  LOADS.set(owner, byBackend);
  const loads = byBackend.get(tiktoken) ?? createSharedLoads();
  byBackend.set(tiktoken, loads);
  return loads;
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
