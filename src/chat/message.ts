import { checkFinite, checkRecord, checkText, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';

/** A piece of a message's content, where it is not one string. */
export interface TextPart {
  /** Text is the only kind that becomes tokens here. */
  readonly type: 'text';
  /** What it says. */
  readonly text: string;
}

/** A call of a tool, as templates take it. */
export interface ToolCall {
  /** Kind of the tool. @default none given to the template */
  readonly type?: 'function' | undefined;
  /** Ties the tool's result to it. @default none given to the template */
  readonly id?: string | undefined;
  /** What was called, with its arguments as a value; templates differ in whether they take JSON text too. */
  readonly function: {
    /** Name of the tool. */
    readonly name: string;
    /** What it was given. */
    readonly arguments: unknown;
  };
}

/** One message. Members that are not listed here are given to the template as they are. */
export interface ChatMessage {
  /** Who speaks: `system`, `user`, `assistant`, `tool`, or what else the template knows. */
  readonly role: string;
  /** What is said. `null` or left out only beside `tool_calls`. */
  readonly content?: string | readonly TextPart[] | null | undefined;
  /** What the model thought before its answer, for templates that write it. @default none */
  readonly reasoning_content?: string | undefined;
  /** Tools the assistant calls. @default none */
  readonly tool_calls?: readonly ToolCall[] | undefined;
  /** How much its tokens count in training; multiplies what `trainOn` says. Not given to the template. @default 1 */
  readonly weight?: number | undefined;
  readonly [member: string]: unknown;
}

/** The role whose messages a model generates. */
export const ASSISTANT = 'assistant';

/** Messages in order, checked. @throws TinkerInputError - naming the message by its index. */
export function checkedMessages(field: string, messages: unknown, min = 1): readonly ChatMessage[] {
  if (!Array.isArray(messages) || messages.length < min) {
    throw new TinkerInputError(field, `must be an array of at least ${min} messages, got ${show(messages)}`);
  }
  return messages.map((message, m) => checkedMessage(`${field}[${m}]`, message));
}

function checkedMessage(field: string, value: unknown): ChatMessage {
  const message = checkRecord(field, value, 'a message');
  checkText(`${field}.role`, message['role']);
  const { content, tool_calls: calls, reasoning_content: reasoning, weight } = message;
  const hasCalls = calls !== undefined && calls !== null;
  if (hasCalls && !Array.isArray(calls)) {
    throw new TinkerInputError(`${field}.tool_calls`, `must be an array, got ${show(calls)}`);
  }
  const isReasoning = reasoning === undefined || reasoning === null || typeof reasoning === 'string';
  if (!isReasoning) {
    throw new TinkerInputError(`${field}.reasoning_content`, `must be a string, got ${show(reasoning)}`);
  }
  if (weight !== undefined) checkFinite(`${field}.weight`, weight);
  checkContent(`${field}.content`, content, hasCalls && calls.length > 0);
  return message as ChatMessage;
}

function checkContent(field: string, content: unknown, hasCalls: boolean): void {
  if (typeof content === 'string') return;
  if (content === undefined || content === null) {
    if (hasCalls) return;
    throw new TinkerInputError(field, `is missing: must be a string or text parts, got ${show(content)}`);
  }
  if (!Array.isArray(content)) {
    throw new TinkerInputError(field, `must be a string or an array of text parts, got ${show(content)}`);
  }
  for (const [p, part] of content.entries()) {
    const { type, text } = checkRecord(`${field}[${p}]`, part, 'a text part');
    if (type !== 'text') {
      throw new TinkerInputError(`${field}[${p}].type`, `must be "text", got ${show(type)}`, {
        hint: 'Only text becomes tokens here; put images into a ModelInput of your own',
      });
    }
    if (typeof text !== 'string')
      throw new TinkerInputError(`${field}[${p}].text`, `must be a string, got ${show(text)}`);
  }
}
