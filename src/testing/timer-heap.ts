/** A timer that waits for its time. */
export interface HeapTimer {
  /** When it is due. */
  readonly at: number;
  /** Of timers due together, the one with the lowest comes first. */
  readonly order: number;
  readonly isBackground: boolean;
  readonly callback: () => void;
}

/** Timers by due time. */
export interface TimerHeap {
  readonly size: number;
  /** The one that comes next, left where it is. */
  first(): HeapTimer | undefined;
  add(timer: HeapTimer): void;
  /** Take a timer out wherever it stands; says whether it was there. */
  remove(timer: HeapTimer): boolean;
}

/** A binary heap that knows where each timer stands, so that a cancelled one goes at once, and its closure with it. */
export function createTimerHeap(): TimerHeap {
  const timers: HeapTimer[] = [];
  const places = new Map<HeapTimer, number>();

  const put = (timer: HeapTimer, place: number): void => {
    timers[place] = timer;
    places.set(timer, place);
  };
  const rise = (timer: HeapTimer, from: number): void => {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = timers[above]!;
      if (isBefore(parent, timer)) break;
      put(parent, place);
      place = above;
    }
    put(timer, place);
  };
  const sink = (timer: HeapTimer, from: number): void => {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      const right = timers[left + 1];
      const below = right !== undefined && isBefore(right, timers[left]!) ? left + 1 : left;
      const child = timers[below];
      if (child === undefined || isBefore(timer, child)) break;
      put(child, place);
      place = below;
    }
    put(timer, place);
  };

  return {
    get size() {
      return timers.length;
    },
    first: () => timers[0],
    add: (timer) => rise(timer, timers.length),
    remove(timer) {
      const place = places.get(timer);
      if (place === undefined) return false;
      places.delete(timer);
      const last = timers.pop()!;
      if (last === timer) return true;
      // It comes from another branch: it may belong above this place as well as below it.
      rise(last, place);
      sink(last, places.get(last)!);
      return true;
    },
  };
}

function isBefore(one: HeapTimer, other: HeapTimer): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
