import { createAbortFanout } from './abort.ts';

/** Work that is done once for all who ask for it at the same time. */
export interface SingleFlight<T> {
  /**
   * The result of the work under way for a key, or of `work`, started now. An abort of `signal` rejects this caller
   * with its reason, and ends the work only when nobody is left who waits for it. A failure is not remembered.
   */
  join(key: string, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

interface Flight<T> {
  readonly promise: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/** Nothing under way. */
export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>();
  const fanout = createAbortFanout();

  function start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const promise = work(controller.signal).finally(() => forget(key, flight));
    // Those who wait hear of it; there may be none any more.
    promise.catch(() => {});
    const flight: Flight<T> = { promise, controller, waiting: 0 };
    flights.set(key, flight);
    return flight;
  }

  function forget(key: string, flight: Flight<T>): void {
    if (flights.get(key) === flight) flights.delete(key);
  }

  function leave(key: string, flight: Flight<T>, reason: unknown): void {
    flight.waiting -= 1;
    if (flight.waiting > 0) return;
    // Who comes now needs a new one: this one ends.
    forget(key, flight);
    flight.controller.abort(reason);
  }

  return {
    join(key, signal, work) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      const flight = flights.get(key) ?? start(key, work);
      flight.waiting += 1;
      if (signal === undefined) return flight.promise;
      return new Promise<T>((resolve, reject) => {
        const unsubscribe = fanout.subscribe(signal, (reason) => {
          reject(reason);
          leave(key, flight, reason);
        });
        flight.promise.then(resolve, reject).finally(unsubscribe);
      });
    },
  };
}
