import { decodeUtf8, encodeUtf8 } from '../../kernel/bytes.ts';
import { concatBytes } from '../../kernel/concat.ts';
import { sha256OfBytes } from '../../kernel/digest.ts';
import { MAX_FILE_BYTES } from '../hub/hub-files.ts';
import { gunzipped, gzipped } from './gzip.ts';

/** A file as it is kept. */
export interface KeptFile {
  /** Its content; `undefined`: the repository has no such file. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  /** Names the content, as the hub said. */
  readonly etag: string | undefined;
  /** SHA-256 of the content in hex. */
  readonly sha256: string;
}

/** A file that a repository does not have. */
export const ABSENT: KeptFile = { bytes: undefined, etag: undefined, sha256: '' };

/** What stands before the content. */
interface Header {
  readonly version: 1;
  readonly isAbsent: boolean;
  readonly isPacked: boolean;
  /** Length and digest of the content, unpacked. */
  readonly size: number;
  readonly sha256: string;
  /** Length of what follows. */
  readonly stored: number;
  readonly etag: string | undefined;
}

const LINE_END = 10;

/** The value that a file is kept as: a line of JSON, and the content, packed where the platform can. */
export async function packEntry({ bytes, etag, sha256: digest }: KeptFile): Promise<Uint8Array<ArrayBuffer>> {
  const content = bytes ?? new Uint8Array();
  const packed = bytes === undefined ? undefined : await gzipped(content);
  const stored = packed ?? content;
  const header: Header = {
    version: 1,
    isAbsent: bytes === undefined,
    isPacked: packed !== undefined,
    size: content.length,
    sha256: digest,
    stored: stored.length,
    etag,
  };
  return concatBytes([encodeUtf8(`${JSON.stringify(header)}\n`), stored]);
}

/** The file in such a value. Fails for one that is damaged, with words. */
export async function unpackEntry(value: Uint8Array<ArrayBuffer>): Promise<KeptFile> {
  const end = value.indexOf(LINE_END);
  const header = JSON.parse(decodeUtf8(value.subarray(0, Math.max(0, end)))) as Partial<Header> | null;
  if (header?.version !== 1) throw new Error('it is of another version');
  const stored = value.subarray(end + 1);
  if (stored.length !== header.stored) throw new Error(`${stored.length} of ${header.stored} bytes are left`);
  if (header.isAbsent === true) return ABSENT;
  const size = Math.min(Number(header.size) || 0, MAX_FILE_BYTES);
  const bytes = header.isPacked === true ? await gunzipped(stored, size) : stored.slice();
  const digest = await sha256OfBytes(bytes);
  if (bytes.length !== header.size || digest !== header.sha256) throw new Error('its SHA-256 differs');
  return { bytes, etag: typeof header.etag === 'string' ? header.etag : undefined, sha256: digest };
}
