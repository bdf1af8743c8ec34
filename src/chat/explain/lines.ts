import type { ShownPiece } from './shown-pieces.ts';
import { columns } from './visible.ts';

/** Between tokens of a line. */
const BETWEEN = '│';

/** Begins the rest of a token that has a new line within it. */
const REST = '↳';

/** Puts codes of a terminal around a text; none are none. */
type Paint = (codes: string, text: string) => string;

/**
 * Pieces in lines for a terminal: a line has pieces of one value, which stands before them. Without its codes the
 * coloured form is the plain one.
 */
export function explainLines(pieces: readonly ShownPiece[], width: number, isColoured: boolean): string[] {
  const paint: Paint = isColoured
    ? (codes, text) => (codes === '' || text === '' ? text : `\x1b[${codes}m${text}\x1b[0m`)
    : (_codes, text) => text;
  const gutter = pieces.reduce((most, { label }) => Math.max(most, label.length), 1);
  const lines: string[] = [];
  let line: { readonly label: string; readonly parts: string[]; width: number } | undefined;
  const put = (piece: ShownPiece, text: string, isRest: boolean): void => {
    const size = columns(text);
    const isFull = line !== undefined && line.width + size + 1 > width;
    if (line === undefined || line.label !== piece.label || isFull) {
      endLine();
      line = { label: piece.label, parts: [], width: gutter + 3 };
      line.parts.push(paint(codesOf({ ...piece, kind: 'text' }), piece.label.padStart(gutter)));
      line.parts.push(piece.label === '' ? '   ' : ' ▸ ');
    } else line.parts.push(paint('2', BETWEEN));
    line.parts.push(isRest ? paint('2', REST) : '', paint(codesOf(piece), text));
    line.width += size + 1;
  };
  const endLine = (): void => {
    if (line !== undefined) lines.push(line.parts.join(''));
    line = undefined;
  };
  for (const piece of pieces) {
    const whole = piece.text.endsWith('\n')
      ? `${piece.text.slice(0, -1)}${piece.tail}\n`
      : piece.text + piece.tail;
    const parts = whole.split('\n');
    for (const [p, part] of parts.entries()) {
      if (part !== '') put(piece, part, p > 0);
      if (p < parts.length - 1) endLine();
    }
  }
  endLine();
  return lines;
}

/** Green for what is made likelier, red for what is made less likely; faint, plain or bold by how much. */
function codesOf({ strength, kind }: ShownPiece): string {
  const codes: string[] = [];
  const size = Math.abs(strength);
  if (size > 2 / 3) codes.push('1');
  else if (size > 0 && size <= 1 / 3) codes.push('2');
  if (kind === 'bytes') codes.push('3');
  if (kind === 'special' && size > 0) codes.push('4');
  if (strength > 0) codes.push('32');
  else if (strength < 0) codes.push('31');
  else if (kind === 'special') codes.push('35');
  else if (kind === 'chunk') codes.push('36');
  return codes.join(';');
}
