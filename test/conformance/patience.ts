import type { FetchLike } from '../../src/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { createSettlingClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';

// Browsers read bodies on other threads, and hold back timers that follow each other: virtual time must not run on
// meanwhile, nor be waited for with timers.

/** Macrotasks in which promises alone come to rest. */
const CALM_TURNS = 3;

/** Reads of bodies, whole or piece by piece, that are under way in this realm. */
const reads = /* @__PURE__ */ new Set<Promise<void>>();
/** Bodies, and then their readers, that nobody waits for. */
const endless = /* @__PURE__ */ new WeakSet<object>();
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

/** The same response, whose body may never end: virtual time runs on while it is read. */
export function neverEnding(response: Response): Response {
  if (response.body !== null) endless.add(response.body);
  return response;
}

/**
 * The same fetch, whose answers are in memory: their streams need no other thread.
 *
 * @param asTheyCome - Answers whose bodies are to be read in the pieces that they come in. @default none
 */
export function inMemory(fetch: FetchLike, asTheyCome: WeakSet<Response> = new WeakSet()): FetchLike {
  return async (request) => {
    const response = await fetch(request);
    if (response.body === null || asTheyCome.has(response)) return response;
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

/** Bodies are read by these methods everywhere in the library. They stay as they were, but for being seen. */
function watchReads(): void {
  if (isWatching) return;
  isWatching = true;
  for (const prototype of [Request.prototype, Response.prototype]) {
    const { arrayBuffer } = prototype;
    prototype.arrayBuffer = function () {
      return watched(arrayBuffer.call(this));
    };
  }
  watchReaders();
}

function watchReaders(): void {
  const stream = ReadableStream.prototype as { getReader(this: ReadableStream, options?: object): object };
  const { getReader } = stream;
  stream.getReader = function (options) {
    const reader = getReader.call(this, options);
    if (endless.has(this)) endless.add(reader);
    return reader;
  };
  const { prototype } = ReadableStreamDefaultReader;
  const { read } = prototype;
  prototype.read = function () {
    const piece = read.call(this);
    return endless.has(this) ? piece : watched(piece);
  };
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
