import type { FetchLike } from '../../src/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { createSettlingClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';

// Browsers read bodies on other threads, and hold back timers that follow each other: virtual time must not run on
// meanwhile, nor be waited for with timers.

/** Macrotasks that a virtual clock grants between timers where only the platform knows what is read. */
export const GRACE_TURNS = 12;
/** Macrotasks in which promises alone come to rest. */
const CALM_TURNS = 3;

/** Reads of whole bodies that are under way in this realm. */
const reads = /* @__PURE__ */ new Set<Promise<void>>();
let isWatching = false;

/** Virtual time that runs on only while no body is read. @param startMs - Wall time at the start. */
export function patientClock(startMs = 1_700_000_000_000): VirtualClock {
  watchReads();
  return createSettlingClock(startMs, async () => {
    for (let calm = 0; calm < CALM_TURNS; calm++) {
      await turn();
      for (; reads.size > 0; calm = 0) await Promise.all(reads);
    }
  });
}

/** The same fetch, whose answers are in memory: their streams need no other thread. */
export function inMemory(fetch: FetchLike): FetchLike {
  return async (request) => {
    const response = await fetch(request);
    if (response.body === null) return response;
    const { status, headers } = response;
    return new Response(await streamOf(response), { status, headers });
  };
}

/** All of a body, or the end of one that breaks. */
async function streamOf(response: Response): Promise<ReadableStream<Uint8Array>> {
  const whole = response.arrayBuffer();
  await whole.catch(() => {});
  return new ReadableStream({
    async pull(stream) {
      stream.enqueue(new Uint8Array(await whole));
      stream.close();
    },
  });
}

/** Whole bodies are read by this one method everywhere in the library. It stays as it was, but for being seen. */
function watchReads(): void {
  if (isWatching) return;
  isWatching = true;
  for (const prototype of [Request.prototype, Response.prototype]) {
    const { arrayBuffer } = prototype;
    prototype.arrayBuffer = function () {
      return watched(arrayBuffer.call(this));
    };
  }
}

function watched<T>(read: Promise<T>): Promise<T> {
  const end = (): void => void reads.delete(ended);
  const ended = read.then(end, end);
  reads.add(ended);
  return read;
}

/** A macrotask: messages are not held back as timers are. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    if ('setImmediate' in globalThis || !('MessageChannel' in globalThis)) {
      systemClock.schedule(resolve, 0);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
