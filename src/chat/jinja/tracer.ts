import { type Environment, Interpreter } from '@huggingface/jinja';
import { type BlockContext, runBlock } from './blocks.ts';
import { applyFilter } from './filters.ts';
import { callMethod, joined, splitUp } from './methods.ts';
import {
  createProvenance,
  isList,
  isText,
  type Piece,
  type Provenance,
  textOf,
  type Value,
} from './provenance.ts';
import type { TemplateNode } from './template.ts';
import { isConstant, isSame, kindOf, plainText, valued } from './values.ts';

/** Runs a template's nodes, and keeps track of whose text is whose. */
export interface Tracer {
  /** Whose text is whose. */
  readonly provenance: Provenance;
  /** The value of an expression, or of a statement that has one. */
  evaluate(node: TemplateNode, scope: Environment): Value;
  /** A string of pieces. */
  text(pieces: readonly Piece[]): Value;
  /** A whole number. */
  count(value: number): Value;
  /** What a block writes, as a string. */
  capture(body: readonly TemplateNode[], scope: Environment): Value;
  /** A value as Python's `str` has it. @throws Error - for lists and mappings, which no template means to write. */
  written(value: Value): readonly Piece[];
}

/** Where the expression is in arguments that are more than one. */
const INNER: Readonly<Record<string, 'value' | 'argument'>> = {
  KeywordArgumentExpression: 'value',
  KeywordSpreadExpression: 'argument',
  SpreadExpression: 'argument',
};

/**
 * The runtime of `@huggingface/jinja` with its evaluation led through here: texts carry their provenance beside them,
 * blocks are run by us, and where it differs from Python's Jinja (what `strip` takes, what `==` means, what is written
 * before a `continue`, scopes of loops) Python wins.
 */
export function createTracer(global: Environment, context: BlockContext): Tracer {
  const provenance = createProvenance();
  const interpreter = new Interpreter(global);
  const plain = interpreter.evaluate.bind(interpreter) as unknown as Tracer['evaluate'];
  const yes = global.lookupVariable('true');
  const no = global.lookupVariable('false');
  let captured: Value | undefined;

  const text = (pieces: readonly Piece[]): Value =>
    provenance.setPieces(plain({ type: 'StringLiteral', value: textOf(pieces) }, global), pieces);
  const list = (texts: readonly string[]): Value =>
    plain({ type: 'ArrayLiteral', value: texts.map((value) => ({ type: 'StringLiteral', value })) }, global);
  const capture = (body: readonly TemplateNode[], scope: Environment): Value => {
    const pieces: Piece[] = [];
    runBlock(tracer, context, body, scope, (piece) => pieces.push(piece));
    return text(pieces);
  };
  /**
   * What a macro gives back says the same as what was captured last, if it is that. Arguments come first: what they
   * capture is not what it gives back.
   */
  const adopt = (call: TemplateNode, scope: Environment, run: (args: TemplateNode[]) => Value): Value => {
    const args = (call.args ?? []).map((argument) => evaluated(argument, scope));
    captured = undefined;
    const value = run(args);
    if (captured !== undefined && isText(value) && value.value === (captured as Value).value)
      provenance.setPieces(value, provenance.piecesOf(captured));
    return value;
  };
  const callBlock = (node: TemplateNode, scope: Environment): Value => {
    const { call } = node;
    if (call === undefined) return plain(node, scope);
    return adopt(call, scope, (args) => plain({ ...node, call: { ...call, args } }, scope));
  };
  /** An argument that is its value. */
  const evaluated = (argument: TemplateNode, scope: Environment): TemplateNode => {
    const inner = INNER[argument.type];
    if (inner === undefined) return valued(evaluate(argument, scope));
    return { ...argument, [inner]: valued(evaluate(argument[inner] as TemplateNode, scope)) };
  };
  const member = (node: TemplateNode, scope: Environment): Value => {
    const object = evaluate(node.object as TemplateNode, scope);
    const isSlice = node.computed === true && node.property?.type === 'SliceExpression';
    if (isSlice && isText(object) && provenance.ownerOf(object) === undefined) {
      const characters = splitUp(tracer, object, list([...(object.value as string)]));
      return joined(tracer, plain({ ...node, object: valued(characters) }, scope), undefined);
    }
    return provenance.inherit(plain({ ...node, object: valued(object) }, scope), object);
  };
  const call = (node: TemplateNode, scope: Environment): Value => {
    const { callee } = node;
    if (callee?.type !== 'MemberExpression' || callee.computed === true)
      return adopt(node, scope, (args) => plain({ ...node, args }, scope));
    const object = evaluate(callee.object as TemplateNode, scope);
    const ours = callMethod(tracer, object, String(callee.property?.value), node.args ?? [], scope);
    if (ours !== undefined) return ours;
    const value = plain({ ...node, callee: { ...callee, object: valued(object) } }, scope);
    if (isText(object) && isList(value)) return splitUp(tracer, object, value);
    return (node.args ?? []).every(isConstant) ? provenance.inherit(value, object) : value;
  };
  const binary = (node: TemplateNode, scope: Environment): Value => {
    const operator = node.operator?.value;
    const left = evaluate(node.left as TemplateNode, scope);
    const isTrue = operator === 'and' || operator === 'or' ? left.__bool__().value : undefined;
    if (isTrue !== undefined && isTrue === (operator === 'or')) return left;
    const right = evaluate(node.right as TemplateNode, scope);
    if (isTrue !== undefined) return right;
    if (operator === '==' || operator === '!=') return isSame(left, right) === (operator === '==') ? yes : no;
    if (operator === '~') return text([...tracer.written(left), ...tracer.written(right)]);
    if (operator === '+' && (isText(left) || isText(right))) {
      if (!(isText(left) && isText(right)))
        throw new Error(`cannot add ${kindOf(left)} and ${kindOf(right)}`);
      return text([...provenance.piecesOf(left), ...provenance.piecesOf(right)]);
    }
    return plain({ ...node, left: valued(left), right: valued(right) }, scope);
  };
  const assign = (node: TemplateNode, scope: Environment): Value => {
    const value =
      node.value === null || node.value === undefined
        ? capture(node.body ?? [], scope)
        : evaluate(node.value as TemplateNode, scope);
    return plain({ ...node, value: valued(value), body: [] }, scope);
  };
  const evaluate = (node: TemplateNode, scope: Environment): Value => {
    switch (node?.type) {
      case 'Valued':
        return node.value as Value;
      case 'StringLiteral':
        return text([{ text: node.value as string, owner: 'template', isDerived: false }]);
      case 'Capture':
        captured = capture(node.body ?? [], scope);
        return captured;
      case 'MemberExpression':
        return member(node, scope);
      case 'CallExpression':
        return call(node, scope);
      case 'CallStatement':
        return callBlock(node, scope);
      case 'BinaryExpression':
        return binary(node, scope);
      case 'FilterExpression':
        return applyFilter(tracer, node, scope, plain);
      case 'FilterStatement':
        return evaluate(
          { ...node, type: 'FilterExpression', operand: valued(capture(node.body ?? [], scope)) },
          scope,
        );
      case 'Set':
        return assign(node, scope);
      default:
        return plain(node, scope);
    }
  };
  interpreter.evaluate = evaluate as unknown as Interpreter['evaluate'];
  const tracer: Tracer = {
    provenance,
    evaluate,
    text,
    count: (value) => plain({ type: 'IntegerLiteral', value }, global),
    capture,
    written: (value) =>
      isText(value)
        ? provenance.piecesOf(value)
        : [{ text: plainText(value), owner: 'unknown', isDerived: false }],
  };
  return tracer;
}
