/** Hears of moments in which timers may have been late: the page is visible again, the network is back. */
export type WakeSource = (callback: () => void) => () => void;

interface EventSource {
  addEventListener?: (type: string, listener: () => void) => void;
  removeEventListener?: (type: string, listener: () => void) => void;
}

/**
 * The platform's signs of waking, where it has them: `online` of a page or worker, `visibilitychange` and `resume` of a
 * page. Elsewhere nothing is ever told. A background tab's timers are held back to once a minute, a sleeping laptop's
 * altogether, so whoever must act in time looks at the clock again here.
 */
export const systemWake: WakeSource = (callback) => {
  const scope = globalThis as EventSource & { document?: EventSource & { visibilityState?: string } };
  const page = scope.document;
  const onVisible = (): void => {
    if (page?.visibilityState === 'visible') callback();
  };
  const bindings: readonly (readonly [EventSource | undefined, string, () => void])[] = [
    [scope, 'online', callback],
    [page, 'visibilitychange', onVisible],
    [page, 'resume', callback],
  ];
  for (const [source, type, listener] of bindings) source?.addEventListener?.(type, listener);
  return () => {
    for (const [source, type, listener] of bindings) source?.removeEventListener?.(type, listener);
  };
};
