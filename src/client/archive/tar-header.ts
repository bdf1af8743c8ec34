import { decodeUtf8 } from '../../kernel/bytes.ts';
import { show } from '../../kernel/checks.ts';
import { TinkerResponseError } from '../../kernel/errors.ts';

/** Length of a header, and what the length of every member is filled up to. */
export const BLOCK = 512;

/** What a block says of the member behind it (POSIX ustar, with GNU's numbers). */
export interface TarHeader {
  readonly name: string;
  readonly size: number;
  /** A letter or digit; `0` for a file. */
  readonly type: string;
}

/** What the member before may say of the next one. */
export interface TarOverrides {
  readonly name?: string | undefined;
  readonly size?: number | undefined;
}

/** Read a header; `undefined` for the block of zeros that ends an archive. @throws TinkerResponseError */
export function readHeader(block: Uint8Array): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (readNumber(block.subarray(148, 156)) !== sum)
    throw new TinkerResponseError(
      'The archive is no tar, or is damaged: a header does not match its checksum',
      { hint: 'Is it what downloadCheckpoint gave, whole?' },
    );
  const name = readText(block.subarray(0, 100));
  // GNU's own magic has other things where POSIX has the front of a long name.
  const isPosix = readText(block.subarray(257, 263)) === 'ustar';
  const prefix = isPosix ? readText(block.subarray(345, 500)) : '';
  const type = String.fromCharCode(block[156] || 48);
  const size = readNumber(block.subarray(124, 136));
  if (size === undefined)
    throw new TinkerResponseError(`The archive is damaged: ${show(name)} has no size that can be read`);
  return { name: prefix === '' ? name : `${prefix}/${name}`, size, type };
}

/** Read the records of a pax header: `length key=value\n` each. @throws TinkerResponseError */
export function readPax(bytes: Uint8Array): TarOverrides {
  const found: Record<string, string> = {};
  for (let at = 0; at < bytes.length; ) {
    const [, digits = ''] = /^(\d{1,7}) /.exec(decodeUtf8(bytes.subarray(at, at + 8))) ?? [];
    const length = Number(digits);
    const record = decodeUtf8(bytes.subarray(at + digits.length + 1, at + length - 1));
    const split = record.indexOf('=');
    if (length <= digits.length + 1 || at + length > bytes.length || split < 1)
      throw new TinkerResponseError('The archive is damaged: a pax header cannot be read');
    found[record.slice(0, split)] = record.slice(split + 1);
    at += length;
  }
  if (Object.keys(found).some((key) => key.startsWith('GNU.sparse.')))
    throw new TinkerResponseError('The archive holds a sparse file, which is not read');
  const { path: name, size } = found;
  if (size !== undefined && !/^\d{1,15}$/.test(size))
    throw new TinkerResponseError('The archive is damaged: a pax header has a size that is none');
  return { name, size: size === undefined ? undefined : Number(size) };
}

/**
 * A member's name as one may join it to a folder's.
 *
 * @throws TinkerResponseError - for one that would lead elsewhere: absolute, or with "..".
 */
export function safeName(name: string): string {
  const clean = name.replace(/^(\.\/+)+/, '');
  const parts = clean.split(/[\\/]/);
  const isUnsafe = /^[\\/]|^[a-z]:/i.test(clean) || parts.includes('..') || clean.includes('\0');
  if (isUnsafe) throw new TinkerResponseError(`The archive holds ${show(name)}, which leads out of it`);
  return clean;
}

/** Text up to the first zero. */
export function readText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeUtf8(end === -1 ? bytes : bytes.subarray(0, end));
}

/** Octal digits, or where the first bit is set (GNU) bytes, the highest first. */
function readNumber(field: Uint8Array): number | undefined {
  const [first = 0] = field;
  if (first === 0x80) {
    const value = field.subarray(1).reduce((total, byte) => total * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const [, digits] = /^ *([0-7]+)[ \0]*$/.exec(decodeUtf8(field)) ?? [];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}
