import { Environment } from '@huggingface/jinja';
import { messageOf } from '../../kernel/bare-message.ts';
import { dateAt } from '../../kernel/clock.ts';
import { isTinkerError, TinkerInputError } from '../../kernel/errors.ts';
import type { ChatMessage } from '../message.ts';
import type { BlockContext } from './blocks.ts';
import { runBlock } from './blocks.ts';
import { itemsOf, type Owner, type Piece, textOf, type Value } from './provenance.ts';
import { strftime } from './python-text.ts';
import type { ParsedTemplate } from './template.ts';
import { createTracer } from './tracer.ts';

/** What a template is given besides the messages. */
export interface RenderInput {
  /** Tools the model may call, as the template takes them. @default none */
  readonly tools?: readonly unknown[] | undefined;
  /** Variables of the template, such as `enable_thinking`. @default none */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** A conversation as a template writes it. */
export interface Rendering {
  /** All of it. */
  readonly text: string;
  /** Its pieces, in order. */
  readonly pieces: readonly PlacedPiece[];
}

/** A piece with its place in the text. */
export interface PlacedPiece extends Piece {
  /** Where it begins. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
}

/** Writes messages. */
export type Renderer = (
  messages: readonly ChatMessage[],
  input: RenderInput,
  addGenerationPrompt: boolean,
) => Rendering;

/** What {@link createRenderer} needs. */
export interface RendererOptions {
  readonly template: ParsedTemplate;
  /** Variables whose texts are the template's own, such as `bos_token`. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** Milliseconds since the Unix epoch, for templates that write the date. */
  readonly now: () => number;
}

/** A renderer for one template. */
export function createRenderer({ template, variables, now }: RendererOptions): Renderer {
  return (messages, input, addGenerationPrompt) => {
    const given: Record<string, unknown> = {
      ...functions(now),
      // As transformers has it: there, and none.
      documents: null,
      ...variables,
      ...input.variables,
      tools: input.tools ?? null,
      messages: messages.map(({ weight: _, ...message }) => message),
      add_generation_prompt: addGenerationPrompt,
    };
    try {
      return run(template, given, ownersOf(variables, input));
    } catch (cause) {
      if (isTinkerError(cause)) throw cause;
      throw new TinkerInputError('messages', `cannot be written: the template says ${messageOf(cause)}`, {
        cause,
      });
    }
  };
}

function ownersOf(
  variables: Readonly<Record<string, unknown>>,
  input: RenderInput,
): ReadonlyMap<string, Owner> {
  return new Map<string, Owner>([
    ...Object.keys(variables).map((name) => [name, 'template'] as const),
    ...Object.keys(input.variables ?? {}).map((name) => [name, 'variables'] as const),
    ['tools', 'tools'],
    // Noted one by one; together they are nobody's.
    ['messages', 'unknown'],
  ]);
}

function run(
  template: ParsedTemplate,
  given: Readonly<Record<string, unknown>>,
  owners: ReadonlyMap<string, Owner>,
): Rendering {
  const scope = new Environment();
  for (const [name, value] of Object.entries(given)) {
    if (name !== 'namespace') scope.set(name, value);
  }
  const context: BlockContext = { messageAt: new Map(), span: -1, isGenerated: false, depth: 0 };
  const tracer = createTracer(scope, context);
  for (const [name, owner] of owners) tracer.provenance.setOwner(scope.lookupVariable(name), owner);
  for (const [m, message] of itemsOf(scope.lookupVariable('messages') as Value).entries()) {
    context.messageAt.set(message, m);
    tracer.provenance.setOwner(message, m);
  }
  const pieces: Piece[] = [];
  runBlock(tracer, context, template.body, scope, (piece) => pieces.push(piece));
  let end = 0;
  const placed = pieces.map((piece) => {
    const start = end;
    end += piece.text.length;
    return { ...piece, start, end };
  });
  return { text: textOf(pieces), pieces: placed };
}

/** What every template may name. */
function functions(now: () => number): Readonly<Record<string, unknown>> {
  return {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    raise_exception(message: unknown) {
      throw new Error(JSON.stringify(String(message)));
    },
    strftime_now: (format: unknown) => strftime(dateAt(now()), String(format)),
    range: rangeOf,
  };
}

/** Python's `range`. */
function rangeOf(first: number, last?: number, step = 1): number[] {
  const [start, end] = last === undefined ? [0, first] : [first, last];
  const count = Math.max(0, Math.ceil((end - start) / step));
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/** Where the turn of a message begins and ends in the text; `undefined` where it writes nothing or not in one piece. */
export function spanOf(rendering: Rendering, message: number): { start: number; end: number } | undefined {
  const mine = rendering.pieces.filter(({ span }) => span === message);
  const [first] = mine;
  const last = mine.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const isWhole = mine.every((piece, i) => i === 0 || piece.start === mine[i - 1]?.end);
  return isWhole ? { start: first.start, end: last.end } : undefined;
}
