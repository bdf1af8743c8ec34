import { sleep } from '../../src/kernel/abort.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { KeyValueNamespace } from '../../src/storage/kv.ts';

/** A write that Cloudflare KV was asked for. */
export interface KvWrite {
  readonly kind: 'put' | 'delete';
  readonly key: string;
  /** Which isolate asked for it: 1 for the first that was opened. */
  readonly isolate: number;
  /** When it got there: the clock's `monotonic()`. */
  readonly at: number;
  readonly isRefused: boolean;
  readonly options: Parameters<KeyValueNamespace['put']>[2];
}

/** Settings of a {@link CloudflareKv}. */
export interface CloudflareKvOptions {
  readonly clock: Clock;
  /** How long a call is under way, there and back, in milliseconds. @default 0: no timer */
  readonly latencyMs?: number;
  /** How late a write reaches other isolates, in milliseconds. @default 0 */
  readonly stalenessMs?: number;
}

/** Cloudflare KV with the rules it has in production. */
export interface CloudflareKv {
  /** What an isolate of one more location is bound to. */
  open(): KeyValueNamespace;
  /** All there were, in the order they got there. */
  readonly writes: readonly KvWrite[];
  /** From now on writes fail with this error, or hang; `undefined`: no more. */
  fail(how: Error | 'hang' | undefined): void;
}

interface Version {
  readonly value: Uint8Array<ArrayBuffer> | undefined;
  readonly metadata: unknown;
  readonly endsAt: number;
  readonly isolate: number;
  readonly visibleAt: number;
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** @throws Error - what KV says where it refuses. */
function checkWrite(key: string, value: Uint8Array, options: KvWrite['options']): void {
  if (key === '' || key === '.' || key === '..') throw new TypeError(`Key name cannot be "${key}".`);
  const refusals = [
    [bytesOf(key) > 512, `414 UTF-8 encoded length of ${bytesOf(key)} exceeds key length limit of 512.`],
    [value.length > 26_214_400, `413 Value length of ${value.length} exceeds limit of 26214400.`],
    [
      bytesOf(JSON.stringify(options?.metadata ?? null)) > 1_024,
      '413 Metadata length exceeds limit of 1024.',
    ],
    [
      (options?.expirationTtl ?? 60) < 60,
      `400 Invalid expiration_ttl of ${options?.expirationTtl}. Must be at least 60.`,
    ],
  ] as const;
  for (const [isRefused, why] of refusals) if (isRefused) throw new Error(`KV PUT failed: ${why}`);
  if (
    options !== undefined &&
    'expirationTtl' in options &&
    (options.expirationTtl ?? 0.5) !== ((options.expirationTtl ?? 0) | 0)
  )
    throw new TypeError(`expirationTtl must be a 32-bit integer, got ${options.expirationTtl}`);
}

/** A namespace nobody has written to. */
export function createCloudflareKv({
  clock,
  latencyMs = 0,
  stalenessMs = 0,
}: CloudflareKvOptions): CloudflareKv {
  /** Of each key, the newest first. */
  const versions = new Map<string, readonly Version[]>();
  const lastWriteAt = new Map<string, number>();
  const writes: KvWrite[] = [];
  let isolates = 0;
  let trouble: Error | 'hang' | undefined;

  const travel = async (): Promise<void> => {
    if (latencyMs > 0) await sleep(clock, latencyMs / 2);
  };

  async function write(
    { kind, key, isolate }: Pick<KvWrite, 'kind' | 'key' | 'isolate'>,
    value: Uint8Array<ArrayBuffer> | undefined,
    options?: KvWrite['options'],
  ): Promise<void> {
    checkWrite(key, value ?? new Uint8Array(), options);
    const bytes = value?.slice();
    await travel();
    const at = clock.monotonic();
    const isRefused = at - (lastWriteAt.get(key) ?? Number.NEGATIVE_INFINITY) < 1_000;
    writes.push({ kind, key, isolate, at, isRefused, options });
    if (trouble === 'hang') return new Promise(() => {});
    if (trouble === undefined && !isRefused) {
      lastWriteAt.set(key, at);
      const ttl = options?.expirationTtl;
      const version = {
        value: bytes,
        // It goes through JSON.
        metadata: JSON.parse(JSON.stringify(options?.metadata ?? null)),
        endsAt: ttl === undefined ? Number.POSITIVE_INFINITY : clock.now() + ttl * 1_000,
        isolate,
        visibleAt: at + stalenessMs,
      };
      versions.set(key, [version, ...(versions.get(key) ?? [])]);
    }
    const failure = trouble;
    await travel();
    if (failure !== undefined) throw failure;
    if (isRefused) throw new Error(`KV ${kind.toUpperCase()} failed: 429 Too Many Requests`);
  }

  return {
    open() {
      isolates += 1;
      const isolate = isolates;
      return {
        async getWithMetadata(key) {
          checkWrite(key, new Uint8Array(), undefined);
          await travel();
          const now = clock.monotonic();
          const seen = versions
            .get(key)
            ?.find((version) => version.isolate === isolate || version.visibleAt <= now);
          const isThere = seen?.value !== undefined && clock.now() < seen.endsAt;
          await travel();
          return isThere
            ? { value: seen.value?.slice().buffer ?? null, metadata: seen.metadata }
            : { value: null, metadata: null };
        },
        put: (key, value, options) => write({ kind: 'put', key, isolate }, value, options),
        delete: (key) => write({ kind: 'delete', key, isolate }, undefined),
      };
    },
    writes,
    fail(how) {
      trouble = how;
    },
  };
}
