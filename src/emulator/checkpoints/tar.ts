import { encodeUtf8 } from '../../kernel/bytes.ts';

/** One regular file in an archive. */
export interface TarEntry {
  /** At most 100 bytes of UTF-8, with `/` between folders. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;
const NAME_BYTES = 100;
/** Sizes are eleven octal digits. */
const MAX_SIZE = 8 ** 11 - 1;

/**
 * A tar archive (POSIX ustar): each file a header of 512 bytes, then its bytes padded with zeros to a multiple of 512;
 * two blocks of zeros end it. The same entries give the same bytes.
 *
 * @param modifiedAt - Time of every file, in milliseconds since the Unix epoch; kept to the second.
 * @throws RangeError - for a name that is empty, does not fit or holds a zero.
 */
export function encodeTar(entries: readonly TarEntry[], modifiedAt: number): Uint8Array<ArrayBuffer> {
  const sizes = entries.map(({ bytes }) => BLOCK + Math.ceil(bytes.length / BLOCK) * BLOCK);
  const archive = new Uint8Array(sizes.reduce((sum, size) => sum + size, 2 * BLOCK));
  let offset = 0;
  for (const [index, entry] of entries.entries()) {
    archive.set(headerOf(entry, modifiedAt), offset);
    archive.set(entry.bytes, offset + BLOCK);
    offset += sizes[index] ?? 0;
  }
  return archive;
}

function headerOf({ name, bytes }: TarEntry, modifiedAt: number): Uint8Array {
  const header = new Uint8Array(BLOCK);
  const write = (at: number, text: string): void => header.set(encodeUtf8(text), at);
  // Numbers are octal digits that fill their field but for the zero that ends it.
  const octal = (at: number, length: number, value: number): void =>
    write(at, value.toString(8).padStart(length - 1, '0'));

  const length = encodeUtf8(name).length;
  if (length === 0 || length > NAME_BYTES || name.includes('\0'))
    throw new RangeError(`"${name}" has ${length} bytes; a name has 1 to ${NAME_BYTES}, none of them zero`);
  if (bytes.length > MAX_SIZE)
    throw new RangeError(`${name} has ${bytes.length} bytes; tar holds ${MAX_SIZE}`);
  write(0, name);
  octal(100, 8, 0o644); // mode
  octal(108, 8, 0); // user
  octal(116, 8, 0); // group
  octal(124, 12, bytes.length);
  octal(136, 12, Math.max(0, Math.floor(modifiedAt / 1000)));
  write(156, '0'); // a regular file
  write(257, 'ustar\0');
  write(263, '00'); // version
  octal(329, 8, 0); // device, major
  octal(337, 8, 0); // device, minor
  // The sum is taken with spaces in its own place, and written as six digits, a zero and a space.
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  write(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return header;
}
