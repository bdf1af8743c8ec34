import { createInnerAbort, type InnerAbort } from './inner-abort.ts';

/** Signals that end together, and follow one longer-lived signal behind a single listener on it. */
export interface AbortGroup {
  /** A signal of its own for one more member. */
  join(): AbortSignal;
  /** End all of them. */
  abort(reason: unknown): void;
  /** Stop following. Call it on every path: a listener left behind is what leaks. */
  dispose(): void;
}

/**
 * A group without members. Runtimes warn of a leak where many listen to one signal, as the parts of one request do: so
 * each has one of its own.
 */
export function createAbortGroup(parent: AbortSignal): AbortGroup {
  const members: InnerAbort[] = [];
  let ended: { readonly reason: unknown } | undefined;
  const abort = (reason: unknown): void => {
    if (ended !== undefined) return;
    ended = { reason };
    for (const member of members) member.abort(reason);
  };
  const onAbort = (): void => abort(parent.reason);
  if (parent.aborted) onAbort();
  else parent.addEventListener('abort', onAbort, { once: true });
  return {
    join() {
      const member = createInnerAbort();
      if (ended === undefined) members.push(member);
      else member.abort(ended.reason);
      return member.signal;
    },
    abort,
    dispose: () => parent.removeEventListener('abort', onAbort),
  };
}
