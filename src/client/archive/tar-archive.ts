import { show } from '../../kernel/checks.ts';
import { concatBytes } from '../../kernel/concat.ts';
import { TinkerInputError, TinkerResponseError } from '../../kernel/errors.ts';
import {
  type ByteSource,
  type BytesInput,
  createByteSource,
  type Pieces,
  piecesOf,
  withFront,
} from './byte-source.ts';
import { gunzipped } from './gunzip.ts';
import { BLOCK, readHeader, readPax, readText, safeName, type TarOverrides } from './tar-header.ts';

/** Longest name, and longest list of attributes, in bytes: they are held in memory. */
const MOST_ATTRIBUTE_BYTES = 1_048_576;

/** A file in an archive. Read it before the next one is asked for, once, or leave it. */
export interface ArchiveEntry {
  /** Its path in the archive: relative, and without "..". */
  readonly name: string;
  /** Its size in bytes. */
  readonly size: number;
  /** All of it. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** All of it, piece by piece, for what is too large to hold. */
  pieces(): AsyncIterableIterator<Uint8Array<ArrayBuffer>>;
}

/**
 * The files of a tar archive, packed with gzip or not, in its order. Reads as fast as you do, and holds no more than one
 * piece of what you do not read. Anything but files and folders is refused: links, devices, and names that lead out of
 * the archive. One that is cut, also behind its last file, is an error.
 *
 * @param source - Bytes, a stream, or what `downloadCheckpoint` gives.
 * @throws TinkerInputError - at once for another source; TinkerResponseError while it is read.
 */
export function extractArchive(source: BytesInput): AsyncIterableIterator<ArchiveEntry> {
  return entriesOf(piecesOf(source));
}

async function* entriesOf(packed: Pieces): AsyncGenerator<ArchiveEntry, void, undefined> {
  let source: ByteSource | undefined;
  let isWhole = false;
  try {
    source = createByteSource(await unpacked(packed));
    for (;;) {
      const member = await nextMember(source);
      if (member === undefined) break;
      const { entry, leave } = openEntry(source, member);
      yield entry;
      await leave();
      await source.skip(fillOf(member.size));
    }
    // What follows is only filling, but a download, or gzip's checksum, is whole only at its end.
    while (!(await source.isAtEnd())) await source.take(Number.MAX_SAFE_INTEGER);
    isWhole = true;
  } finally {
    if (!isWhole) await (source ?? packed).cancel().catch(() => {});
  }
}

/** The next file; folders are passed over. `undefined` at the archive's end. */
async function nextMember(
  source: ByteSource,
): Promise<{ readonly name: string; readonly size: number } | undefined> {
  let overrides: TarOverrides = {};
  for (;;) {
    const header = readHeader(await source.exactly(BLOCK));
    if (header === undefined) return undefined;
    const { type } = header;
    if (type === 'L' || type === 'x') {
      const bytes = await attribute(source, header.size);
      overrides = { ...overrides, ...(type === 'L' ? { name: readText(bytes) } : readPax(bytes)) };
      continue;
    }
    if (type === 'g') {
      await attribute(source, header.size);
      continue;
    }
    const given = overrides.name ?? header.name;
    // The folder that was packed may go by "/": so Python names it, told to give it no name.
    const name = type === '5' && /^\/+$/.test(given) ? '' : safeName(given);
    const size = overrides.size ?? header.size;
    overrides = {};
    const isFolder = type === '5' || (type === '0' && name.endsWith('/'));
    const isFile = (type === '0' || type === '7') && name !== '' && name !== '.';
    if (isFile && !isFolder) return { name, size };
    if (!isFolder)
      throw new TinkerResponseError(`The archive holds ${show(name)}, which is neither file nor folder`);
    await source.skip(size + fillOf(size));
  }
}

/** What stands in place of a member: a long name, or attributes. */
async function attribute(source: ByteSource, size: number): Promise<Uint8Array> {
  if (size > MOST_ATTRIBUTE_BYTES) {
    throw new TinkerResponseError(
      `The archive holds attributes of ${size} bytes; at most ${MOST_ATTRIBUTE_BYTES} are read`,
    );
  }
  const bytes = await source.exactly(size);
  await source.skip(fillOf(size));
  return bytes;
}

/** A member that can be read while it is in front. */
function openEntry(
  source: ByteSource,
  { name, size }: { readonly name: string; readonly size: number },
): { readonly entry: ArchiveEntry; leave(): Promise<void> } {
  let left = size;
  let isTaken = false;
  let isLeft = false;
  let reading: Promise<unknown> | undefined;

  const claim = (): void => {
    if (isLeft || isTaken) {
      const when = isLeft ? 'before the next one is asked for' : 'once';
      throw new TinkerInputError('entry', `must be read ${when}: ${show(name)}`);
    }
    isTaken = true;
  };
  async function* pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    while (left > 0) {
      if (isLeft)
        throw new TinkerInputError('entry', `must be read before the next one is asked for: ${show(name)}`);
      const piece = await source.take(left);
      left -= piece.length;
      yield concatBytes([piece]);
    }
  }

  const entry: ArchiveEntry = {
    name,
    size,
    async bytes() {
      claim();
      const whole = source.exactly(size).then((bytes) => {
        left = 0;
        return bytes;
      });
      reading = whole.catch(() => {});
      return whole;
    },
    pieces() {
      claim();
      return pieces();
    },
  };
  return {
    entry,
    async leave() {
      isLeft = true;
      await reading;
      // What was left unread stays so: who asks for it later must not take it for the end.
      await source.skip(left);
    },
  };
}

/** How far behind a member the next header is. */
function fillOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** The tar in it, by its first two bytes. */
async function unpacked(packed: Pieces): Promise<Pieces> {
  const front: Uint8Array[] = [];
  while (front.reduce((length, piece) => length + piece.length, 0) < 2) {
    const piece = await packed.next();
    if (piece === undefined) break;
    front.push(piece);
  }
  const whole = withFront(front, packed);
  const [first, second] = front.flatMap((piece) => [...piece.subarray(0, 2)]);
  return first === 0x1f && second === 0x8b ? gunzipped(whole) : whole;
}
