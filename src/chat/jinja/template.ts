import { parse, tokenize } from '@huggingface/jinja';
import { TinkerInputError } from '../../kernel/errors.ts';
import { hasConstantPrompt } from './constant-prompt.ts';

/** A node of a parsed template. Which members it has depends on its type. */
export interface TemplateNode {
  type: string;
  value?: unknown;
  body?: TemplateNode[];
  alternate?: TemplateNode[];
  defaultBlock?: TemplateNode[];
  test?: TemplateNode;
  loopvar?: TemplateNode;
  iterable?: TemplateNode;
  lhs?: TemplateNode;
  left?: TemplateNode;
  right?: TemplateNode;
  operator?: { readonly value: string };
  operand?: TemplateNode;
  filter?: TemplateNode;
  call?: TemplateNode;
  callee?: TemplateNode;
  args?: TemplateNode[];
  argument?: TemplateNode;
  object?: TemplateNode;
  property?: TemplateNode;
  computed?: boolean;
  key?: TemplateNode;
}

/** A template, parsed once. */
export interface ParsedTemplate {
  /** What it does, in order. */
  readonly body: readonly TemplateNode[];
  /**
   * Words of its own that it hands to filters, methods and lists, whose results do not tell what is whose.
   */
  readonly handedOver: readonly string[];
  /** Whether what makes the model answer is the same behind all messages. */
  readonly hasConstantPrompt: boolean;
}

/** Stands for the tag `{% generation %}`, of which the parser knows nothing. No template can spell it. */
const GENERATION = 'isotinker_generation_block';

/** Filters and methods that keep track of what is whose, or of whose arguments nothing reaches the text. */
const TRACKED =
  /^(trim|default|join|string|safe|strip|lstrip|rstrip|startswith|endswith|split|rsplit|get|items|keys|values|length|selectattr|rejectattr|map|sort|count|find|raise_exception|strftime_now|replace|upper|lower|capitalize|title)$/;

/** Parse a template. @throws TinkerInputError - where it cannot be. */
export function parseTemplate(source: string): ParsedTemplate {
  // Both as transformers has them.
  const options = { lstrip_blocks: true, trim_blocks: true };
  const marked = source
    .replace(/\{%([-+]?)(\s*)generation(\s*)([-+]?)%\}/g, `{%$1$2call ${GENERATION}()$3$4%}`)
    .replace(/\{%([-+]?)(\s*)endgeneration(\s*)([-+]?)%\}/g, '{%$1$2endcall$3$4%}');
  try {
    const { body } = parse(tokenize(marked, options)) as unknown as TemplateNode;
    const program = body ?? [];
    const handedOver = new Set<string>();
    prepare(program, handedOver, false);
    return { body: program, handedOver: [...handedOver], hasConstantPrompt: hasConstantPrompt(program) };
  } catch (cause) {
    throw new TinkerInputError('template', `cannot be parsed: ${(cause as Error).message}`, { cause });
  }
}

/** Turn generation tags and captured bodies into nodes of ours, and collect words that are handed over. */
function prepare(value: unknown, handedOver: Set<string>, isHandedOver: boolean): void {
  if (value instanceof Map || Array.isArray(value)) {
    for (const item of value instanceof Map ? [...value].flat() : value)
      prepare(item, handedOver, isHandedOver);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const node = value as TemplateNode;
  if (node.type === 'StringLiteral' && isHandedOver) handedOver.add(node.value as string);
  for (const child of Object.values(node)) prepare(child, handedOver, isHandedOver || handsOver(node));
  if (node.type === 'CallStatement' && node.call?.callee?.value === GENERATION) node.type = 'Generation';
  // A captured body is run by us, which is why it is made one node. Of the same class, because the runtime looks for
  // the names of a macro's special arguments in instances of it only.
  else if (node.type === 'Macro' || node.type === 'CallStatement') {
    node.body = [
      Object.assign(Object.create(Object.getPrototypeOf(node)) as TemplateNode, {
        type: 'Capture',
        body: node.body,
      }),
    ];
  }
}

/** Whether strings within a node become part of something new. */
function handsOver(node: TemplateNode): boolean {
  if (node.type === 'ArrayLiteral' || node.type === 'ObjectLiteral') return true;
  if (node.type === 'FilterExpression') {
    const filter = node.filter?.callee ?? node.filter;
    return !TRACKED.test(String(filter?.value));
  }
  if (node.type !== 'CallExpression') return false;
  // A function of the template's own, a macro, keeps track itself.
  return node.callee?.type === 'MemberExpression' && !TRACKED.test(String(node.callee.property?.value));
}
