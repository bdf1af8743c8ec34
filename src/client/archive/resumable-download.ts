import { type LinkedAbort, linkAbort, raceAbort, sleep } from '../../kernel/abort.ts';
import { bareMessage } from '../../kernel/bare-message.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { EventSink } from '../../kernel/diagnostics.ts';
import {
  isTinkerError,
  TinkerConnectionError,
  type TinkerError,
  TinkerResponseError,
  TinkerTimeoutError,
} from '../../kernel/errors.ts';
import type { RandomSource } from '../../kernel/random.ts';
import { retryDelay } from '../../policy/backoff.ts';
import { isEncoded, readLength, readRange } from '../../transport/byte-range.ts';
import { type DownloadAnswer, downloadError, isLinkRefused, openDownload } from '../../transport/download.ts';
import type { FetchLike } from '../../transport/transport.ts';
import { type ArchiveVersion, sameVersion, strongEtag } from './archive-version.ts';

/** Attempts in a row that bring no new byte, after which a download fails. */
const MOST_FRUITLESS = 5;

/** What a download is made of. */
export interface ResumableParts {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly emit: EventSink;
  readonly fetch: FetchLike;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** Longest silence of a connection, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Path that events name: addresses are secret. */
  readonly path: string;
  /** An address that is good now. Asked at first, and where one is refused. Its failure is the download's. */
  readonly link: () => Promise<string>;
}

/** Bytes that go on where they were cut off. */
export interface ResumableDownload {
  /** Connect, so that the size is known. */
  start(): Promise<void>;
  /** The next bytes, none empty; `undefined` after the last one. Ask one at a time. */
  next(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Let go of the connection. */
  close(): void;
  readonly receivedBytes: number;
  /** `undefined` where the server does not tell. */
  readonly totalBytes: number | undefined;
}

/** A connection, and how many bytes of its body came before what is wanted of it. */
interface Connection {
  readonly answer: DownloadAnswer;
  readonly linked: LinkedAbort;
  position: number;
}

/**
 * A download that survives cut and silent connections, servers without ranges, and addresses that expire, and never
 * mixes two archives: what follows must have the size or the ETag of what came before. Holds one piece at a time, and
 * has a timer only while it waits.
 */
export function createResumableDownload(parts: ResumableParts): ResumableDownload {
  const { clock, random, emit, fetch, signal, idleTimeoutMs, path } = parts;
  let url: string | undefined;
  let connection: Connection | undefined;
  let version: ArchiveVersion = { total: undefined, etag: undefined };
  let offset = 0;
  let fruitless = 0;
  let isComplete = false;
  /** Off where the server cannot be trusted with ranges: then the whole comes again, and its begin is passed over. */
  let usesRanges = true;

  function close(): void {
    connection?.answer.cancel();
    connection?.linked.dispose();
    connection = undefined;
  }

  /** No longer than a silence may be; after it the exchange is over. */
  async function heard<T>(linked: LinkedAbort, work: () => Promise<T>): Promise<T> {
    const expire = (): void =>
      linked.abort(new TinkerTimeoutError('attempt', idleTimeoutMs, `${path} brought no byte`));
    const cancel = clock.schedule(expire, idleTimeoutMs);
    try {
      return await raceAbort(linked.signal, work());
    } finally {
      cancel();
    }
  }

  async function connect(address: string): Promise<Connection | undefined> {
    const from = offset > 0 && usesRanges ? offset : undefined;
    // Not every time: another origin may forbid a page the header, and what the answer is of is looked at anyway.
    const ifRange = fruitless % 2 === 0 ? undefined : strongEtag(version);
    const linked = linkAbort(signal);
    try {
      const request = { url: address, from, ifRange, signal: linked.signal };
      const answer = await heard(linked, () => openDownload(fetch, request));
      const position = accept(address, answer, from !== undefined);
      if (position !== undefined) return { answer, linked, position };
      answer.cancel();
      linked.dispose();
      return undefined;
    } catch (error) {
      linked.abort(error);
      linked.dispose();
      throw error;
    }
  }

  /** @returns where its body begins; `undefined` where it says that there is nothing left. */
  function accept(address: string, answer: DownloadAnswer, isRange: boolean): number | undefined {
    const { status, headers } = answer;
    if (status !== 200 && status !== 206 && !(status === 416 && isRange)) {
      if (isLinkRefused(status)) url = undefined;
      throw downloadError(address, answer, clock.now());
    }
    const { start, total } = readRange(status, headers);
    const found = { total, etag: headers.get('etag') ?? undefined };
    if (status === 416 && total === offset && (version.total ?? total) === total) return undefined;
    if (isEncoded(headers)) usesRanges = false;
    const begin = start ?? impliedStart(headers);
    if (begin === undefined || begin > offset) {
      usesRanges = false;
      throw new TinkerConnectionError(`${path}: the server did not send the bytes that were asked for`);
    }
    version = offset === 0 ? found : sameVersion(version, found);
    return begin;
  }

  /** Pages do not see where a part begins. It can only be what is left if it is as long as what is left. */
  function impliedStart(headers: Headers): number | undefined {
    const length = readLength(headers);
    return length !== undefined && offset + length === version.total ? offset : undefined;
  }

  /** The next bytes that had not come before; `undefined` at the end. */
  async function receive(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      connection ??= await connect(url ?? '');
      if (connection === undefined) return undefined;
      const { answer, linked } = connection;
      const piece = await heard(linked, () => answer.read());
      if (piece === undefined) {
        const isShort = connection.position < offset || offset < (version.total ?? 0);
        if (!isShort) return undefined;
        throw new TinkerConnectionError(`${path} was cut after ${offset} of ${version.total ?? '?'} bytes`);
      }
      const fresh = piece.subarray(Math.max(0, offset - connection.position));
      connection.position += piece.length;
      if (fresh.length === 0) continue;
      if (offset + fresh.length > (version.total ?? Number.POSITIVE_INFINITY)) {
        throw new TinkerResponseError(`${path} brought more than the ${version.total} bytes it has`);
      }
      return fresh;
    }
  }

  /** How far it came belongs to what a cut connection says. */
  function lastOf(error: TinkerError): TinkerError {
    if (!isTinkerError(error, 'connection_failed')) return error;
    const came = `${offset} of ${version.total ?? 'an unknown number of'} bytes came`;
    const words = `${bareMessage(error)}; ${came}, and ${fruitless} attempts in a row brought no more`;
    const end = new TinkerConnectionError(words, { cause: error, hint: 'Download it anew' });
    end.attempts = fruitless;
    return end;
  }

  /** Wait before the next attempt, if there may be one. @throws the error, if not. */
  async function recover(error: unknown): Promise<void> {
    close();
    signal.throwIfAborted();
    // An archive that changed has changed.
    if (!isTinkerError(error) || !error.retryable || error.code === 'response_invalid') throw error;
    fruitless += 1;
    error.attempts = fruitless;
    if (fruitless >= MOST_FRUITLESS) throw lastOf(error);
    const { hintMs, status } = answerOf(error);
    const delayMs = retryDelay(fruitless - 1, hintMs, random);
    emit({ type: 'retry', path, attempts: fruitless, delayMs, code: error.code, ...status });
    await sleep(clock, delayMs, signal);
  }

  /** Do `step` until it succeeds. What is all there is complete, however its connection ends. */
  async function persist<T>(step: () => Promise<T | undefined>): Promise<T | undefined> {
    for (;;) {
      signal.throwIfAborted();
      url ??= await parts.link();
      try {
        return await step();
      } catch (error) {
        if (offset === version.total && offset > 0 && isTinkerError(error) && error.retryable) {
          signal.throwIfAborted();
          return undefined;
        }
        await recover(error);
      }
    }
  }

  return {
    async start() {
      await persist(async () => {
        connection ??= await connect(url ?? '');
      });
    },
    async next() {
      if (isComplete) return undefined;
      const fresh = await persist(receive);
      if (fresh === undefined) {
        isComplete = true;
        close();
        return undefined;
      }
      offset += fresh.length;
      fruitless = 0;
      return fresh;
    },
    close,
    get receivedBytes() {
      return offset;
    },
    get totalBytes() {
      return version.total;
    },
  };
}

function answerOf(error: TinkerError): {
  readonly hintMs: number | undefined;
  readonly status: { readonly status?: number };
} {
  return isTinkerError(error, 'http_status')
    ? { hintMs: error.retryAfterMs, status: { status: error.status } }
    : { hintMs: undefined, status: {} };
}
