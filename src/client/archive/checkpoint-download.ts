import { raceAbort } from '../../kernel/abort.ts';
import { checkFinite, show } from '../../kernel/checks.ts';
import { concatBytes } from '../../kernel/concat.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import type { CallOptions, Scope } from '../../operations/scope.ts';
import type { FetchLike } from '../../transport/transport.ts';
import type { CheckpointPlace } from '../rest/checkpoint-ref.ts';
import { routeToCheckpoint } from '../rest/rest-routes.ts';
import { type ArchiveParts, findArchive } from './checkpoint-archive.ts';
import { createResumableDownload, type ResumableDownload } from './resumable-download.ts';

/** How far a download is. */
export interface DownloadProgress {
  /** Bytes handed on so far. */
  readonly receivedBytes: number;
  /** Bytes of the whole archive; `undefined` where the server does not tell. */
  readonly totalBytes: number | undefined;
}

/** How to download a checkpoint. `signal` and `timeoutMs` hold until the last byte. */
export interface DownloadOptions extends CallOptions {
  /** Told after each piece. What it throws is dropped. @default nobody */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /**
   * Longest silence of the connection while bytes are waited for, in milliseconds; after it the download goes on by
   * another connection. @default 60_000
   */
  readonly idleTimeoutMs?: number | undefined;
}

/**
 * A checkpoint's archive on its way: a tar, or a tar packed with gzip, for `extractArchive`. Read it once, in one of
 * three ways: as a stream, with `for await`, or with `bytes()`. It is read as fast as you take it, and held nowhere. Read
 * it to its end or leave it (`stream.cancel()`, `break`, or the call's signal), because its connection stays open.
 */
export interface CheckpointDownload extends AsyncIterable<Uint8Array<ArrayBuffer>> {
  /**
   * The bytes. It fails rather than end early: with a `connection_failed`, `timed_out` or `http_status` error after five
   * attempts in a row without a new byte, with `response_invalid` where the archive changed on the way.
   */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Bytes handed on so far. */
  readonly receivedBytes: number;
  /** Bytes of the whole archive; `undefined` where the server does not tell. */
  readonly totalBytes: number | undefined;
  /** Everything in one array. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

/** What a download needs beside a checkpoint. */
export interface DownloadParts extends ArchiveParts {
  /** Sends requests as they are. */
  readonly fetch: FetchLike;
}

/** Connect to a checkpoint's archive. Resolves when its first bytes are there to be read. */
export function startDownload(
  parts: DownloadParts,
  place: CheckpointPlace,
  options: DownloadOptions,
): Promise<CheckpointDownload> {
  const { runtime, fetch } = parts;
  const { clock, random, emit, scopes } = runtime;
  const { onProgress } = options;
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new TinkerInputError('onProgress', `must be a function, got ${show(onProgress)}`);
  const idleTimeoutMs = checkFinite('idleTimeoutMs', options.idleTimeoutMs ?? 60_000, {
    min: 0,
    aboveMin: true,
  });
  return new Promise((resolve, reject) => {
    const work = async (scope: Scope): Promise<void> => {
      const source = createResumableDownload({
        clock,
        random,
        emit,
        fetch,
        signal: scope.signal,
        idleTimeoutMs,
        path: routeToCheckpoint(place, 'archive'),
        link: async () => (await findArchive(parts, scope, place)).url,
      });
      try {
        await source.start();
        const { stream, ended, fail } = streamOf(source, scope, onProgress);
        resolve(downloadOf(source, stream));
        // The call goes on until the last byte, so that its limits and `close()` reach it.
        await raceAbort(scope.signal, ended).catch(fail);
      } finally {
        source.close();
      }
    };
    scopes.run(options, work).catch(reject);
  });
}

/** A stream that asks for bytes only when it is asked. */
function streamOf(
  source: ResumableDownload,
  scope: Scope,
  onProgress: DownloadOptions['onProgress'],
): {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly ended: Promise<void>;
  fail(reason: unknown): void;
} {
  let end = (): void => {};
  let fail = (_reason: unknown): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        fail = (reason) => controller.error(reason);
      },
      async pull(controller) {
        try {
          const piece = await source.next();
          if (piece === undefined) {
            controller.close();
            end();
            return;
          }
          controller.enqueue(piece);
          report(onProgress, source);
        } catch (error) {
          end();
          throw error;
        }
      },
      cancel: (reason) => scope.abort(reason ?? new DOMException('The download was cancelled', 'AbortError')),
    },
    // Nothing ahead of demand.
    { highWaterMark: 0 },
  );
  return { stream, ended, fail };
}

function report(
  onProgress: DownloadOptions['onProgress'],
  { receivedBytes, totalBytes }: ResumableDownload,
): void {
  try {
    onProgress?.({ receivedBytes, totalBytes });
  } catch {
    // A listener's bug must not fail the download it listens to.
  }
}

function downloadOf(
  source: ResumableDownload,
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): CheckpointDownload {
  async function* pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const reader = stream.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      // After the end, or a failure, there is nothing to cancel, and this says nothing.
      reader.cancel().catch(() => {});
      reader.releaseLock();
    }
  }

  return {
    stream,
    get receivedBytes() {
      return source.receivedBytes;
    },
    get totalBytes() {
      return source.totalBytes;
    },
    async bytes() {
      const parts: Uint8Array<ArrayBuffer>[] = [];
      for await (const piece of pieces()) parts.push(piece);
      return concatBytes(parts);
    },
    [Symbol.asyncIterator]: pieces,
  };
}
