import { encodeUtf8 } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import { json } from '../http/http.ts';
import { type FutureDialect, HOSTED_FUTURES, type WireEncoding } from './future-dialect.ts';
import { failureOf, type OperationFailure } from './operation-failure.ts';
import type { QueueState } from './operation-gate.ts';
import { PLAIN_JSON, type ResultEncoding } from './result-encoding.ts';

/** Settled results kept after they were delivered, so that a repeated poll finds them. */
const KEPT_RESULTS = 256;
/** Futures kept at all: beyond it the oldest settled one was abandoned by whoever asked for it. */
const KEPT_FUTURES = 65_536;

type Settled =
  | { readonly encode: Readonly<Record<WireEncoding, () => Uint8Array<ArrayBuffer>>> }
  | { readonly failure: OperationFailure };

interface Entry {
  settled: Settled | undefined;
  /** On the monotonic clock. */
  settledAt: number;
  /** Made for a poll that was told the size alone; the next poll fetches it. */
  encoded: { readonly encoding: WireEncoding; readonly body: Uint8Array<ArrayBuffer> } | undefined;
  readonly speaksProtobuf: boolean;
  readonly waiters: Set<() => void>;
}

/** A poll as it came (protocol 3.1). */
export interface FuturePoll {
  readonly requestId: string;
  /** The `Accept` header. */
  readonly accept: string;
  /** Whether the size will do, of a result that is large. */
  readonly allowMetadataOnly: boolean;
  readonly signal: AbortSignal;
}

/** The operations under way and their results, for `retrieve_future`. */
export interface Futures {
  /**
   * Open a future for `result`; returns its request id.
   *
   * @param encoding - How the result is put on the wire; as it is, in JSON, where nothing is given.
   */
  open(result: Promise<object>): string;
  open<T>(result: Promise<T>, encoding: ResultEncoding<T>): string;
  /** Wait until an operation has ended. @returns its failure, if it is one. */
  settled(requestId: string): Promise<OperationFailure | undefined>;
  /** Answer a poll: the result, or after the hold time that there is none yet. */
  retrieve(poll: FuturePoll): Promise<Response>;
}

/** What futures need. */
export interface FuturesOptions {
  readonly clock: Clock;
  /** How long a poll is held before it is told to try again, in milliseconds. */
  readonly holdMs: number;
  /** Results of more bytes are announced by their size first, to polls that allow it. */
  readonly metadataFirstBytes: number;
  readonly gate: { readonly queue: QueueState };
  /** Where the server differs from the hosted one. */
  readonly dialect?: Partial<FutureDialect> | undefined;
}

/** No future yet. */
export function createFutures(options: FuturesOptions): Futures {
  const { clock, metadataFirstBytes, gate } = options;
  const dialect: FutureDialect = { ...HOSTED_FUTURES, ...options.dialect };
  const holdMs = dialect.holdMs ?? options.holdMs;
  const entries = new Map<string, Entry>();
  const delivered = new Set<string>();
  let opened = 0;

  function settle(entry: Entry, settled: Settled): void {
    entry.settled = settled;
    entry.settledAt = clock.monotonic();
    for (const wake of [...entry.waiters]) wake();
  }

  /** Resolves when the entry settles, the hold time is over or the poll is abandoned; leaves nothing behind. */
  function hold(entry: Entry, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        entry.waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const cancel = clock.schedule(wake, holdMs);
      entry.waiters.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }

  function dropOldestSettled(): void {
    for (const [requestId, { settled }] of entries) {
      if (settled === undefined) continue;
      entries.delete(requestId);
      return;
    }
  }

  function find(requestId: string): Entry | undefined {
    const entry = entries.get(requestId);
    if (entry?.settled === undefined || clock.monotonic() - entry.settledAt < dialect.keptMs) return entry;
    entries.delete(requestId);
    return undefined;
  }

  function missing(requestId: string): Response {
    const number = dialect.requestIds.numberOf(requestId);
    return dialect.missing(requestId, number >= 1 && number <= opened ? 'expired' : 'unknown', gate.queue);
  }

  function noteDelivery(requestId: string): void {
    delivered.add(requestId);
    const [oldest = requestId] = delivered;
    const isTooMany = delivered.size > KEPT_RESULTS;
    if (isTooMany) delivered.delete(oldest);
    if (isTooMany) entries.delete(oldest);
    if (dialect.isOneShot) entries.delete(requestId);
  }

  function deliver(
    { requestId, accept, allowMetadataOnly }: FuturePoll,
    entry: Entry,
    settled: Settled,
  ): Response {
    if ('failure' in settled) {
      noteDelivery(requestId);
      return dialect.failed(requestId, settled.failure);
    }
    const encoding = entry.speaksProtobuf ? dialect.encodingFor(accept) : 'json';
    const body = entry.encoded?.encoding === encoding ? entry.encoded.body : settled.encode[encoding]();
    if (allowMetadataOnly && dialect.announcesSize && body.length > metadataFirstBytes) {
      entry.encoded = { encoding, body };
      return json({ status: 'complete_metadata', request_id: requestId, response_payload_size: body.length });
    }
    entry.encoded = undefined;
    noteDelivery(requestId);
    return new Response(body, { headers: { 'content-type': CONTENT_TYPES[encoding] } });
  }

  return {
    open<T>(result: Promise<T>, given?: ResultEncoding<T>) {
      const encoding = dialect.wording(given ?? (PLAIN_JSON as ResultEncoding<unknown>));
      const requestId = dialect.requestIds.of(++opened);
      const entry: Entry = {
        settled: undefined,
        settledAt: 0,
        encoded: undefined,
        speaksProtobuf: encoding.protobuf !== undefined,
        waiters: new Set(),
      };
      entries.set(requestId, entry);
      if (entries.size > KEPT_FUTURES) dropOldestSettled();
      result.then(
        (value) => settle(entry, { encode: encoderOf(encoding, value) }),
        (thrown: unknown) => settle(entry, { failure: failureOf(thrown) }),
      );
      return requestId;
    },
    async settled(requestId) {
      const entry = entries.get(requestId);
      if (entry !== undefined && entry.settled === undefined)
        await new Promise<void>((resolve) => entry.waiters.add(resolve));
      const settled = entry?.settled;
      return settled !== undefined && 'failure' in settled ? settled.failure : undefined;
    },
    async retrieve(poll) {
      const entry = find(poll.requestId);
      if (entry === undefined) return missing(poll.requestId);
      if (entry.settled === undefined) await hold(entry, poll.signal);
      const { settled } = entry;
      if (settled === undefined) return dialect.pending(poll.requestId, gate.queue);
      return find(poll.requestId) === entry ? deliver(poll, entry, settled) : missing(poll.requestId);
    },
  };
}

const CONTENT_TYPES = { json: 'application/json', protobuf: 'application/x-protobuf' } as const;

function encoderOf<T>(
  encoding: ResultEncoding<T>,
  result: T,
): Readonly<Record<WireEncoding, () => Uint8Array<ArrayBuffer>>> {
  const asJson = (): Uint8Array<ArrayBuffer> => encodeUtf8(JSON.stringify(encoding.json(result)));
  return { json: asJson, protobuf: () => encoding.protobuf?.(result) ?? asJson() };
}
