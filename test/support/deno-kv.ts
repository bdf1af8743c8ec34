import { serialize } from 'node:v8';
import { sleep } from '../../src/kernel/abort.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { DenoAtomicOperation, DenoCheck, DenoKey, DenoKeyValue } from '../../src/storage/kv.ts';
import type { Pass } from '../../src/testing/gates.ts';

/** Settings of a {@link DenoKv}. */
export interface DenoKvOptions {
  readonly clock: Clock;
  /** How long a call takes, in milliseconds. @default 0: no timer */
  readonly latencyMs?: number;
  /** Waited for at the start of each call, with a label like `2:commit`. */
  readonly pass?: Pass;
}

/** Deno KV with the limits it has, the tighter ones where its versions differ. */
export interface DenoKv {
  /** What one more process has open. */
  open(): DenoKeyValue;
  /** Keys that have an entry, whether its time is over or not, as JSON. */
  readonly keys: readonly string[];
  /** Operations that were carried out. */
  readonly commits: number;
  /** Put an entry there that the adapter did not write. */
  plant(key: DenoKey, value: unknown): void;
  /** Drop what is over: Deno does so when it finds the time. */
  sweep(): void;
  /** From now on another process has the file, for so many calls. */
  lock(calls: number): void;
  /** End a process before its commit of this number, counted from now; it never hears of it. */
  crashBefore(commit: number): void;
}

interface Entry {
  readonly value: unknown;
  readonly versionstamp: string;
  readonly endsAt: number;
}

type Write = { readonly key: DenoKey; readonly entry?: Omit<Entry, 'versionstamp'>; readonly bytes: number };

const nameOf = (key: DenoKey): string => JSON.stringify(key);

/** A type and an end for each part; numbers take eight. */
function keyBytes(key: DenoKey): number {
  return key.reduce<number>(
    (sum, part) => sum + 2 + (typeof part === 'string' ? new TextEncoder().encode(part).length : 8),
    0,
  );
}

/** What Deno keeps beside a view that is a member of an object: the rest of its buffer. */
function unseenBytes(value: unknown): number {
  const views = Object.values(value ?? {}).filter((member) => ArrayBuffer.isView(member));
  return views.reduce((sum, { buffer, byteLength }) => sum + buffer.byteLength - byteLength, 0);
}

function demand(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new TypeError(otherwise);
}

/** A store nobody has written to. */
export function createDenoKv({ clock, latencyMs = 0, pass }: DenoKvOptions): DenoKv {
  const entries = new Map<string, Entry>();
  let commits = 0;
  let processes = 0;
  let crashIn = Number.POSITIVE_INFINITY;
  let locked = 0;

  const arrive = async (label: string): Promise<void> => {
    await pass?.(label);
    if (latencyMs > 0) await sleep(clock, latencyMs);
    if (locked > 0) {
      locked -= 1;
      throw new TypeError('database is locked');
    }
  };
  const carryOut = (checks: readonly DenoCheck[], writes: readonly Write[]) => {
    const holds = checks.every(
      ({ key, versionstamp }) => (entries.get(nameOf(key))?.versionstamp ?? null) === versionstamp,
    );
    if (!holds) return { ok: false };
    commits += 1;
    const versionstamp = commits.toString(16).padStart(20, '0');
    for (const { key, entry } of writes) {
      if (entry === undefined) entries.delete(nameOf(key));
      else entries.set(nameOf(key), { ...entry, versionstamp });
    }
    return { ok: true, versionstamp };
  };

  function atomic(context: number): DenoAtomicOperation {
    const checks: DenoCheck[] = [];
    const writes: Write[] = [];
    const operation: DenoAtomicOperation = {
      check(check) {
        checks.push(check);
        return operation;
      },
      set(key, value, { expireIn } = {}) {
        const bytes =
          value instanceof Uint8Array ? value.length : serialize(value).length + unseenBytes(value);
        demand(bytes <= 65_536, 'Value too large (max 65536 bytes)');
        demand(
          expireIn === undefined || (Number.isSafeInteger(expireIn) && expireIn >= 0 && expireIn <= 2 ** 52),
          `expireIn must be a non-negative integer: received ${expireIn}`,
        );
        // 0 is none.
        const endsAt = expireIn ? clock.now() + expireIn : Number.POSITIVE_INFINITY;
        writes.push({ key, entry: { value: structuredClone(value), endsAt }, bytes });
        return operation;
      },
      delete(key) {
        writes.push({ key, bytes: 0 });
        return operation;
      },
      async commit() {
        const keys = [...checks, ...writes].reduce((sum, { key }) => sum + keyBytes(key), 0);
        demand(checks.length <= 10, 'Too many checks (max 10)');
        demand(writes.length <= 1_000, 'Too many mutations (max 1000)');
        demand(
          [...checks, ...writes].every(({ key }) => keyBytes(key) <= 2_048),
          'Key too large for write',
        );
        demand(keys <= 81_920, 'Total key size too large (max 81920 bytes)');
        demand(
          writes.reduce((sum, { bytes }) => sum + bytes, keys) <= 819_200,
          'Total mutation size too large (max 819200 bytes)',
        );
        crashIn -= 1;
        if (crashIn <= 0) return new Promise(() => {});
        await arrive(`${context}:commit`);
        return carryOut(checks, writes);
      },
    };
    return operation;
  }

  return {
    open() {
      processes += 1;
      const context = processes;
      return {
        async get(key) {
          demand(keyBytes(key) <= 2_048, 'Key too large for read');
          await arrive(`${context}:get`);
          const entry = entries.get(nameOf(key));
          return { value: structuredClone(entry?.value ?? null), versionstamp: entry?.versionstamp ?? null };
        },
        atomic: () => atomic(context),
      };
    },
    get keys() {
      return [...entries.keys()];
    },
    get commits() {
      return commits;
    },
    plant(key, value) {
      carryOut([], [{ key, entry: { value, endsAt: Number.POSITIVE_INFINITY }, bytes: 0 }]);
    },
    sweep() {
      for (const [key, { endsAt }] of entries) if (clock.now() >= endsAt) entries.delete(key);
    },
    lock(calls) {
      locked = calls;
    },
    crashBefore(commit) {
      crashIn = commit;
    },
  };
}
