/** What waits to be sent, and what became of what no longer does. */
export interface TelemetryQueue<T> {
  /** Add all of them, or none where they do not all fit: those are dropped, and counted. */
  push(items: readonly T[]): void;
  /** The oldest ones, `count` of them at most. They stay until they are settled. */
  first(count: number): readonly T[];
  /** Take the oldest `count` out: they arrived, or nobody will send them any more. */
  settle(count: number, outcome: 'sent' | 'dropped'): void;
  /** Waiting, those under way included. */
  readonly size: number;
  /** Taken out because they arrived. */
  readonly sent: number;
  /** Never taken in for want of room, or taken out without having arrived. */
  readonly dropped: number;
}

/** An empty queue. What was ever pushed is waiting, sent or dropped, and counted as such exactly. */
export function createTelemetryQueue<T>(capacity: number): TelemetryQueue<T> {
  const waiting: T[] = [];
  const counts = { sent: 0, dropped: 0 };
  return {
    push(items) {
      if (waiting.length + items.length > capacity) counts.dropped += items.length;
      else waiting.push(...items);
    },
    first: (count) => waiting.slice(0, count),
    settle(count, outcome) {
      counts[outcome] += waiting.splice(0, count).length;
    },
    get size() {
      return waiting.length;
    },
    get sent() {
      return counts.sent;
    },
    get dropped() {
      return counts.dropped;
    },
  };
}
