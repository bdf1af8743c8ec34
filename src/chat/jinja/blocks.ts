import { Environment } from '@huggingface/jinja';
import { isList, isMap, itemsOf, membersOf, type Piece, type Value } from './provenance.ts';
import type { TemplateNode } from './template.ts';
import type { Tracer } from './tracer.ts';
import { kindOf } from './values.ts';

/** Where in the conversation a template is writing. */
export interface BlockContext {
  /** Index of each message, by the value the template has of it. */
  readonly messageAt: Map<Value, number>;
  /** The message whose turn of a loop it is; -1 outside. */
  span: number;
  /** Whether it is in a `{% generation %}` block. */
  isGenerated: boolean;
  /** How many loops it is in. */
  depth: number;
}

/** Takes what a block writes. */
type Sink = (piece: Piece) => void;

/** How a block ended. */
type Ending = 'next' | 'break' | 'continue';

/** Run statements one after the other; what they write goes to `sink`. */
export function runBlock(
  tracer: Tracer,
  context: BlockContext,
  body: readonly TemplateNode[],
  scope: Environment,
  sink: Sink,
): Ending {
  const write = (pieces: readonly Piece[]): void => {
    const { span, isGenerated } = context;
    for (const piece of pieces) {
      // What was captured elsewhere keeps the place where it was written first.
      if (piece.text !== '')
        sink({ ...piece, span: piece.span ?? span, isGenerated: piece.isGenerated === true || isGenerated });
    }
  };
  const run = (block: readonly TemplateNode[], inner: Environment): Ending =>
    runBlock(tracer, context, block, inner, sink);

  for (const node of body) {
    let ending: Ending = 'next';
    switch (node.type) {
      case 'If': {
        const isTrue = tracer.evaluate(node.test as TemplateNode, scope).__bool__().value;
        ending = run((isTrue ? node.body : node.alternate) ?? [], scope);
        break;
      }
      case 'For':
        runLoop(tracer, context, node, scope, run);
        break;
      case 'Generation':
        ending = within(context, { isGenerated: true }, () => run(node.body ?? [], scope));
        break;
      case 'Break':
        return 'break';
      case 'Continue':
        return 'continue';
      case 'Comment':
        break;
      case 'Set':
      case 'Macro':
        tracer.evaluate(node, scope);
        break;
      default:
        write(tracer.written(tracer.evaluate(node, scope)));
    }
    if (ending !== 'next') return ending;
  }
  return 'next';
}

/** Do something at another place of the conversation. */
function within<T>(context: BlockContext, place: Partial<Omit<BlockContext, 'messageAt'>>, run: () => T): T {
  const { span, isGenerated, depth } = context;
  Object.assign(context, place);
  try {
    return run();
  } finally {
    Object.assign(context, { span, isGenerated, depth });
  }
}

/** A scope of its own for each turn, as in Python; what was written before a `continue` or `break` stays. */
function runLoop(
  tracer: Tracer,
  context: BlockContext,
  node: TemplateNode,
  scope: Environment,
  run: (block: readonly TemplateNode[], inner: Environment) => Ending,
): void {
  const { iterable } = node;
  const isFiltered = iterable?.type === 'SelectExpression';
  const bind = (item: Value): Environment => {
    const inner = new Environment(scope);
    for (const [name, value] of bindings(tracer, node.loopvar as TemplateNode, item))
      inner.setVariable(name, value);
    return inner;
  };
  const all = iterated(
    tracer,
    tracer.evaluate((isFiltered ? iterable?.lhs : iterable) as TemplateNode, scope),
  );
  const items = isFiltered
    ? all.filter((item) => tracer.evaluate(iterable?.test as TemplateNode, bind(item)).__bool__().value)
    : all;
  for (const [i, item] of items.entries()) {
    const inner = bind(item);
    describeLoop(inner, items, i, context.depth);
    const span = context.messageAt.get(item) ?? context.span;
    if (within(context, { span, depth: context.depth + 1 }, () => run(node.body ?? [], inner)) === 'break')
      return;
  }
  if (items.length === 0) run(node.defaultBlock ?? [], scope);
}

/** What a loop goes through: entries of a list, keys of a mapping. */
function iterated(tracer: Tracer, from: Value): readonly Value[] {
  if (isMap(from)) {
    const owner = tracer.provenance.ownerOf(from) ?? 'unknown';
    return [...membersOf(from).keys()].map((text) => tracer.text([{ text, owner, isDerived: false }]));
  }
  if (from.type === 'UndefinedValue') return [];
  if (!isList(from)) throw new Error(`it loops over ${kindOf(from)}`);
  return itemsOf(from).map((item) => tracer.provenance.inherit(item, from));
}

function bindings(tracer: Tracer, target: TemplateNode, item: Value): readonly (readonly [string, Value])[] {
  if (target.type === 'Identifier') return [[String(target.value), item]];
  const names = target.value as readonly TemplateNode[];
  const values = isList(item) ? itemsOf(item) : [];
  if (values.length !== names.length)
    throw new Error(`it unpacks ${kindOf(item)} of ${values.length} into ${names.length} names`);
  return names.map((name, i) => [String(name.value), tracer.provenance.inherit(values[i] as Value, item)]);
}

/** The variable `loop`. */
function describeLoop(scope: Environment, items: readonly Value[], index: number, depth: number): void {
  scope.set('loop', {
    index: index + 1,
    index0: index,
    revindex: items.length - index,
    revindex0: items.length - index - 1,
    first: index === 0,
    last: index === items.length - 1,
    length: items.length,
    depth: depth + 1,
    depth0: depth,
  });
  const loop = membersOf(scope.lookupVariable('loop'));
  const before = items[index - 1];
  const after = items[index + 1];
  if (before !== undefined) loop.set('previtem', before);
  if (after !== undefined) loop.set('nextitem', after);
}
