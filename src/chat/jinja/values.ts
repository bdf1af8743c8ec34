import { isList, isMap, itemsOf, membersOf, type Value } from './provenance.ts';
import { pythonFloat, pythonInteger } from './python-text.ts';
import type { TemplateNode } from './template.ts';

/** A node that stands for a value. */
export function valued(value: Value): TemplateNode {
  return { type: 'Valued', value };
}

/** Whether an argument brings in nothing but words and numbers of the template. */
export function isConstant(argument: TemplateNode): boolean {
  if (argument.type === 'KeywordArgumentExpression') return isConstant(argument.value as TemplateNode);
  return /^(String|Integer|Float)Literal$/.test(argument.type);
}

/** What is not a string, as Python's `str` has it. @throws Error - for lists and mappings, which no template means to write. */
export function plainText(value: Value): string {
  switch (value.type) {
    case 'UndefinedValue':
      return '';
    case 'NullValue':
      return 'None';
    case 'BooleanValue':
      return value.value ? 'True' : 'False';
    case 'IntegerValue':
      return pythonInteger(value.value as number);
    case 'FloatValue':
      return pythonFloat(value.value as number);
    default:
      throw new Error(`it writes ${kindOf(value)} where text belongs`);
  }
}

const isNumber = (value: Value): boolean => /^(Integer|Float|Boolean)Value$/.test(value.type);

/** Equality as Python has it: by value, and nothing is equal to what is of another kind. */
export function isSame(left: Value, right: Value): boolean {
  if (left === right) return true;
  if (isNumber(left) && isNumber(right)) return Number(left.value) === Number(right.value);
  if (isList(left) && isList(right)) {
    const others = itemsOf(right);
    const mine = itemsOf(left);
    return mine.length === others.length && mine.every((item, i) => isSame(item, others[i] as Value));
  }
  if (isMap(left) && isMap(right)) {
    const others = membersOf(right);
    const mine = [...membersOf(left)];
    return (
      mine.length === others.size &&
      mine.every(([key, item]) => others.has(key) && isSame(item, others.get(key) as Value))
    );
  }
  return left.type === right.type && left.value === right.value;
}

/** A kind of value as a message names it. */
export function kindOf(value: Value): string {
  const names: Readonly<Record<string, string>> = {
    ArrayValue: 'a list',
    TupleValue: 'a list',
    ObjectValue: 'an object',
    StringValue: 'a string',
    NullValue: 'none',
    UndefinedValue: 'what is not defined',
    FunctionValue: 'a function',
  };
  return names[value.type] ?? `a ${value.type.replace('Value', '').toLowerCase()}`;
}
