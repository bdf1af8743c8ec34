import { TinkerResponseError } from '../../kernel/errors.ts';

/** What tells one build of an archive from another. */
export interface ArchiveVersion {
  /** Its size in bytes, where the server tells. */
  readonly total: number | undefined;
  /** Its ETag, where the server tells. */
  readonly etag: string | undefined;
}

/**
 * What is known of an archive whose rest is to follow what came of it before.
 *
 * @throws TinkerResponseError - where it is another one, or where nothing shows that it is the same.
 */
export function sameVersion(known: ArchiveVersion, found: ArchiveVersion): ArchiveVersion {
  const sizes = compare(known.total, found.total);
  const etags = compare(bare(known.etag), bare(found.etag));
  if (sizes === 'differ') {
    throw new TinkerResponseError(
      `The archive changed on the way: it had ${known.total} bytes, and has ${found.total}`,
      { hint: 'Download it anew' },
    );
  }
  if (etags === 'differ') {
    throw new TinkerResponseError('The archive changed on the way: its ETag is another one', {
      hint: 'Download it anew',
    });
  }
  if (sizes === 'unknown' && etags === 'unknown') {
    throw new TinkerResponseError(
      'The connection was cut, and the server gives neither size nor ETag: the rest could be that of another archive',
      { retryable: true, hint: 'Download it anew' },
    );
  }
  return { total: known.total ?? found.total, etag: known.etag ?? found.etag };
}

/** An ETag that may be asked for with `If-Range`: a weak one does not stand for the same bytes. */
export function strongEtag({ etag }: ArchiveVersion): string | undefined {
  return etag?.startsWith('"') === true ? etag : undefined;
}

function compare<T>(known: T | undefined, found: T | undefined): 'same' | 'differ' | 'unknown' {
  if (known === undefined || found === undefined) return 'unknown';
  return known === found ? 'same' : 'differ';
}

/** Weak or strong, it is the same mark. */
function bare(etag: string | undefined): string | undefined {
  return etag?.replace(/^W\//, '');
}
