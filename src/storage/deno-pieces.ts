import { createId } from '../kernel/random.ts';
import type { DenoAtomicOperation, DenoCheck, DenoKey } from './deno-key-value.ts';
import type { PatientKv } from './patient-kv.ts';

/** What is kept under a key's own entry. */
export interface DenoHead {
  /** Wall time; `Infinity` without a lifetime. */
  readonly expiresAt: number;
  /** The value itself, or the id of its pieces. */
  readonly content: Uint8Array | string;
  /** Bytes of the value. */
  readonly length: number;
}

/** Values too large for one entry. */
export interface DenoPieces {
  /**
   * The entry for a value that has its buffer to itself (Deno would keep all of it). The pieces of a large one are
   * written, for its lifetime, if it has one, and an hour.
   */
  stage(value: Uint8Array, expiresAt: number, now: number): Promise<DenoHead>;
  /** Let the pieces of an entry stay for good, for as long as it is there. */
  keep(head: DenoHead, value: Uint8Array, check: DenoCheck): Promise<void>;
  /** The value, in an array of its own; `undefined`: a piece is missing. */
  read(head: DenoHead): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Have an operation delete the pieces of an entry. */
  remove(operation: DenoAtomicOperation, head: DenoHead): void;
  /** Delete the pieces of an entry that came to nothing. */
  discard(head: DenoHead): Promise<void>;
}

/** 60 KiB: Deno takes 64, with what tells of its type. */
const PIECE_BYTES = 61_440;

/** Deno takes 800 KiB in one operation, with the keys. */
const PIECES_PER_COMMIT = 12;

/** 999 pieces: one operation of at most 1,000 writes switches an entry and deletes the pieces of the one before. */
export const MAX_VALUE_BYTES = 61_378_560;

/** Pieces nobody came to name vanish after so long. */
const LEASE_MS = 3_600_000;

/** Deno refuses lifetimes beyond some 2 ** 53; this is 30,000 years. */
const MAX_EXPIRE_IN_MS = 1e15;

/** When Deno may drop what ends at `expiresAt`: not before, and in whole milliseconds. */
export function lifetime(expiresAt: number, now: number): { expireIn?: number } {
  if (expiresAt === Number.POSITIVE_INFINITY) return {};
  // 0 would be none.
  return { expireIn: Math.min(Math.max(1, Math.ceil(expiresAt - now)), MAX_EXPIRE_IN_MS) };
}

/** An entry as it was kept; `undefined` for none and for what is not one. */
export function headOf(value: unknown): DenoHead | undefined {
  const { expiresAt, content, length } = (value ?? {}) as Partial<Record<keyof DenoHead, unknown>>;
  if (typeof expiresAt !== 'number' || typeof length !== 'number') return undefined;
  if (!(length >= 0 && length <= MAX_VALUE_BYTES)) return undefined;
  return content instanceof Uint8Array || typeof content === 'string'
    ? { expiresAt, content, length }
    : undefined;
}

/** Their keys are short and of a fixed length, so that 999 fit into one operation. */
const pieceKey = (id: string, index: number): DenoKey => ['isotinker', id, index];

function pieceKeys({ content, length }: DenoHead): DenoKey[] {
  if (typeof content !== 'string') return [];
  return Array.from({ length: Math.ceil(length / PIECE_BYTES) }, (_, index) => pieceKey(content, index));
}

/** Keep what is larger than an entry under an id of its own: never written twice, so never of two values at once. */
export function createDenoPieces(kv: PatientKv): DenoPieces {
  async function put(
    head: DenoHead,
    value: Uint8Array,
    options: { expireIn?: number },
    check?: DenoCheck,
  ): Promise<void> {
    const keys = pieceKeys(head);
    for (let from = 0; from < keys.length; from += PIECES_PER_COMMIT) {
      const operation = kv.atomic();
      if (check !== undefined) operation.check(check);
      keys.slice(from, from + PIECES_PER_COMMIT).forEach((key, index) => {
        const start = (from + index) * PIECE_BYTES;
        // A copy: Deno keeps the whole buffer of a view.
        operation.set(key, value.slice(start, start + PIECE_BYTES), options);
      });
      if (!(await kv.commit(operation)).ok) return;
    }
  }

  const remove = (operation: DenoAtomicOperation, head: DenoHead): void => {
    for (const key of pieceKeys(head)) operation.delete(key);
  };

  return {
    async stage(value, expiresAt, now) {
      const { length } = value;
      if (length <= PIECE_BYTES) return { expiresAt, content: value, length };
      const head = { expiresAt, content: createId(), length };
      const endsAt = expiresAt === Number.POSITIVE_INFINITY ? now : expiresAt;
      await put(head, value, lifetime(endsAt + LEASE_MS, now));
      return head;
    },
    async keep(head, value, check) {
      if (head.expiresAt === Number.POSITIVE_INFINITY) await put(head, value, {}, check);
    },
    async read(head) {
      if (typeof head.content !== 'string') return new Uint8Array(head.content);
      const keys = pieceKeys(head);
      const whole = new Uint8Array(head.length);
      let read = 0;
      for (let from = 0; from < keys.length; from += PIECES_PER_COMMIT) {
        const entries = await Promise.all(
          keys.slice(from, from + PIECES_PER_COMMIT).map((key) => kv.get(key)),
        );
        for (const { value } of entries) {
          if (!(value instanceof Uint8Array) || value.length > whole.length - read) return undefined;
          whole.set(value, read);
          read += value.length;
        }
      }
      return read === head.length ? whole : undefined;
    },
    remove,
    async discard(head) {
      const operation = kv.atomic();
      remove(operation, head);
      if (typeof head.content === 'string') await kv.commit(operation);
    },
  };
}
