import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { BytesInput } from '../../../src/client/archive/byte-source.ts';
import { type ArchiveEntry, extractArchive } from '../../../src/client/archive/tar-archive.ts';
import { rejection, thrown } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

/** Archives of the same files that GNU tar 1.34 made in each of its formats, packed with gzip. */
const GOLDEN: Readonly<Record<string, string>> = {
  gnu:
    'H4sIAAAAAAACA+2YSw7CIBRFWQobsPRh4U1dQDdBYqPGthrFpO7NmRuzcdj6iVGIyj0TmF/ueYBTIjh5DxtzXXuG6429JW2E' +
    'NCICh713OylFojg1fwMVJn9NbAvkH4NMZWpWbtpFuWrXAftvi+Ju/sRmcBaY2QpZIv9v73/1BkqAJPJ/2f9T0oT5n4z/NemR' +
    '/y38//f+r/tjN2ldU2W+81DxX/v/Qf9JczHyv54KmaP/wekA+FFg70/4v2q2/hj8/+/R/W+8Z+pHAvwfJf9lVdeboDew5/mP' +
    '/38s8o/CNX1oMGH/n09N7Q4+oAGe93/w/qfcMKP/MTif0AEAAAAAAABS4QJC4UjEACgAAA==',
  ustar:
    'H4sIAAAAAAACA+3WSw7CIBQFUJbSDSifQlkPiY0OaGuUJnVvnXVjko60fqJpwWDvmcAMyM17PENJcMzTSo2rN12f7LUUimSK' +
    'RNCenTn5I5d45O3jEmHobgYaJn+Ri0Ii/xjKGWio+s81lyzx/OcVVrT8bVPvN7Wpyq3rXMD+X0j5Kn8utLzPX3JVCJKx9eZP' +
    '59TlN9fuABJFYIH5r6yO7hJ8/n/T/x/3nEn/JaTd/5PJ/1Ba2wT8/T/JX03y5+P8j/zDG9NHG1xx/x/6yprW/W7+98Sk/gXT' +
    'GvUfw9CjBgAAAAAAAAAAAP7VFXGf5gcAKAAA',
  pax:
    'H4sIAAAAAAACA+2Zy26CQBSGWfsUvEBhzlx14b7LvsKkktoE1Cgm9N3c+WIFYhsL3ggyFvm/DegsiDn+35w5BOGbzV4jO4vW' +
    'm9B6ncBytJTlNad6ZUT0e19+T0wY7vmZ54DtJrXr/PHeMCHhJ+lnEk1ZoEaC+bb8QGailFSSyUAawydmzKhYfa+visOqB/qI' +
    'Dbt/RhFqo9TZ/NfvjeTK81Wf8l/9cb2p/5H/Zy1o439m/tafS2IE//8z//PxCf9rVazC/v31f5vQhzersZH/ueBawv89qP/R' +
    '5hGd5Zr/BVX8L4hrBf+78b/0VzadT1v+EaIWhKO2pxA9wSnkIfm/qb6N/S+4IvT/T1X/i/4Xsup/oQ3878T/0jze//Fy8fGy' +
    'sEkUpFk6wkhqWPknbmTN/1x4PoP/OycDoKfA3nee/0bJKv3qZv5/ef6rKu//SBiN/s/5/JePTzRbhwkvpr9Pmv+OQt8g/7V7' +
    'YjJvCdH/ufb/PIrjZXEGc+3/yvyXOGkB/zv3P97/DdD/HYW+kf9r/V/5/g/+756y+ogBzn/F/r/fJbHdpveWwdX9X1T3f8GY' +
    'xP7vAs5/xv9HxccIfkD57yj0jfZ/Xu3/mTHY/12w3yEDAAAAAAAAAAAAAAAAAAAAAAAAQN/5BoS6gPEAUAAA',
  v7:
    'H4sIAAAAAAACA+3TIQ6DQBAF0D1KTwBtAux5ECQVkFasgNuzoMgKqhCk75k/GTeZ/L5+D+P4qdKcwlWeWdc0e2ZlZu1h3vYx' +
    'dm14hDspj7uJ/fuBf9XXw/RNy+XVOO9/OcdX1H8AAAAAAAAAAPhpBYM6ZWkAKAAA',
};

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const utf8 = (words: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(words);
const joined = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(parts.flatMap((part) => [...part]));

/** One member, by hand: POSIX ustar. */
function member(
  name: string,
  content: Uint8Array,
  fields: {
    readonly type?: string;
    readonly size?: string | Uint8Array;
    readonly checksum?: string;
    readonly magic?: string;
    readonly prefix?: string;
    /** How the checksum is written. */
    readonly digits?: number;
  } = {},
): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(512);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width, '0')}\0`;
  const put = (at: number, value: string | Uint8Array): void =>
    block.set(typeof value === 'string' ? utf8(value) : value, at);
  put(0, name);
  put(100, octal(0o644, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, fields.size ?? octal(content.length, 11));
  put(136, octal(0, 11));
  put(148, '        ');
  put(156, fields.type ?? '0');
  put(257, fields.magic ?? 'ustar\u000000');
  put(345, fields.prefix ?? '');
  const sum = block.reduce((total, byte) => total + byte, 0);
  const { digits = 6 } = fields;
  put(148, fields.checksum ?? `${octal(sum, digits)} `.slice(0, 8));
  return joined(block, content, new Uint8Array((512 - (content.length % 512)) % 512));
}

const END = new Uint8Array(1_024);

/** A pax record. */
function pax(key: string, value: string): Uint8Array {
  const rest = utf8(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length += 1;
  return joined(utf8(String(length)), rest);
}

/** Names and contents of all files. */
async function unpack(source: BytesInput): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for await (const entry of extractArchive(source)) {
    files[entry.name] = await entry.bytes();
    expect(files[entry.name]?.length).toBe(entry.size);
  }
  return files;
}

/** Bytes in pieces of these lengths, over and over; told when it is let go of. */
function inPieces(bytes: Uint8Array, lengths: readonly number[], onCancel: () => void = () => {}) {
  let at = 0;
  let turn = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (at >= bytes.length) return controller.close();
        const length = lengths[turn++ % lengths.length] ?? 1;
        controller.enqueue(bytes.slice(at, at + length));
        at += length;
      },
      cancel: onCancel,
    },
    { highWaterMark: 0 },
  );
}

const damaged = (words: RegExp) => ({ code: 'response_invalid', message: expect.stringMatching(words) });

describe('archives of GNU tar', () => {
  const deep = `a/${'d'.repeat(60)}/${'e'.repeat(60)}/long-name.txt`;
  it.each(Object.entries(GOLDEN))('in its format %s are read, packed or not', async (format, golden) => {
    const packed = new Uint8Array(Buffer.from(golden, 'base64'));
    for (const bytes of [packed, new Uint8Array(gunzipSync(packed))]) {
      for (const source of [bytes, inPieces(bytes, [1]), inPieces(bytes, [511, 2, 0, 700])]) {
        const files = await unpack(source);
        const expected = ['a/hello.txt', 'a/empty', ...(format === 'v7' ? [] : [deep, 'a/ümlaut.txt'])];
        expect(Object.keys(files).sort()).toEqual(expected.sort());
        expect(text(files['a/hello.txt'] ?? END)).toBe('hello');
        expect(files['a/empty']).toEqual(new Uint8Array());
        if (format === 'v7') continue;
        expect(text(files[deep] ?? END)).toBe('x'.repeat(700));
        expect(text(files['a/ümlaut.txt'] ?? END)).toBe('ü');
      }
    }
  });
});

describe('a source', () => {
  const bytes = joined(member('x', utf8('1')), END);

  it('may be bytes, a stream, an iterable', async () => {
    async function* pieces() {
      yield bytes.subarray(0, 100);
      yield bytes.subarray(100);
    }
    for (const source of [bytes, inPieces(bytes, [100]), pieces()])
      expect(await unpack(source)).toEqual({ x: utf8('1') });
  });

  it('that is none is refused at once', () => {
    for (const source of [undefined, null, 'x', {}, 5])
      expect(thrown(() => extractArchive(source as unknown as Uint8Array))).toMatchObject({
        code: 'input_invalid',
        field: 'source',
      });
  });

  it('is let go of after a break, a refusal and a throw, packed or not', async () => {
    const evil = joined(member('x', utf8('1')), member('../x', utf8('1')), END);
    for (const content of [evil, new Uint8Array(gzipSync(evil))]) {
      for (const leave of ['break', 'throw', 'refusal']) {
        let cancelled = 0;
        const source = inPieces(content, [50], () => {
          cancelled += 1;
        });
        const read = async (): Promise<void> => {
          for await (const entry of extractArchive(source)) {
            expect(entry.name).toBe('x');
            if (leave === 'break') break;
            if (leave === 'throw') throw new Error('of the reader');
          }
        };
        if (leave === 'break') await read();
        else await rejection(read());
        // What is packed may have been taken whole by then.
        if (content === evil) expect(cancelled).toBe(1);
      }
    }
  });

  it('that is packed is refused where the platform cannot unpack it', async () => {
    vi.stubGlobal('DecompressionStream', undefined);
    Reflect.deleteProperty(globalThis, 'DecompressionStream');
    try {
      let cancelled = 0;
      const source = inPieces(new Uint8Array(gzipSync(bytes)), [50], () => {
        cancelled += 1;
      });
      expect(await rejection(unpack(source))).toMatchObject({ code: 'input_invalid', field: 'source' });
      expect(cancelled).toBe(1);
    } finally {
      vi.unstubAllGlobals();
    }
    expect(await unpack(new Uint8Array(gzipSync(bytes)))).toEqual({ x: utf8('1') });
  });

  it('is read to its end, behind the last file too', async () => {
    let isRead = false;
    async function* pieces() {
      yield bytes;
      yield new Uint8Array(9_000);
      isRead = true;
    }
    await unpack(pieces());
    expect(isRead).toBe(true);
    async function* failing() {
      yield bytes;
      throw new Error('cut');
    }
    expect(await rejection(unpack(failing()))).toMatchObject({ message: 'cut' });
  });
});

it('reads any files, however they come', async () => {
  const name = fc
    .string({ minLength: 1, maxLength: 20 })
    .map((words) => `f${words.replace(/[^a-z0-9 ]/gi, '_')}`);
  const files = fc.dictionary(name, fc.uint8Array({ maxLength: 1_600 }), { maxKeys: 5 });
  await fc.assert(
    fc.asyncProperty(
      files,
      fc.array(fc.integer({ min: 1, max: 1_500 }), { minLength: 1 }),
      fc.boolean(),
      async (contents, lengths, isPacked) => {
        const tar = joined(...Object.entries(contents).map(([key, content]) => member(key, content)), END);
        const bytes = isPacked ? new Uint8Array(gzipSync(tar)) : tar;
        const read = await unpack(inPieces(bytes, lengths));
        expect(Object.fromEntries(Object.entries(read).map(([key, one]) => [key, [...one]]))).toEqual(
          Object.fromEntries(Object.entries(contents).map(([key, one]) => [key, [...one]])),
        );
      },
    ),
  );
});

describe('an archive that is cut', () => {
  it('anywhere is an error, never fewer files', async () => {
    const whole = joined(member('x', utf8('12345')), member('y', new Uint8Array(600)));
    for (let length = 0; length <= whole.length; length++)
      expect(await rejection(unpack(whole.subarray(0, length)))).toMatchObject({
        code: 'response_invalid',
        message: 'The archive is cut: it ends before its end. Download it anew',
      });
    expect(Object.keys(await unpack(joined(whole, END.subarray(0, 512))))).toEqual(['x', 'y']);
  });

  it('is an error also where nobody reads its files', async () => {
    const whole = joined(member('x', new Uint8Array(2_000)), END);
    const read = async (): Promise<void> => {
      for await (const entry of extractArchive(whole.subarray(0, 1_500))) expect(entry.size).toBe(2_000);
    };
    expect(await rejection(read())).toMatchObject(damaged(/is cut/));
  });

  it('in the gzip around it is an error, too', async () => {
    const packed = new Uint8Array(gzipSync(joined(member('x', utf8('12345')), END)));
    for (let length = 2; length < packed.length; length++)
      expect(await rejection(unpack(packed.subarray(0, length)))).toMatchObject({ code: 'response_invalid' });
    const flipped = packed.map((byte, at) => (at === packed.length - 6 ? byte ^ 1 : byte));
    expect(await rejection(unpack(flipped))).toMatchObject(damaged(/cannot be unpacked/));
  });

  it('by its source, anywhere, fails with the source’s own error, packed or not', async () => {
    const tar = joined(member('x', utf8('12345')), END);
    const packed = new Uint8Array(gzipSync(tar));
    const gzips = Array.from({ length: packed.length + 1 }, (_, length) => packed.subarray(0, length));
    for (const content of [tar.subarray(0, 40), tar, ...gzips]) {
      const reason = new Error('of the source');
      async function* failing() {
        yield content;
        throw reason;
      }
      expect(await rejection(unpack(failing()))).toBe(reason);
    }
  });
});

describe('what is packed', () => {
  const packed = new Uint8Array(gzipSync(joined(member('x', utf8('12345')), END)));

  it('is read to its end, whatever comes behind it, and fails where that fails', async () => {
    for (const reason of [undefined, new Error('of the source')]) {
      let isRead = false;
      async function* source() {
        yield packed;
        for (let n = 0; n < 20; n++) yield new Uint8Array(40_000);
        isRead = true;
        if (reason !== undefined) throw reason;
      }
      if (reason === undefined) expect(await unpack(source())).toEqual({ x: utf8('12345') });
      else expect(await rejection(unpack(source()))).toBe(reason);
      expect(isRead).toBe(true);
    }
  });

  it('is read to its end where the platform ends before', async () => {
    const tar = joined(member('x', utf8('12345')), END);
    class Hasty {
      readonly readable: ReadableStream;
      readonly writable: WritableStream;
      constructor() {
        const { readable, writable } = new TransformStream({
          transform(_, controller) {
            controller.enqueue(tar);
            controller.terminate();
          },
        });
        this.readable = readable;
        this.writable = writable;
      }
    }
    vi.stubGlobal('DecompressionStream', Hasty);
    try {
      for (const reason of [undefined, new Error('of the source')]) {
        let isRead = false;
        async function* source() {
          yield packed;
          for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
          if (reason !== undefined) throw reason;
          for (let n = 0; n < 5; n++) yield new Uint8Array(10);
          isRead = true;
        }
        if (reason === undefined) expect(await unpack(source())).toEqual({ x: utf8('12345') });
        else expect(await rejection(unpack(source()))).toBe(reason);
        expect(isRead).toBe(reason === undefined);
      }
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('is put in by slices, for each can become a thousand times as much', async () => {
    const lengths: number[] = [];
    const Platforms = globalThis.DecompressionStream;
    class Watched {
      readonly readable: ReadableStream;
      readonly writable: WritableStream;
      constructor() {
        const platforms = new Platforms('gzip');
        const writer = platforms.writable.getWriter();
        this.readable = platforms.readable;
        this.writable = new WritableStream<Uint8Array<ArrayBuffer>>({
          write(piece) {
            lengths.push(piece.length);
            return writer.write(piece);
          },
          close: () => writer.close(),
          abort: () => writer.abort(),
        });
      }
    }
    vi.stubGlobal('DecompressionStream', Watched);
    try {
      const zeros = new Uint8Array(30_000_000);
      const bomb = new Uint8Array(
        gzipSync(
          Buffer.concat([
            member('big', zeros.subarray(0, 0), { size: zeros.length.toString(8).padStart(11, '0') }),
            zeros,
          ]),
        ),
      );
      expect(bomb.length).toBeGreaterThan(20_000);
      for await (const { size } of extractArchive(bomb)) {
        expect(size).toBe(30_000_000);
        break;
      }
      expect(Math.max(...lengths)).toBe(16_384);
      expect(lengths).toHaveLength(1);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe('what is refused', () => {
  it.each([
    '/x',
    '../x',
    'a/../../x',
    'a/..',
    '..',
    '\\x',
    'C:\\x',
    'c:x',
    'a\\..\\x',
    './../x',
    './/x/../y',
  ])('the name %j, of a file and of a folder', async (name) => {
    const words = /leads out of it/;
    expect(await rejection(unpack(joined(member(name, utf8('1')), END)))).toMatchObject(damaged(words));
    const folder = member(`${name}/`, utf8(''), { type: '5' });
    expect(await rejection(unpack(joined(folder, END)))).toMatchObject(damaged(words));
    const viaPax = joined(member('p', pax('path', name), { type: 'x' }), member('ok', utf8('1')), END);
    expect(await rejection(unpack(viaPax))).toMatchObject(damaged(words));
    const viaGnu = joined(member('p', utf8(`${name}\0`), { type: 'L' }), member('ok', utf8('1')), END);
    expect(await rejection(unpack(viaGnu))).toMatchObject(damaged(words));
  });

  it.each([...'12346SK', 'D'])('a member of type %s: links, devices, and what is unknown', async (type) => {
    const error = await rejection(unpack(joined(member('x', utf8(''), { type }), END)));
    expect(error).toMatchObject(damaged(/"x", which is neither file nor folder/));
  });

  it.each(['', '.', './', '/', '//'])('a file of the name %j', async (name) => {
    if (name.startsWith('/'))
      expect(await rejection(unpack(joined(member(name, utf8('1')), END)))).toMatchObject(
        damaged(/leads out/),
      );
    else if (name !== './')
      expect(await rejection(unpack(joined(member(name, utf8('1')), END)))).toMatchObject(damaged(/neither/));
    // A folder may be the archive's own.
    expect(await unpack(joined(member(name, utf8(''), { type: '5' }), END))).toEqual({});
  });

  it('a sparse file, and attributes that cannot be read', async () => {
    const sparse = joined(member('p', pax('GNU.sparse.major', '1'), { type: 'x' }), END);
    expect(await rejection(unpack(sparse))).toMatchObject(damaged(/sparse/));
    for (const broken of ['x', '9 path=', '0 path=x\n', '99 path=x\n', '6 =abc', '9999999999 a=b\n'])
      expect(await rejection(unpack(joined(member('p', utf8(broken), { type: 'x' }), END)))).toMatchObject(
        damaged(/pax/),
      );
    const sized = joined(member('p', pax('size', '-1'), { type: 'x' }), END);
    expect(await rejection(unpack(sized))).toMatchObject(damaged(/size/));
  });

  it('attributes that are too long to be held', async () => {
    for (const type of ['x', 'L', 'g']) {
      const header = member('p', utf8(''), { type, size: '00004000001' });
      expect(await rejection(unpack(joined(header, END)))).toMatchObject(
        damaged(/attributes of 1048577 bytes/),
      );
    }
  });

  it('what is no tar', async () => {
    expect(await rejection(unpack(utf8('hello'.repeat(200))))).toMatchObject(damaged(/is no tar/));
    const wrong = member('x', utf8('1'), { checksum: '000001\0 ' });
    expect(await rejection(unpack(joined(wrong, END)))).toMatchObject(damaged(/checksum/));
    const unsized = member('x', utf8('1'), { size: 'abcdefghijk' });
    expect(await rejection(unpack(joined(unsized, END)))).toMatchObject(damaged(/no size/));
    const huge = member('x', utf8('1'), {
      size: Uint8Array.from({ length: 12 }, (_, n) => (n === 0 ? 0x80 : 255)),
    });
    expect(await rejection(unpack(joined(huge, END)))).toMatchObject(damaged(/no size/));
    const flipped = joined(member('x', utf8('1')), END);
    flipped[3] = 1;
    expect(await rejection(unpack(flipped))).toMatchObject(damaged(/checksum/));
  });
});

it('reads sizes in GNU’s bytes and in pax, and lets an attribute hold for one member only', async () => {
  const big = Uint8Array.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4]);
  const content = new Uint8Array(260).fill(7);
  const bytes = joined(
    member('gnu', content, { size: big }),
    member('p', joined(pax('path', 'longer/ü'), pax('size', '260')), { type: 'x' }),
    member('short', content, { size: '00000000001' }),
    member('g', pax('comment', 'c'), { type: 'g' }),
    member('./after', utf8('1')),
    member('contiguous', utf8('1'), { type: '7' }),
    member('old-folder/', utf8('')),
    END,
  );
  const files = await unpack(bytes);
  expect(Object.keys(files)).toEqual(['gnu', 'longer/ü', 'after', 'contiguous']);
  expect(files['longer/ü']).toEqual(content);
});

it('reads headers as POSIX and GNU write them', async () => {
  const gnu = { magic: 'ustar  ', prefix: '14000000000' };
  const posix = { prefix: 'folder/of/it', digits: 7 };
  const bytes = joined(
    member('f', pax('path', 'a-folder/'), { type: 'x' }),
    member('d', utf8(''), { type: '5' }),
    member('gnu', utf8('1'), gnu),
    member('posix', utf8('2'), posix),
    member('old', utf8('3'), { magic: '', prefix: 'x', type: '\0' }),
    END,
  );
  expect(Object.keys(await unpack(bytes))).toEqual(['gnu', 'folder/of/it/posix', 'old']);
});

describe('an entry', () => {
  const one = new Uint8Array(1_000).fill(1);
  const bytes = joined(member('one', one), member('two', new Uint8Array(700).fill(2)), END);

  it('may be left, or read in part', async () => {
    const sums: Record<string, number> = {};
    for await (const entry of extractArchive(inPieces(bytes, [100]))) {
      sums[entry.name] = 0;
      for await (const piece of entry.pieces()) {
        sums[entry.name] = (sums[entry.name] ?? 0) + piece.length;
        if (entry.name === 'one') break;
      }
    }
    expect(sums).toEqual({ one: 88, two: 700 });
    const names: string[] = [];
    for await (const { name } of extractArchive(bytes)) names.push(name);
    expect(names).toEqual(['one', 'two']);
  });

  it('can be read once, and not after the next was asked for', async () => {
    const entries: ArchiveEntry[] = [];
    for await (const entry of extractArchive(bytes)) {
      entries.push(entry);
      if (entry.name === 'two') {
        await entry.bytes();
        const again = { code: 'input_invalid', message: expect.stringContaining('once') };
        expect(await rejection(entry.bytes())).toMatchObject(again);
        expect(thrown(() => entry.pieces())).toMatchObject(again);
      }
    }
    const late = { code: 'input_invalid', message: expect.stringContaining('before the next one') };
    expect(await rejection(entries[0]?.bytes() ?? Promise.resolve())).toMatchObject(late);
    expect(thrown(() => entries[0]?.pieces())).toMatchObject(late);
  });

  it('that is still being read is waited for', async () => {
    const reading: Promise<Uint8Array>[] = [];
    for await (const entry of extractArchive(inPieces(bytes, [100]))) reading.push(entry.bytes());
    const [first, second] = await Promise.all(reading);
    expect(first).toEqual(one);
    expect(second?.every((byte) => byte === 2)).toBe(true);
  });

  it('whose pieces are asked for too late says so', async () => {
    let pieces: AsyncIterableIterator<Uint8Array> | undefined;
    for await (const entry of extractArchive(inPieces(bytes, [100]))) {
      if (entry.name === 'one') {
        pieces = entry.pieces();
        await pieces.next();
      } else
        expect(await rejection(pieces?.next() ?? Promise.resolve())).toMatchObject({ code: 'input_invalid' });
    }
  });

  it('of a gigabyte is passed over, holding a piece at a time', async () => {
    const piece = new Uint8Array(1_048_576);
    let given = 0;
    async function* source() {
      yield member('big', new Uint8Array(), { size: '10000000000' });
      for (; given < 1_024; given++) yield piece;
      yield joined(member('small', utf8('1')), END);
    }
    const seen: (readonly [string, number, number])[] = [];
    for await (const { name, size } of extractArchive(source())) seen.push([name, size, given]);
    expect(seen).toEqual([
      ['big', 1_073_741_824, 0],
      ['small', 1, 1_024],
    ]);
  });

  it('that is packed is unpacked no further than it is read', async () => {
    let seed = 1;
    const noise = Uint8Array.from({ length: 2_000_000 }, () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed >> 16;
    });
    const packed = new Uint8Array(
      gzipSync(joined(member('big', new Uint8Array(), { size: '00007502200' }), noise)),
    );
    let given = 0;
    let cancelled = 0;
    const source = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          controller.enqueue(packed.slice(given * 65_536, ++given * 65_536));
        },
        cancel() {
          cancelled += 1;
        },
      },
      { highWaterMark: 0 },
    );
    for await (const entry of extractArchive(source)) {
      expect((await entry.pieces().next()).done).toBe(false);
      for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      expect(given).toBeLessThan(6);
      break;
    }
    expect(cancelled).toBe(1);
  });

  it('that was read does not change with the source', async () => {
    const source = bytes.slice();
    const kept: Uint8Array[] = [];
    for await (const entry of extractArchive(source)) {
      kept.push(await entry.bytes());
      source.fill(9, 512, 512 + 1_000);
    }
    expect(kept[0]).toEqual(one);
  });
});
