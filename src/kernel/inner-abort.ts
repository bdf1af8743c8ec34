/** Aborts a signal. */
export interface InnerAbort {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
}

/**
 * A controller whose signal never leaves the library: neither a platform nor a user gets to see it. The platform's own
 * is an event target, which takes about 3 kB in Node, and there are several for each operation that waits.
 */
export function createInnerAbort(): InnerAbort {
  const inner = new InnerSignal();
  // Of the platform's members it has those that are used in here.
  return { signal: inner as unknown as AbortSignal, abort: (reason) => inner.abort(reason) };
}

type Listener = () => void;

/**
 * Behaves like the platform's: each listener is called once, and not at all if another one took it off; what one throws
 * keeps neither the others nor the one who aborts from going on.
 */
class InnerSignal {
  aborted = false;
  reason: unknown;
  #listeners: Listener[] | undefined;

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_: 'abort', listener: Listener): void {
    if (this.aborted) return;
    if (this.#listeners === undefined) this.#listeners = [listener];
    else if (!this.#listeners.includes(listener)) this.#listeners.push(listener);
  }

  removeEventListener(_: 'abort', listener: Listener): void {
    const index = this.#listeners?.indexOf(listener) ?? -1;
    if (index >= 0) this.#listeners?.splice(index, 1);
  }

  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason =
      reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
    const listeners = this.#listeners ?? [];
    for (let next = listeners.shift(); next !== undefined; next = listeners.shift()) call(next);
  }
}

function call(listener: Listener): void {
  try {
    listener();
  } catch (error) {
    // An error that nobody caught, for whoever looks for those.
    void Promise.reject(error);
  }
}
