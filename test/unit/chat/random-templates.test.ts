import { Template } from '@huggingface/jinja';
import fc from 'fast-check';
import { type ChatMessage, createChat } from 'isotinker/chat';
import { expect, it } from 'vitest';
import { turnsTokenizer } from './small-tokenizer.ts';

const tokenizer = turnsTokenizer();
const SPECIAL = new Set(tokenizer.addedTokens.filter(({ isSpecial }) => isSpecial).map(({ id }) => id));

/** What templates of this test write of their own; together they spell no special token. */
const literal = fc.constantFrom("'#'", "'X'", "''", "' '", "'|>'", "'<|im_'", "'\\n'", "'ß'", "'-x-'");

/** Operations on one or two strings, which the bare runtime does as Python does. */
const UNARY: readonly ((e: string, l: string) => string)[] = [
  (e) => `(${e} | trim)`,
  (e) => `(${e}).strip()`,
  (e) => `(${e} | lower)`,
  (e) => `(${e}).upper()`,
  (e, l) => `(${e} | replace('#', ${l}))`,
  (e, l) => `(${e}).replace('X', ${l})`,
  (e, l) => `(${e} | replace('|', ${l}, 1))`,
  (e, l) => `((${e}).split('#') | join(${l}))`,
  (e, l) => `((${e}).split() | join(${l}))`,
  (e) => `(${e}).split('X')[0]`,
  (e) => `(${e}).split('#', 1)[-1]`,
  (e) => `(${e})[1:]`,
  (e) => `(${e})[:-1]`,
  (e) => `(${e})[::-1][::-1]`,
  (e) => `(${e})[::2]`,
  (e) => `(${e} | string)`,
  (e, l) => `(${e} | default(${l}, true))`,
  (e, l) => `(${e} if ${e} else ${l})`,
  (e) => `(${e} or 'X')`,
  (e) => `same(${e})`,
  (e) => `twice(${e}, y=${e})`,
  (e) => `{'a': ${e}}.a`,
  (e) => `({'a': ${e}}.values() | join('#'))`,
  (e) => `({'a': ${e}}.items() | list | first | last)`,
  (e) => `[${e}, 'X'][0]`,
  (e) => `([${e}, 'X'] | join)`,
  (e) => `([${e}] | first)`,
  (e) => `([{'a': ${e}}] | map(attribute='a') | join)`,
  (e) => `(${e} | tojson)`,
  (e) => `([${e}] | tojson)`,
  (e) => `(${e} | indent)`,
  (e) => `(${e} ~ 5)`,
  (e) => `(${e} ~ true | length)`,
];
const BINARY: readonly ((a: string, b: string, l: string) => string)[] = [
  (a, b) => `(${a} + ${b})`,
  (a, b) => `(${a} ~ ${b})`,
  (a, b, l) => `([${a}, ${b}] | join(${l}))`,
  (a, b, l) => `(${l}).join([${a}, ${b}])`,
  (a, b) => `(${a}).replace('#', ${b})`,
  (a, b) => `(${a} | replace('X', ${b}))`,
  (a, b) => `(${a} if ${a} == ${b} else ${b})`,
  (a, b) => `(([${a}] + [${b}]) | join)`,
  (a, b) => `(${a} and ${b})`,
];
/** Operations that Python has otherwise than the bare runtime. */
const OURS: readonly ((e: string, l: string) => string)[] = [
  (e, l) => `(${e}).strip(${l})`,
  (e) => `(${e} | capitalize)`,
  (e) => `(${e}).title()`,
  (e) => `(${e} | title)`,
  (e) => `(${e} ~ none)`,
];

const { expression } = fc.letrec<{ expression: string; ours: string }>((tie) => {
  const base = fc.constantFrom(
    'messages[0].content',
    "messages[1]['content']",
    'messages[0].role',
    'messages[1].name',
    '(messages[1].info.items() | list | first | first)',
    'messages | map(attribute="content") | join("#")',
    'tools[0].name',
    'note',
  );
  const over = (operations: readonly ((e: string, l: string) => string)[]) =>
    fc.tuple(fc.constantFrom(...operations), tie('expression'), literal).map(([f, e, l]) => f(e, l));
  return {
    expression: fc.oneof(
      { maxDepth: 5, depthIdentifier: 'e' },
      base,
      literal,
      over(UNARY),
      fc
        .tuple(fc.constantFrom(...BINARY), tie('expression'), tie('expression'), literal)
        .map(([f, a, b, l]) => f(a, b, l)),
    ),
    ours: over(OURS),
  };
});

const block = fc
  .tuple(
    fc.constantFrom(
      (e: string) => `{{ ${e} }}`,
      (e: string) => `{% set v = ${e} %}{{ v }}`,
      (e: string) => `{% set v %}{{ ${e} }}{% endset %}{{ v }}`,
      (e: string) => `{% for m in messages %}{{ m.role ~ ${e} }}{% endfor %}`,
      (e: string) =>
        `{% set ns = namespace(t='') %}{% for m in messages %}{% set ns.t = ns.t + ${e} %}{% endfor %}{{ ns.t }}`,
      (e: string) => `{% for k, v in messages[1].info.items() %}{{ k ~ v }}{% endfor %}{{ ${e} }}`,
      (e: string) => `{% call wrap() %}{{ ${e} }}{% endcall %}`,
      (e: string) => `{% filter lower %}{{ ${e} }}{% endfilter %}`,
    ),
    expression,
  )
  .map(([f, e]) => f(e));

const MACROS =
  '{% macro same(x) %}{{ x }}{% endmacro %}{% macro twice(x, y) %}{{ x }}{{ y }}{% endmacro %}{% macro wrap() %}{{ caller() }}{% endmacro %}';
/** Makes the template one that hands over a special token, which it never writes. */
const UNUSED = "{% set unused = {'a': '<|im_end|>'} | tojson %}";

const data = fc
  .array(
    fc.constantFrom(
      '<|im_end|>',
      '<|im_start|>',
      '<|IM_END|>',
      '<|im#_end|>',
      'X',
      '#',
      '<|im_',
      'end|>',
      ' ',
      '\n',
      'é',
    ),
    { maxLength: 4 },
  )
  .map((words) => words.join(''));

const given = fc
  .tuple(data, data, data, data, data, data, data)
  .map(([a, b, role, name, key, tool, note]) => ({
    messages: [
      { role: `u${role}`, content: a },
      { role: 'assistant', content: b, name, info: { [`k${key}`]: name } },
    ] satisfies ChatMessage[],
    tools: [{ name: tool }],
    variables: { note },
  }));

/** A rendering without us; `undefined` where it refuses. */
function bare(template: string, variables: Readonly<Record<string, unknown>>): string | undefined {
  try {
    return new Template(template).render(variables);
  } catch {
    return undefined;
  }
}

it('never takes what is given for a special token, and writes what the bare runtime writes (property)', () => {
  let compared = 0;
  fc.assert(
    fc.property(block, given, fc.boolean(), (body, { messages, tools, variables }, handsOver) => {
      const template = MACROS + (handsOver ? UNUSED : '') + body;
      const expected = bare(template, { messages, tools, ...variables, add_generation_prompt: true });
      // What it refuses we may refuse.
      if (expected === undefined) return;
      const chat = createChat(tokenizer, { template });
      const text = chat.text(messages, { tools, variables });
      expect(text).toBe(expected);
      compared += 1;
      let ids: Int32Array;
      try {
        ids = chat.prompt(messages, { tools, variables });
      } catch (error) {
        expect([handsOver, (error as Error).message]).toEqual([
          true,
          expect.stringContaining('must not spell'),
        ]);
        return;
      }
      expect(ids.filter((id) => SPECIAL.has(id))).toHaveLength(0);
      expect(tokenizer.decode(ids)).toBe(text);
    }),
    { numRuns: 2000 },
  );
  expect(compared).toBeGreaterThan(1000);
});
