import { type Renderer, spanOf } from '../jinja/render.ts';
import { ASSISTANT, type ChatMessage } from '../message.ts';
import type { FoundToken, TokenFinder } from './added-token-finder.ts';

/** How a template ends what the model says. */
export interface TurnEnds {
  /** Ids that end a turn anywhere in a conversation; empty where ordinary text does. */
  readonly ids: ReadonlySet<number>;
  /** What to stop at when sampling: ids, or the text that ends a turn; empty where nothing does. */
  readonly stop: readonly number[] | readonly string[];
  /** White space the template writes between its prompt and what the model says; often none. */
  readonly space: string;
}

/** Stands for what a model says. No template would write it, and none would take it apart. */
export const STAND_IN = 'IsotinkerStandIn';

/** What {@link findTurnEnds} needs. */
export interface TurnEndOptions {
  readonly render: Renderer;
  readonly find: TokenFinder;
  /** The token that ends a text, where the template's variables name one that is an added token. */
  readonly endOfText: number | undefined;
}

/** How the template ends turns: seen from what it writes for small conversations. */
export function findTurnEnds(options: TurnEndOptions): TurnEnds {
  const asked: ChatMessage = { role: 'user', content: 'x' };
  const answer: ChatMessage = { role: ASSISTANT, content: STAND_IN };
  const call: ChatMessage = {
    role: ASSISTANT,
    content: '',
    // Some templates want ids of nine letters and digits.
    tool_calls: [{ type: 'function', id: 'call00000', function: { name: 'x', arguments: {} } }],
  };
  const last = turnEnd(options, [asked, answer]);
  const earlier = turnEnd(options, [asked, answer, asked]);
  const calling = turnEnd(options, [asked, call], last?.token?.token.id);
  const atEnd = [last, calling].flatMap((end) => end?.token ?? []);
  const stops = atEnd.length > 0 ? atEnd : (earlier?.token ?? []);
  const space = spaceBefore(options, [asked, answer]);
  const ids = new Set([last, earlier, calling].flatMap((end) => end?.token?.token.id ?? []));
  if (ids.size === 0) {
    const text = last?.text ?? '';
    return { ids, stop: text === '' ? [] : [text], space };
  }
  const stop = new Set([stops].flat().map(({ token }) => token.id));
  if (options.endOfText !== undefined) stop.add(options.endOfText);
  return { ids, stop: [...stop], space };
}

/** White space between the prompt and what the second message says. */
function spaceBefore({ render }: TurnEndOptions, messages: readonly ChatMessage[]): string {
  try {
    const prompt = render(messages.slice(0, 1), {}, true).text;
    const { text } = render(messages, {}, false);
    const between = text.startsWith(prompt) ? text.slice(prompt.length, text.lastIndexOf(STAND_IN)) : '';
    return between.trim() === '' ? between : '';
  } catch {
    return '';
  }
}

interface TurnEnd {
  /** The token that ends the turn, where one does. */
  readonly token: FoundToken | undefined;
  /** What comes behind what was said. */
  readonly text: string;
}

/** How the second message ends, if it can with the `usual` id; `undefined` where the template refuses these messages. */
function turnEnd(
  { render, find }: TurnEndOptions,
  messages: readonly ChatMessage[],
  usual?: number,
): TurnEnd | undefined {
  try {
    const input = {};
    const rendering = render(messages, input, false);
    const span = spanOf(rendering, 1);
    if (span === undefined) return undefined;
    const at = rendering.text.lastIndexOf(STAND_IN, span.end);
    const from = at < span.start ? span.start : at + STAND_IN.length;
    const tokens = find({ rendering, messages, input }).filter(
      ({ start, end }) => start >= from && end <= span.end,
    );
    const special = tokens.filter(({ token }) => token.isSpecial);
    const [candidates] = special.length > 0 ? [special] : [tokens];
    // Behind a text the first one ends the turn; a call has tokens of its own before the one that does.
    const isUsual = candidates.filter(({ token }) => token.id === usual).at(-1);
    const token = at < span.start ? (isUsual ?? candidates.at(-1)) : candidates[0];
    return { token, text: rendering.text.slice(from, span.end) };
  } catch {
    return undefined;
  }
}
