import type { AddedToken } from '../../tokenizer/tokenizer.ts';
import {
  type PlacedPiece,
  type Renderer,
  type RenderInput,
  type Rendering,
  spanOf,
} from '../jinja/render.ts';
import type { ChatMessage } from '../message.ts';
import type { FoundToken } from './added-token-finder.ts';
import type { TurnEnds } from './turn-ends.ts';

/** What a model would have generated of a rendered text. */
export interface GeneratedPart {
  /** Index of the message. */
  readonly message: number;
  /** Where it begins: behind the generation prompt. */
  readonly start: number;
  /** Where what ends the turn begins: a token, or text in templates that have none for it. */
  readonly turnEnd: number;
  /** Where it ends: behind what ends the turn. */
  readonly end: number;
}

/** What {@link generatedPart} needs beside the message. */
export interface PartContext {
  readonly render: Renderer;
  readonly messages: readonly ChatMessage[];
  readonly input: RenderInput;
  readonly rendering: Rendering;
  readonly found: readonly FoundToken[];
  /** How turns end. */
  readonly turnEnds: TurnEnds;
  /** What the template writes to make the model answer with a message. */
  promptOf(message: number): readonly PlacedPiece[];
  /** Of the tokenizer. */
  readonly addedTokens: readonly AddedToken[];
}

/** The generated part of an assistant's message; a string that says why where it cannot be told. */
export function generatedPart(context: PartContext, message: number): GeneratedPart | string {
  const { rendering, found, turnEnds } = context;
  const span = spanOf(rendering, message);
  if (span === undefined)
    return `the template does not write messages[${message}] in one turn of a loop over the messages`;
  const from = message > 0 ? (spanOf(rendering, message - 1)?.end ?? span.start) : span.start;
  const prompt = context.promptOf(message);
  const header = headerLength(context, message, prompt, [from, span.end]);
  const start = header === undefined ? generationBlock(rendering, message) : from + header;
  if (start === undefined) {
    const words = JSON.stringify(prompt.map(({ text }) => text).join(''));
    return `what the template writes for messages[${message}] does not begin with its generation prompt, ${words}`;
  }
  const last = found
    .filter(({ token, start: at, end }) => at >= start && end <= span.end && turnEnds.ids.has(token.id))
    .at(-1);
  if (last !== undefined) return { message, start, turnEnd: last.start, end: last.end };
  const [words = ''] = turnEnds.stop;
  const isText = typeof words === 'string' && rendering.text.slice(start, span.end).endsWith(words);
  return { message, start, turnEnd: isText ? span.end - words.length : span.end, end: span.end };
}

/** What the template writes to make the model answer with a message; asked for once where it is always the same. */
export function promptTeller(
  { render, messages, input }: Pick<PartContext, 'render' | 'messages' | 'input'>,
  isConstant: boolean,
): PartContext['promptOf'] {
  const probe: readonly ChatMessage[] = [{ role: 'user', content: 'x' }];
  let constant: readonly PlacedPiece[] | undefined;
  return (message) => {
    // A short conversation tells as well as a long one, at less cost.
    if (isConstant) constant ??= promptTail(render, input, probe);
    const own = message === 0 ? probe : messages.slice(0, message);
    return constant ?? promptTail(render, input, own) ?? promptTail(render, input, probe) ?? [];
  };
}

/** What comes behind the last message when an answer is asked for; `undefined` where the template refuses the messages. */
function promptTail(
  render: Renderer,
  input: RenderInput,
  messages: readonly ChatMessage[],
): readonly PlacedPiece[] | undefined {
  try {
    const without = render(messages, input, false);
    const whole = render(messages, input, true);
    const known = spanOf(without, messages.length - 1)?.end ?? without.text.length;
    const isAppended = whole.text.startsWith(without.text.slice(0, known));
    // A template that writes the last turn otherwise when it asks for an answer.
    const from = isAppended ? known : (spanOf(whole, messages.length - 1)?.end ?? known);
    return whole.pieces
      .filter(({ end }) => end > from)
      .map((piece) => ({ ...piece, text: piece.text.slice(Math.max(0, from - piece.start)) }));
  } catch {
    return undefined;
  }
}

/**
 * How much of a turn the generation prompt had written: all of the prompt, or as many of its pieces as the turn begins
 * with, because some templates write an empty thought into the last prompt only, or what both have in common.
 * `undefined` where that is nothing, or where the prompt goes on with a special token, or the turn has one of the
 * prompt's further on: then it is another header.
 */
function headerLength(
  context: PartContext,
  message: number,
  prompt: readonly PlacedPiece[],
  [from, to]: readonly [number, number],
): number | undefined {
  const { addedTokens, found, rendering, turnEnds } = context;
  const turn = rendering.text.slice(from, to);
  const whole = prompt.map(({ text }) => text).join('');
  let header = 0;
  for (const { text } of prompt) {
    if (!turn.startsWith(text, header)) break;
    header += text.length;
  }
  if (header === 0) {
    const common = commonLength(whole, turn);
    // Neither what the message says nor a token of the turn may be cut.
    const torn = found.find(({ start, end }) => start < from + common && end > from + common);
    const most = Math.min(saidFrom(context, message, from), torn?.start ?? to) - from;
    header = withoutTornWord(whole, withoutTornToken(whole, Math.min(common, most), addedTokens));
  }
  const rest = whole.slice(header);
  if (rest === '') return header;
  const hasMore = addedTokens.some(({ text, isSpecial }) => isSpecial && rest.includes(text));
  const isBehind = found.some(
    ({ token, start, end }) =>
      start >= from + header &&
      end <= to &&
      token.isSpecial &&
      !turnEnds.ids.has(token.id) &&
      whole.includes(token.text),
  );
  return header === 0 || hasMore || isBehind ? undefined : header;
}

/** Where the first thing begins that a message says: no header reaches into that. */
function saidFrom({ rendering, messages }: PartContext, message: number, from: number): number {
  const role = messages[message]?.role;
  const said = rendering.pieces.find(
    ({ owner, start, text }) => owner === message && start >= from && text !== role,
  );
  return said?.start ?? Number.POSITIVE_INFINITY;
}

/** A length that ends between words. */
function withoutTornWord(words: string, length: number): number {
  if (!/^[\p{L}\p{N}]/u.test(words.slice(length))) return length;
  return words.slice(0, length).replace(/[\p{L}\p{N}]+$/u, '').length;
}

/** A length that cuts no added token in two. */
function withoutTornToken(words: string, length: number, addedTokens: readonly AddedToken[]): number {
  const starts = addedTokens.map(({ text }) => {
    const at = words.indexOf(text, Math.max(0, length - text.length + 1));
    return at === -1 ? length : at;
  });
  return Math.min(length, ...starts);
}

/** Where the template itself says that the model begins. */
function generationBlock({ pieces }: Rendering, message: number): number | undefined {
  return pieces.find(({ span, isGenerated }) => span === message && isGenerated === true)?.start;
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
