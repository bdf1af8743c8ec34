import type { Environment } from '@huggingface/jinja';
import { type GivenArguments, readArguments } from './arguments.ts';
import { derived, joined, REWRITES, replaced, rewritten, stripped } from './methods.ts';
import { isList, isMap, isText, itemsOf, membersOf, type Value } from './provenance.ts';
import {
  capitalized,
  type JsonSource,
  type JsonStyle,
  pythonFloat,
  pythonInteger,
  pythonJson,
} from './python-text.ts';
import type { TemplateNode } from './template.ts';
import type { Tracer } from './tracer.ts';
import { isConstant, kindOf, valued } from './values.ts';

/** What a filter gives: by us where it has to keep track of what is whose or Python has it otherwise, else by the runtime. */
export function applyFilter(
  tracer: Tracer,
  node: TemplateNode,
  scope: Environment,
  plain: Tracer['evaluate'],
): Value {
  const operand = tracer.evaluate(node.operand as TemplateNode, scope);
  const args = node.filter?.args ?? [];
  const given = readArguments(tracer, args, scope);
  const name = String((node.filter?.callee ?? node.filter)?.value);
  switch (name) {
    case 'trim':
      return stripped(tracer, asText(tracer, operand), 'both', given.at(0, 'chars'));
    case 'string':
      return isText(operand) ? operand : tracer.text(tracer.written(operand));
    case 'join':
      if (isText(operand)) break;
      if (given.at(1, 'attribute') !== undefined) break;
      return joined(tracer, operand, given.at(0, 'd'));
    case 'upper':
    case 'lower':
    case 'capitalize':
      return rewritten(tracer, operand, REWRITES[name] ?? String);
    case 'replace': {
      const value = replaced(tracer, operand, given.at(0, 'old'), given.at(1, 'new'), given.at(2, 'count'));
      if (value !== undefined) return value;
      break;
    }
    case 'title':
      // Unlike the method of this name: letters behind an apostrophe stay small.
      return rewritten(tracer, operand, (text) => text.replace(/[^-\s({[<]+/g, capitalized));
    case 'length':
    case 'count':
      return tracer.count(sizeOf(operand));
    case 'tojson':
      return derived(tracer, pythonJson(jsonSource(operand), jsonStyle(given)), operand);
    default:
      break;
  }
  const value = plain({ ...node, operand: valued(operand) }, scope);
  if (value === undefined) throw new Error('it takes an entry of an empty list');
  return args.every(isConstant) ? tracer.provenance.inherit(value, operand) : value;
}

/** Characters of a text, entries of a list or mapping. */
function sizeOf(value: Value): number {
  if (isText(value)) return [...(value.value as string)].length;
  if (isList(value)) return itemsOf(value).length;
  if (isMap(value)) return membersOf(value).size;
  if (value.type === 'UndefinedValue') return 0;
  throw new Error(`${kindOf(value)} has no length`);
}

function asText(tracer: Tracer, value: Value): Value {
  return isText(value) ? value : tracer.text(tracer.written(value));
}

/** The parameters of transformers' `tojson`. */
function jsonStyle(given: GivenArguments): JsonStyle {
  const indent = given.at(1, 'indent');
  const separators = given.at(2, 'separators');
  const between = separators !== undefined && isList(separators) ? itemsOf(separators) : [];
  const width = indent?.type === 'IntegerValue' ? Number(indent.value) : undefined;
  return {
    ensureAscii: given.at(0, 'ensure_ascii')?.__bool__().value === true,
    indent: width,
    separators: [
      between[0] === undefined ? (width === undefined ? ', ' : ',') : String(between[0].value),
      between[1] === undefined ? ': ' : String(between[1].value),
    ],
    sortKeys: given.at(3, 'sort_keys')?.__bool__().value === true,
  };
}

function jsonSource(value: Value): JsonSource {
  if (isText(value)) return { kind: 'text', text: value.value as string };
  if (isList(value)) return { kind: 'list', items: itemsOf(value).map(jsonSource) };
  if (isMap(value)) {
    const members = [...membersOf(value)].filter(([, item]) => item.type !== 'UndefinedValue');
    return { kind: 'map', members: members.map(([key, item]) => [key, jsonSource(item)]) };
  }
  return { kind: 'atom', text: jsonAtom(value) };
}

function jsonAtom(value: Value): string {
  switch (value.type) {
    case 'NullValue':
      return 'null';
    case 'BooleanValue':
      return String(value.value);
    case 'IntegerValue':
      return pythonInteger(value.value as number);
    case 'FloatValue':
      return pythonFloat(value.value as number)
        .replace('inf', 'Infinity')
        .replace('nan', 'NaN');
    default:
      throw new Error(`it writes ${kindOf(value)} as JSON`);
  }
}
