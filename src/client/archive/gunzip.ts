import { TinkerInputError, TinkerResponseError } from '../../kernel/errors.ts';
import type { Pieces } from './byte-source.ts';

/** Most bytes that are put in at once: they can become a thousand times as many. */
const SLICE_BYTES = 16_384;

/** Whether the platform can unpack gzip. */
function canGunzip(): boolean {
  return typeof (globalThis as { DecompressionStream?: unknown }).DecompressionStream === 'function';
}

/**
 * What is packed with gzip. Something is put in only while something is waited for to come out, a slice at a time: the
 * queues of some platforms (Node 20's hold 16,384 pieces on either side) would else swallow the whole.
 *
 * @throws TinkerInputError - where the platform has no gzip; TinkerResponseError while it is read, for what is damaged.
 */
export function gunzipped(packed: Pieces): Pieces {
  if (!canGunzip()) {
    throw new TinkerInputError('source', 'is packed with gzip, which this platform cannot unpack');
  }
  const { readable, writable } = new DecompressionStream('gzip');
  const reader = readable.getReader();
  const writer = writable.getWriter();
  let rest: Uint8Array = new Uint8Array();
  let isFed = false;
  let failure: { readonly error: unknown } | undefined;
  let feeding: Promise<void> | undefined;

  async function pull(): Promise<Uint8Array | undefined> {
    try {
      const piece = await packed.next();
      isFed = piece === undefined;
      return piece;
    } catch (error) {
      // Kept: it may come when nobody waits for it any more.
      failure = { error };
      throw error;
    }
  }

  /** Put one slice in. What the platform finds wrong with it comes out at the other end. */
  async function feed(): Promise<void> {
    while (rest.length === 0 && !isFed) rest = (await pull()) ?? rest;
    const slice = rest.subarray(0, SLICE_BYTES) as Uint8Array<ArrayBuffer>;
    rest = rest.subarray(slice.length);
    await (slice.length === 0 ? writer.close() : writer.write(slice)).catch(() => {});
  }

  async function take(): Promise<Uint8Array | undefined> {
    try {
      return (await reader.read()).value;
    } catch (cause) {
      throw new TinkerResponseError('The archive is damaged: it cannot be unpacked', {
        cause,
        hint: 'Download it anew',
      });
    }
  }

  async function next(): Promise<Uint8Array | undefined> {
    let isOut = false;
    const output = take().finally(() => {
      isOut = true;
    });
    // Where the source fails nobody waits for it.
    output.catch(() => {});
    while (!isOut && !isFed) {
      if (failure !== undefined) throw failure.error;
      feeding ??= feed().finally(() => {
        feeding = undefined;
      });
      await Promise.race([output, feeding]);
    }
    const piece = await output;
    if (piece !== undefined) return piece;
    // Some platforms end at the end of what is packed, whatever comes behind it.
    await feeding?.catch(() => {});
    while (!isFed && failure === undefined) await pull();
    if (failure !== undefined) throw failure.error;
    return undefined;
  }

  return {
    next,
    async cancel() {
      const ends = [reader.cancel(), writer.abort(), packed.cancel()];
      await Promise.allSettled(ends);
    },
  };
}
