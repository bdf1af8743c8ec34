import type { ShownPiece } from './shown-pieces.ts';

/**
 * The colours are the page's own for text, light or dark, whatever the page around; behind tokens there is a thin layer
 * of green or red through which both are read.
 */
const BOX =
  'color-scheme:light dark;background:Canvas;color:CanvasText;padding:.75em 1em;border-radius:.4em;' +
  'font:.9em/1.9 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere';

/** Of every token: its end is seen, and no writing direction reaches beyond it. */
const TOKEN = 'unicode-bidi:isolate;padding:0 1px;border-right:1px solid #8887';

/** Of a log-probability. */
const TAIL = 'unicode-bidi:isolate;opacity:.75;font-style:normal;font-weight:normal';

/** Pieces as HTML that needs nothing around it. */
export function explainHtml(
  pieces: readonly ShownPiece[],
  summary: string,
  width: number | undefined,
): string {
  const box = width === undefined ? BOX : `${BOX};max-width:${width}ch`;
  const tokens = pieces.map(tokenHtml).join('');
  const line = `<div style="margin-top:.6em;opacity:.75">${escaped(summary)}</div>`;
  return `<div style="${box}">${tokens}${line}</div>`;
}

function tokenHtml(piece: ShownPiece): string {
  const style = [TOKEN, ...stylesOf(piece)].join(';');
  // A new line at the end stands behind the token: within, its frame would go on in the next line.
  const [text, end] = piece.text.endsWith('\n') ? [piece.text.slice(0, -1), '<br>'] : [piece.text, ''];
  const tail = piece.tail === '' ? '' : `<small style="${TAIL}">${escaped(piece.tail)}</small>`;
  const inner = text.split('\n').map(escaped).join('<br>');
  return `<span title="${escaped(piece.title)}" style="${style}">${inner}${tail}</span>${end}`;
}

function stylesOf({ strength, kind }: ShownPiece): string[] {
  const styles: string[] = [];
  if (strength !== 0) {
    // Underlined too: not everyone tells green from red, or sees either in print.
    const [colour, line] = strength > 0 ? ['22,163,74', 'solid'] : ['220,38,38', 'dashed'];
    const alpha = Number((0.12 + 0.33 * Math.abs(strength)).toFixed(2));
    styles.push(`background:rgba(${colour},${alpha})`, `border-bottom:2px ${line} rgb(${colour})`);
  }
  if (kind === 'special') styles.push('font-weight:bold');
  if (kind === 'bytes' || kind === 'unknown') styles.push('font-style:italic');
  if (kind === 'chunk') styles.push('border:1px dashed currentColor', 'border-radius:.3em');
  return styles;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
