import { bar, columns, curve } from './drawing.ts';
import type { TrainingProgress, TrainingWatcher } from './training-loop.ts';

/** Where the show is drawn: a terminal, or a file that gets plain lines. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Narrower than this, and nothing fits; wider lines are hard to read. */
const [LEAST_WIDTH, MOST_WIDTH] = [60, 110];
const CURVE_HEIGHT = 8;
const SAMPLE_LINES = 16;

/** A watcher that draws on a terminal; in a file it leaves out what is only motion. */
export function createShow(screen: Screen): TrainingWatcher {
  const width = Math.min(Math.max(screen.columns ?? 80, LEAST_WIDTH), MOST_WIDTH) - 1;
  const line = (text = ''): void => void screen.write(`${text}\n`);
  let untrained = '';
  let tenths = -1;
  let drawnLines = 0;

  const writers = (trained: string): string[] => {
    const half = Math.floor((width - 3) / 2);
    return columns(`untrained\n\n${untrained}`, `trained\n\n${trained}`, half, SAMPLE_LINES);
  };
  const draw = (lines: readonly string[]): void => {
    if (drawnLines > 0) screen.write(`\u001b[${drawnLines}A`);
    for (const text of lines) line(`\u001b[2K${text}`);
    drawnLines = lines.length;
  };

  return {
    untrained(sample) {
      untrained = sample;
    },
    heldOut(when, loss) {
      line(
        `held-out loss ${when === 'before' ? 'before training' : 'after training '}  ${loss.toFixed(3)} nats per token`,
      );
      line();
    },
    progress(progress) {
      const text = progressLine(progress, width);
      if (screen.isTTY === true) screen.write(`\r\u001b[2K${text}`);
      else if (Math.floor(progress.done * 10) > tenths) line(text);
      tenths = Math.floor(progress.done * 10);
    },
    trained(losses) {
      if (screen.isTTY === true) line();
      line();
      for (const text of curve(losses, width - 8, CURVE_HEIGHT)) line(text);
      line(`${''.padStart(6)} └${'─'.repeat(width - 8)}`);
      line(`${''.padStart(8)}training loss, nats per token, over ${losses.length} steps`);
      line();
    },
    wrote(sample) {
      if (screen.isTTY === true) draw(writers(sample));
    },
    finished({ steps, seconds, tokensPerSecond, sample }) {
      if (screen.isTTY !== true) for (const text of writers(sample)) line(text.trimEnd());
      line();
      line(
        `${steps} steps in ${seconds.toFixed(0)} s, ${Math.round(tokensPerSecond).toLocaleString('en')} tokens/s while training`,
      );
    },
  };
}

function progressLine(
  { done, step, loss, tokensPerSecond, secondsLeft, queue }: TrainingProgress,
  width: number,
): string {
  const speed = `${Math.round(tokensPerSecond).toLocaleString('en')} tok/s`;
  const facts = `step ${step}  loss ${loss.toFixed(3)}  ${speed}  ${queue}  ${Math.ceil(secondsLeft)} s left`;
  const cells = Math.max(5, width - 62);
  return `${bar(done, cells)} ${String(Math.floor(done * 100)).padStart(3)} %  ${facts}`.slice(0, width);
}
