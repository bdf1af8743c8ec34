/** Text as bytes: the first `length` of `bytes`, until the next is written. */
export interface WrittenText {
  readonly bytes: Uint8Array;
  readonly length: number;
}

/**
 * Writes short texts as UTF-8 into memory that is used again and again, which for a word is quicker than the platform's
 * encoder. Texts must be well-formed.
 */
export function utf8Writer(): (text: string) => WrittenText {
  let kept = new Uint8Array(256);
  return (text) => {
    const most = 3 * text.length;
    const bytes = most <= kept.length ? kept : new Uint8Array(most);
    // One long line must not stay in memory.
    if (most <= 4096) kept = bytes;
    return { bytes, length: write(text, bytes) };
  };
}

function write(text: string, bytes: Uint8Array): number {
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      bytes[at++] = unit;
      continue;
    }
    if (unit < 0x800) bytes[at++] = 0xc0 | (unit >> 6);
    else if (unit < 0xd800 || unit > 0xdfff) {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
    } else {
      // The first of two halves of a character.
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (text.charCodeAt(++i) & 0x3ff);
      bytes[at++] = 0xf0 | (point >> 18);
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
      continue;
    }
    bytes[at++] = 0x80 | (unit & 0x3f);
  }
  return at;
}
