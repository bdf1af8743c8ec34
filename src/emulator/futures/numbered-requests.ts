import { problem } from '../http/http.ts';

/** The requests of one model or sampler, known by their sequence ids (protocol 5.12). */
export interface NumberedRequests {
  /**
   * The request id of this request: the one it already has if it is a repetition, else that which `open` makes.
   *
   * @param sequenceId - Up to 2^63; a bigint where it may be beyond 2^53.
   * @param identity - What a repetition has in common with the first request and with no other: its bytes.
   * @throws HttpProblem 409 - where the id was used for another request; what `open` throws: the id is then free.
   */
  once(sequenceId: number | bigint, identity: Uint8Array, open: () => string): string;
}

/** Requests remembered; a client repeats only its latest ones. */
const REMEMBERED = 4096;

/** An empty memory. */
export function createNumberedRequests(): NumberedRequests {
  const seen = new Map<string, { readonly digest: string; readonly requestId: string }>();
  return {
    once(sequenceId, identity, open) {
      const key = String(sequenceId);
      const digest = digestOf(identity);
      const known = seen.get(key);
      if (known !== undefined && known.digest !== digest) {
        throw problem(409, `Sequence id ${key} was used for another request`);
      }
      if (known !== undefined) return known.requestId;
      const requestId = open();
      seen.set(key, { digest, requestId });
      const [oldest = key] = seen.keys();
      if (seen.size > REMEMBERED) seen.delete(oldest);
      return requestId;
    },
  };
}

/** FNV-1a (Fowler, Noll and Vo) over the bytes, over them backwards, and their number. */
function digestOf(bytes: Uint8Array): string {
  let forwards = 0x811c9dc5;
  let backwards = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) {
    forwards = Math.imul(forwards ^ bytes[i]!, 0x01000193);
    backwards = Math.imul(backwards ^ bytes[bytes.length - 1 - i]!, 0x01000193);
  }
  return [forwards >>> 0, backwards >>> 0, bytes.length].join();
}
