/** A file as it was found in an archive. */
export interface TarFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  readonly modifiedAt: number;
  readonly mode: number;
}

/** Read a ustar archive of regular files, strictly. @throws Error - for anything that is not quite right. */
export function decodeTar(archive: Uint8Array): TarFile[] {
  const files: TarFile[] = [];
  let at = 0;
  for (;;) {
    const header = archive.subarray(at, at + 512);
    if (header.length < 512) throw new Error(`The archive is cut at ${at}`);
    if (header.every((byte) => byte === 0)) break;
    const text = (start: number, length: number): string => {
      const field = header.subarray(start, start + length);
      const end = field.indexOf(0);
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        field.subarray(0, end < 0 ? length : end),
      );
    };
    const octal = (start: number, length: number): number => {
      const digits = text(start, length).trim();
      if (!/^[0-7]+$/.test(digits)) throw new Error(`"${digits}" at ${at + start} is no octal number`);
      return Number.parseInt(digits, 8);
    };
    if (text(257, 6) !== 'ustar' || text(263, 2) !== '00') throw new Error(`No ustar header at ${at}`);
    if (text(156, 1) !== '0') throw new Error(`No regular file at ${at}`);
    let sum = 0;
    for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
    if (sum !== octal(148, 8)) throw new Error(`The sum of the header at ${at} is wrong`);
    const size = octal(124, 12);
    const start = at + 512;
    if (start + size > archive.length) throw new Error(`The file at ${at} is cut`);
    const padded = Math.ceil(size / 512) * 512;
    if (archive.subarray(start + size, start + padded).some((byte) => byte !== 0))
      throw new Error(`The padding of the file at ${at} is not empty`);
    files.push({
      name: text(0, 100),
      bytes: archive.slice(start, start + size),
      modifiedAt: octal(136, 12) * 1000,
      mode: octal(100, 8),
    });
    at = start + padded;
  }
  if (archive.length !== at + 1024 || archive.subarray(at).some((byte) => byte !== 0))
    throw new Error('The archive does not end with two empty blocks');
  return files;
}
