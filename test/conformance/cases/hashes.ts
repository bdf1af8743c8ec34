import { encodeUtf8, toHex } from '../../../src/kernel/bytes.ts';
import { sha256Hex, sha256OfBytes } from '../../../src/kernel/digest.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { sha256 } from '../../../src/kernel/sha256.ts';
import { assertEqual } from '../../../src/testing/assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** SHA-256 by hand and by the platform. */
export function hashCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'kernel: SHA-256 of the standard’s own examples',
      run() {
        // FIPS 180-4's examples, as published beside it.
        assertEqual(
          'of "abc"',
          toHex(sha256(encodeUtf8('abc'))),
          'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
        );
        assertEqual(
          'of a million times "a"',
          toHex(sha256(new Uint8Array(1_000_000).fill(97))),
          'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
        );
      },
    },
    {
      name: 'kernel: SHA-256 by hand is the platform’s, at every length round a block',
      async run() {
        for (const length of [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1_000]) {
          const bytes = noise(length);
          const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
          assertEqual(`of ${length} bytes`, sha256(bytes), digest);
        }
      },
    },
    {
      name: 'kernel: SHA-256 does not care how its bytes are cut',
      run() {
        const bytes = noise(1_000);
        const whole = sha256(bytes);
        for (const width of [1, 7, 63, 64, 65, 500]) {
          const parts = Array.from({ length: Math.ceil(bytes.length / width) }, (_, i) =>
            bytes.subarray(i * width, (i + 1) * width),
          );
          assertEqual(`in parts of ${width}`, sha256(...parts), whole);
        }
        return toHex(whole);
      },
    },
    {
      name: 'kernel: the digest of many bytes is that of few, by whichever way it is made',
      async run() {
        const bytes = noise(70_000);
        const hex = await sha256OfBytes(bytes);
        assertEqual('of 70000 bytes', hex, toHex(sha256(bytes)));
        return hex;
      },
    },
    {
      name: 'kernel: the name of a secret is the start of its SHA-256',
      async run() {
        const name = await sha256Hex('tml-ключ-🔑', 8);
        if (name !== undefined)
          assertEqual('name', name, toHex(sha256(encodeUtf8('tml-ключ-🔑'))).slice(0, 16));
      },
    },
  ];
}

/** Bytes that look like none in particular, the same every time. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  const random = seededRandom(length);
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}
