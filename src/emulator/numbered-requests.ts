import { problem } from './http.ts';

/** The requests of one model or sampler, known by their sequence ids (protocol 5.12). */
export interface NumberedRequests {
  /**
   * The request id of this request: the one it already has if it is a repetition, else that which `open` makes.
   *
   * @param bytes - The body as it came; a repetition has the same.
   * @throws HttpProblem 409 - where the id was used for another request.
   */
  once(sequenceId: number, bytes: Uint8Array, open: () => string): string;
}

/** Requests remembered; a client repeats only its latest ones. */
const REMEMBERED = 512;

/** An empty memory. */
export function createNumberedRequests(): NumberedRequests {
  const seen = new Map<number, { readonly digest: number; readonly requestId: string }>();
  return {
    once(sequenceId, bytes, open) {
      const digest = digestOf(bytes);
      const known = seen.get(sequenceId);
      if (known !== undefined && known.digest !== digest) {
        throw problem(409, `Sequence id ${sequenceId} was used for another request`);
      }
      if (known !== undefined) return known.requestId;
      const requestId = open();
      seen.set(sequenceId, { digest, requestId });
      const [oldest = sequenceId] = seen.keys();
      if (seen.size > REMEMBERED) seen.delete(oldest);
      return requestId;
    },
  };
}

/** FNV-1a (Fowler, Noll and Vo) over the bytes, and their number. */
function digestOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) + bytes.length * 0x1_0000_0000;
}
