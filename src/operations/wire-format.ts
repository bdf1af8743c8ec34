import { raceAbort } from '../kernel/abort.ts';
import { show } from '../kernel/checks.ts';
import type { EventSink } from '../kernel/diagnostics.ts';
import { isTinkerError, type TinkerError, TinkerInputError } from '../kernel/errors.ts';
import type { BinaryBody } from '../transport/transport.ts';
import type { Settings } from './settings.ts';

/** How passes over data are sent: as the server is found to read them, or one way only. */
export type WireFormat = 'auto' | 'json' | 'proto';

/** Compresses a body with zstd; the whole frame in, the whole frame out. */
export type Compress = (
  bytes: Uint8Array<ArrayBuffer>,
) => Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>;

/** One way to write the same request. */
export type BodyForm = 'zstd' | 'protobuf' | 'json';

/** Statuses with which servers answer a body they cannot read; the 500 is a JSON-only server's crash (item 2). */
const UNREAD = [400, 404, 405, 406, 415, 422, 500];

/** Connections in a row that a server cut over one form before the next is tried. */
const MAX_CUTS = 2;

/** Which forms a server reads, found out on the way (servers.md 2.1 items 1 to 3). */
export interface BodyForms {
  /** The forms to try, the best first, the last of them readable by every server. */
  candidates(): readonly BodyForm[];
  /** A server took this form: those before it in the list are not tried again, and an error is no longer its form's. */
  accepted(form: BodyForm): void;
  /** Whether the server may have failed to read this form: the next one says. */
  isUnread(form: BodyForm, error: TinkerError, cuts: number): boolean;
  /**
   * A body of this content in this form. @throws TinkerInputError - where the caller's compressor fails; the signal's
   * reason where that aborts first.
   */
  encode(form: 'zstd' | 'protobuf', bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<BinaryBody>;
}

/** What {@link createBodyForms} needs. */
export interface BodyFormsParts {
  readonly format: WireFormat;
  readonly compress: Compress | undefined;
  readonly settings: Settings;
  readonly emit: EventSink;
}

/** Nothing is known of the server yet. */
export function createBodyForms({ format, compress, settings, emit }: BodyFormsParts): BodyForms {
  const proven = new Set<BodyForm>();
  const unread = new Set<BodyForm>();

  const all = (): readonly BodyForm[] => {
    const { protobufPasses, compressBodies } = settings.current;
    const binary: BodyForm[] = compressBodies && compress !== undefined ? ['zstd', 'protobuf'] : ['protobuf'];
    if (format === 'proto') return binary;
    // Older servers have no settings, and read JSON; newer ones read both.
    const isJsonFirst = format === 'json' || !settings.isServed || !protobufPasses;
    return isJsonFirst ? ['json'] : [...binary, 'json'];
  };
  const candidates = (): readonly BodyForm[] => all().filter((form) => !unread.has(form));

  return {
    candidates,
    accepted(form) {
      if (proven.has(form)) return;
      proven.add(form);
      // Another request may have taken it for unread while this one was on its way.
      unread.delete(form);
      const forms = candidates();
      const passed = forms.slice(0, forms.indexOf(form));
      // One that was read before failed for another reason.
      for (const other of passed) if (!proven.has(other)) unread.add(other);
      if (passed.some((other) => unread.has(other))) {
        const message = `The server does not read ${passed.join(' or ')}`;
        emit({ type: 'wire_format', format: form === 'json' ? 'json' : 'protobuf', message });
      }
    },
    isUnread(form, error, cuts) {
      if (form === 'json' || proven.has(form)) return false;
      if (isTinkerError(error, 'connection_failed')) return !error.isUnsent && cuts >= MAX_CUTS;
      // Who has read of a sparse tensor has read the rest; and in full, as JSON, some servers take it for a vector.
      const isRead = /\bsparse\b/i.test(error.message);
      return isTinkerError(error, 'http_status') && UNREAD.includes(error.status) && !isRead;
    },
    async encode(form, bytes, signal) {
      const contentType = 'application/x-protobuf';
      if (form === 'protobuf' || compress === undefined) return { bytes, contentType };
      let packed: unknown;
      try {
        packed = await raceAbort(signal, Promise.resolve(compress(bytes)));
      } catch (cause) {
        signal.throwIfAborted();
        throw new TinkerInputError('compress', 'failed', { cause });
      }
      if (!(packed instanceof Uint8Array))
        throw new TinkerInputError('compress', `must give a Uint8Array, gave ${show(packed)}`);
      return { bytes: packed as Uint8Array<ArrayBuffer>, contentType, contentEncoding: 'zstd' };
    },
  };
}
