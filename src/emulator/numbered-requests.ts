import { problem } from './http.ts';

/** The requests of one model or sampler, known by their sequence ids (protocol 5.12). */
export interface NumberedRequests {
  /**
   * The request id of this request: the one it already has if it is a repetition, else that which `open` makes.
   *
   * @param text - The body as it came; a repetition has the same.
   * @throws HttpProblem 409 - where the id was used for another request.
   */
  once(sequenceId: number, text: string, open: () => string): string;
}

/** Requests remembered; a client repeats only its latest ones. */
const REMEMBERED = 512;

/** An empty memory. */
export function createNumberedRequests(): NumberedRequests {
  const seen = new Map<number, { readonly digest: number; readonly requestId: string }>();
  return {
    once(sequenceId, text, open) {
      const digest = digestOf(text);
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

/** FNV-1a (Fowler, Noll and Vo) over the text's UTF-16 code units, and its length. */
function digestOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) + text.length * 0x1_0000_0000;
}
