import type { ExplainedPiece, ExplainedPieces } from './positions.ts';
import type { TokenText } from './token-text.ts';

/** A piece as it is shown, whatever the format. */
export interface ShownPiece {
  /** Its text; behind each sign of a new line at the end of a run there is a real one. */
  readonly text: string;
  /** What stands behind it, before a new line at its end: its log-probability. */
  readonly tail: string;
  /** What it is. */
  readonly kind: TokenText['kind'] | 'chunk';
  /** Its value, if there is one other than 0. */
  readonly label: string;
  /** Its value, between -1 and 1: a share of the largest there is. */
  readonly strength: number;
  /** All that is known of it, in words. */
  readonly title: string;
}

/** How the pieces are shown. */
export function shownPieces(
  { pieces, valueName }: ExplainedPieces,
  textOf: (id: number) => TokenText,
  showLogprobs: boolean,
): ShownPiece[] {
  const largest = pieces.reduce((most, { value = 0 }) => Math.max(most, Math.abs(value)), 0);
  return pieces.map((piece) => {
    const { value = 0, logprob } = piece;
    const own = ownText(piece, textOf);
    return {
      text: own.text,
      tail: showLogprobs && hasLogprob(piece) ? `⟨${shown(logprob ?? 0)}⟩` : '',
      kind: own.kind,
      label: value === 0 ? '' : shown(value),
      strength: largest === 0 ? 0 : value / largest,
      title: titleOf(piece, valueName, textOf),
    };
  });
}

/** What all pieces come to, in one line. */
export function summaryOf({ pieces, valueName, targetsEach }: ExplainedPieces): string {
  const tokens = pieces.filter(({ token }) => token !== undefined);
  const trained = pieces.filter(({ value = 0 }) => value !== 0);
  const sum = pieces.reduce((total, { value = 0 }) => total + value, 0);
  const sampled = pieces.filter(hasLogprob);
  const mean = sampled.reduce((total, { logprob = 0 }) => total + logprob, 0) / sampled.length;
  const others = pieces.filter(({ target }) => target !== undefined);
  const note = isUnshifted(pieces) ? ' (the targets are not shifted)' : '';
  const chunks = pieces.filter(({ chunk }) => chunk !== undefined && chunk !== 'targets');
  return [
    counted(tokens.length, 'token'),
    `${trained.length} trained`,
    `sum of ${valueName}s ${shown(sum)}`,
    ...(sampled.length === 0 ? [] : [`mean log-probability ${shown(mean)}`]),
    ...chunks.map((piece) => `${wordOf(piece)} of ${counted(piece.positions, 'position')}`),
    ...(targetsEach === 1 ? [] : [`up to ${targetsEach} targets each`]),
    ...(others[0] === undefined
      ? []
      : [
          `${counted(others.length, 'target')} not the token that comes, first at index ${others[0].index}${note}`,
        ]),
  ].join(', ');
}

/** A number of few digits. */
export function shown(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** Whether each target is the token of its own position, not of the next. */
function isUnshifted(pieces: readonly ExplainedPiece[]): boolean {
  return pieces.every(({ target }, i) => target === undefined || target === pieces[i - 1]?.token);
}

function ownText(
  piece: ExplainedPiece,
  textOf: (id: number) => TokenText,
): Pick<ShownPiece, 'text' | 'kind'> {
  if (piece.token === undefined)
    return { text: `[${wordOf(piece)}: ${counted(piece.positions, 'position')}]`, kind: 'chunk' };
  const own = textOf(piece.token);
  if (piece.target === undefined) return own;
  const other = `≠${textOf(piece.target).text.replaceAll('\n', '')}`;
  const text = own.text.endsWith('\n') ? `${own.text.slice(0, -1)}${other}\n` : `${own.text}${other}`;
  return { text, kind: own.kind };
}

function titleOf(piece: ExplainedPiece, valueName: string, textOf: (id: number) => TokenText): string {
  const { index, token, target, value, logprob } = piece;
  const targetText = target === undefined ? '' : textOf(target).text.replaceAll('\n', '');
  return [
    `index ${index}`,
    token === undefined ? `${wordOf(piece)} of ${counted(piece.positions, 'position')}` : `id ${token}`,
    ...(target === undefined ? [] : [`target ${target} ${targetText}`]),
    value === undefined ? 'not predicted' : `${valueName} ${shown(value)}`,
    ...(hasLogprob(piece) ? [`log-probability ${shown(logprob ?? 0)}`] : []),
  ].join(' · ');
}

/** Whether it was sampled: the zeros of what was not are no log-probabilities. */
function hasLogprob({ logprob, value = 0 }: ExplainedPiece): boolean {
  return logprob !== undefined && (logprob !== 0 || value !== 0);
}

function wordOf({ chunk }: ExplainedPiece): string {
  if (chunk === 'targets') return 'last targets';
  return chunk === 'dmel' ? 'audio' : 'image';
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
