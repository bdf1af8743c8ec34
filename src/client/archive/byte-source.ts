import { show } from '../../kernel/checks.ts';
import { concatBytes } from '../../kernel/concat.ts';
import { TinkerInputError, TinkerResponseError } from '../../kernel/errors.ts';

/** Bytes from anywhere. */
export type BytesInput = Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** Bytes that are taken from the front, as many as are wanted. Holds one piece. */
export interface ByteSource {
  /** Whether there is nothing left. */
  isAtEnd(): Promise<boolean>;
  /** The next bytes, at most so many, and at least one. @throws TinkerResponseError - at the end. */
  take(most: number): Promise<Uint8Array>;
  /** Exactly so many bytes. @throws TinkerResponseError - where there are fewer. */
  exactly(count: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Pass over so many bytes. @throws TinkerResponseError - where there are fewer. */
  skip(count: number): Promise<void>;
  /** Let go of where they come from. */
  cancel(): Promise<void>;
}

/** Pieces, `undefined` after the last one. */
export interface Pieces {
  next(): Promise<Uint8Array | undefined>;
  cancel(): Promise<void>;
}

/** What `input` holds, piece by piece. @throws TinkerInputError */
export function piecesOf(input: BytesInput): Pieces {
  if (input instanceof Uint8Array) {
    let left: Uint8Array | undefined = input;
    return {
      async next() {
        const whole = left;
        left = undefined;
        return whole;
      },
      cancel: async () => {},
    };
  }
  if (typeof input === 'object' && input !== null && 'getReader' in input) {
    const reader = input.getReader();
    return {
      next: async () => (await reader.read()).value,
      cancel: async () => reader.cancel(),
    };
  }
  if (typeof input === 'object' && input !== null && Symbol.asyncIterator in input) {
    const iterator = input[Symbol.asyncIterator]();
    return {
      async next() {
        const { done, value } = await iterator.next();
        return done === true ? undefined : value;
      },
      cancel: async () => void (await iterator.return?.()),
    };
  }
  throw new TinkerInputError('source', `must be bytes, a stream or an async iterable, got ${show(input)}`);
}

/** Pieces with others before them. */
export function withFront(front: readonly Uint8Array[], pieces: Pieces): Pieces {
  const waiting = [...front];
  return { next: async () => waiting.shift() ?? pieces.next(), cancel: () => pieces.cancel() };
}

/** A source over pieces. */
export function createByteSource(pieces: Pieces): ByteSource {
  let rest: Uint8Array = new Uint8Array();

  /** Make `rest` hold something. @returns whether there was anything left. */
  async function fill(): Promise<boolean> {
    while (rest.length === 0) {
      const piece = await pieces.next();
      if (piece === undefined) return false;
      rest = piece;
    }
    return true;
  }
  async function take(most: number): Promise<Uint8Array> {
    if (!(await fill()))
      throw new TinkerResponseError('The archive is cut: it ends before its end', {
        hint: 'Download it anew',
      });
    const taken = rest.subarray(0, most);
    rest = rest.subarray(taken.length);
    return taken;
  }

  return {
    isAtEnd: async () => !(await fill()),
    take,
    async exactly(count) {
      const parts: Uint8Array[] = [];
      for (let left = count; left > 0; left -= parts.at(-1)?.length ?? 0) parts.push(await take(left));
      // A copy, so that it does not keep a whole piece alive, nor change with it.
      return concatBytes([new Uint8Array(), ...parts]);
    },
    async skip(count) {
      for (let left = count; left > 0; ) left -= (await take(left)).length;
    },
    cancel: () => pieces.cancel(),
  };
}
