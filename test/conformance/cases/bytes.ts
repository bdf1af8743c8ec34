import { decodeUtf8, encodeUtf8, toHex } from '../../../src/kernel/bytes.ts';
import { concatBytes, concatFloat32, concatInt32 } from '../../../src/kernel/concat.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { decodeBase64, encodeBase64 } from '../../../src/wire/base64.ts';
import { assertEqual, assertFails, assertTrue, bitsOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** Bytes as text and back. */
export function byteCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'kernel: UTF-8 keeps a byte order mark, and every character there is',
      run() {
        for (const text of [
          '',
          '\uFEFFabc',
          'é\u0301',
          '😀👩‍👩‍👧',
          'שלום',
          '\0\u001f\u007f\u0080',
          '\u{10ffff}\ud7ff\ue000',
        ])
          assertEqual(JSON.stringify(text), decodeUtf8(encodeUtf8(text)), text);
        return toHex(encodeUtf8('\uFEFF\0😀é\u0301\u{10ffff}'));
      },
    },
    {
      name: 'kernel: broken surrogates become U+FFFD when they are encoded, one each',
      run() {
        assertEqual('alone', toHex(encodeUtf8('\ud800')), 'efbfbd');
        assertEqual('the wrong way round', toHex(encodeUtf8('\udc00\ud800')), 'efbfbdefbfbd');
        return toHex(encodeUtf8('a\ud83db\ud83d\ude00c\ude00'));
      },
    },
    {
      name: 'kernel: malformed UTF-8 becomes as many U+FFFD in every engine',
      run() {
        const malformed = [
          [0xff],
          [0xc0, 0x80],
          [0xe2, 0x82],
          [0xf0, 0x9f, 0x98],
          [0xed, 0xa0, 0x80],
          [0xf4, 0x90, 0x80, 0x80],
          [0x61, 0xe2, 0x28, 0xa1, 0x62],
        ];
        const texts = malformed.map((bytes) => decodeUtf8(Uint8Array.from(bytes)));
        assertEqual('a cut emoji', texts[3], '\ufffd');
        assertEqual('an encoded surrogate', texts[4], '\ufffd\ufffd\ufffd');
        return textOf(texts);
      },
    },
    {
      name: 'kernel: base64 is the platform’s for every length, and comes back',
      run() {
        const random = seededRandom(64);
        for (let length = 0; length < 70; length++) {
          const bytes = Uint8Array.from({ length }, () => Math.floor(random() * 256));
          const text = encodeBase64(bytes);
          assertEqual(`of ${length} bytes`, text, btoa(String.fromCharCode(...bytes)));
          assertEqual(`back, of ${length} bytes`, decodeBase64('data', text), bytes);
        }
      },
    },
    {
      name: 'kernel: base64 of a megabyte needs no stack, and is the same',
      run() {
        const bytes = new Uint8Array(1_000_000).map((_, i) => (i * 7919) >>> 8);
        const text = encodeBase64(bytes);
        assertEqual('its length', text.length, 1_333_336);
        assertEqual('back', bitsOf(decodeBase64('data', text)), bitsOf(bytes));
        return bitsOf(encodeUtf8(text));
      },
    },
    {
      name: 'kernel: text that is no base64 is refused with its place',
      async run() {
        const refused = { YWJ: '3 of them', 'YW-j': '"-" at 2', 'Y=Jj': '"=" at 1', 'YWJ\n': '"\\n" at 3' };
        for (const [text, words] of Object.entries(refused))
          await assertFails(text, () => decodeBase64('image', text), 'TinkerInputError', words);
      },
    },
    {
      name: 'kernel: arrays are joined by their own elements, not by those of their buffers',
      run() {
        const whole = Uint8Array.of(9, 1, 2, 9, 3, 9);
        assertEqual(
          'bytes',
          concatBytes([whole.subarray(1, 3), whole.subarray(4, 5)]),
          Uint8Array.of(1, 2, 3),
        );
        assertEqual('nothing', concatBytes([]).length, 0);
        const only = whole.subarray(1, 3);
        assertTrue('a single one is not copied', concatBytes([only]) === only);
        const floats = concatFloat32([Float32Array.of(0.1, Number.NaN), Float32Array.of(-0)]);
        return bitsOf(
          concatInt32([Int32Array.of(1, -1), Int32Array.of(2 ** 31 - 1)]),
          floats.subarray(0, 1),
          floats.subarray(2),
        );
      },
    },
  ];
}
