/** Sign of a new line. */
const NEW_LINE = '⏎';

/** Characters that would not be seen, or would move what stands around them. */
const UNSEEN = /[\p{Z}\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}]/gu;

/** A text with its white space and what else is not seen made visible; a real new line follows the sign of one. */
export function visible(text: string): string {
  return text
    .replace(/\n+/g, (run) => `${run}\n`)
    .replace(UNSEEN, (character, at: number, whole: string) =>
      // The last of a run is the real one, which was put there just now.
      character === '\n' ? (whole[at + 1] === '\n' ? NEW_LINE : '\n') : sign(character),
    )
    .replace(/^\p{M}/u, (mark) => `◌${mark}`);
}

function sign(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === ' ') return '␣';
  if (character === '\t') return '⇥';
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '␡';
  return `‹U+${code.toString(16).toUpperCase().padStart(4, '0')}›`;
}

/** Columns a text takes in a terminal, nearly: characters of East Asia and emoji take two, marks none. */
export function columns(text: string): number {
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

function columnsOf(character: string): number {
  if (/\p{M}/u.test(character)) return 0;
  return /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
    character,
  )
    ? 2
    : 1;
}
