import type { RandomSource } from '../../src/index.ts';
import { encodeUtf8 } from '../../src/kernel/bytes.ts';
import { concatBytes } from '../../src/kernel/concat.ts';
import { pick } from './json-mutations.ts';

/** A body, and what was done to it. */
export interface MutatedBytes {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A whole number from 0 on, below `most`. */
export const upTo = (most: number, random: RandomSource): number => Math.floor(random() * most);

/** Change bits, cut, lengthen, or make lengths too large: for bytes that are protobuf, or anything else. */
export function mutateBytes(bytes: Uint8Array, random: RandomSource): MutatedBytes {
  const out = new Uint8Array(bytes);
  const kind = upTo(8, random);
  if (bytes.length === 0 || kind === 0) {
    const extra = Uint8Array.from({ length: 1 + upTo(20, random) }, () => upTo(256, random));
    return { name: `append ${extra}`, bytes: concatBytes([out, extra]) };
  }
  const at = upTo(bytes.length, random);
  if (kind === 1) return { name: `cut at ${at}`, bytes: out.slice(0, at) };
  if (kind === 2) return { name: `cut before ${at}`, bytes: out.slice(at) };
  if (kind === 3) {
    // A length, or a count, of 2^32 or more.
    const bomb = pick(
      [
        [255, 255, 255, 255, 15],
        [255, 255, 255, 255, 255, 255, 255, 255, 127],
        [128, 128, 128, 128, 1],
      ],
      random,
    );
    return {
      name: `varint ${bomb} at ${at}`,
      bytes: concatBytes([out.slice(0, at), Uint8Array.from(bomb), out.slice(at + 1)]),
    };
  }
  if (kind === 4) return { name: `repeat from ${at}`, bytes: concatBytes([out, out.slice(at)]) };
  if (kind === 5) {
    const end = at + upTo(16, random);
    out.fill(pick([0, 0xff, 0x80, 0x22], random), at, end);
    return { name: `fill ${at} to ${end}`, bytes: out };
  }
  const flips = Array.from({ length: kind === 6 ? 1 : 1 + upTo(8, random) }, () =>
    upTo(8 * bytes.length, random),
  );
  // Lengths and tags are at the front of messages: half of the flips go there.
  if (random() < 0.5) flips[0] = upTo(Math.min(8 * bytes.length, 200), random);
  for (const bit of flips) out[bit >> 3] = (out[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return { name: `flip ${flips}`, bytes: out };
}

/** Change the text of a body that is JSON, without regard for what it says. */
export function mutateText(bytes: Uint8Array, random: RandomSource): MutatedBytes {
  const kind = pick(['bom', 'utf-16', 'latin-1', 'quotes', 'comma', 'bytes'] as const, random);
  const text = new TextDecoder().decode(bytes);
  if (kind === 'bom')
    return { name: 'byte order mark', bytes: concatBytes([Uint8Array.of(0xef, 0xbb, 0xbf), bytes]) };
  if (kind === 'utf-16')
    return { name: kind, bytes: new Uint8Array(Uint16Array.from(text, (char) => char.charCodeAt(0)).buffer) };
  if (kind === 'latin-1')
    return { name: kind, bytes: Uint8Array.from(text.replace(/[a-z]/, 'ÿ'), (char) => char.charCodeAt(0)) };
  if (kind === 'quotes') return { name: 'single quotes', bytes: encodeUtf8(text.replaceAll('"', "'")) };
  if (kind === 'comma') return { name: 'trailing comma', bytes: encodeUtf8(text.replace(/[}\]]/, ',$&')) };
  return mutateBytes(bytes, random);
}
