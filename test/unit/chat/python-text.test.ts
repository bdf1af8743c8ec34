import { describe, expect, it } from 'vitest';
import { pythonFloat, pythonInteger, strftime, stripBounds } from '../../../src/chat/jinja/python-text.ts';
import { createRenderer } from '../../../src/chat/jinja/render.ts';
import { parseTemplate } from '../../../src/chat/jinja/template.ts';

/** What a template writes, given some variables. */
const write = (template: string, variables: Record<string, unknown> = {}): string =>
  createRenderer({ template: parseTemplate(template), variables, now: () => 0 })([], {}, false).text;

describe('texts as Python has them', () => {
  it.each([
    ['\x1c\x85\u2003x\u3000', 'both', undefined, 'x'],
    // A byte order mark is no white space in Python, as it is here.
    ['\ufeffx', 'both', undefined, '\ufeffx'],
    [' x ', 'left', undefined, 'x '],
    [' x ', 'right', undefined, ' x'],
    ['\n x \n', 'both', '\n', ' x '],
    ['abcab', 'both', 'ab', 'c'],
    ['😀x😀', 'both', '😀', 'x'],
    ['😀x😃', 'right', '😃', '😀x'],
    // Half of a pair is not the whole of it.
    ['😀', 'right', '\ude00', '😀'],
    ['   ', 'both', undefined, ''],
  ] as const)('%j without its ends (%s, %j)', (text, side, characters, expected) => {
    expect(text.slice(...stripBounds(text, side, characters))).toBe(expected);
  });

  it.each([
    [1.5, '1.5'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1.25e-7, '1.25e-07'],
    [123456789012345.6, '123456789012345.6'],
    [1e16, '1e+16'],
    [1.5e300, '1.5e+300'],
    [3, '3.0'],
    [-0, '-0.0'],
    [Number.NaN, 'nan'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
  ])('the float %s', (value, expected) => {
    expect(pythonFloat(value)).toBe(expected);
  });

  it('whole numbers in full', () => {
    expect(pythonInteger(12)).toBe('12');
    expect(pythonInteger(1e21)).toBe('1000000000000000000000');
  });

  it('a date', () => {
    const date = new Date(Date.UTC(2023, 0, 4, 0, 7, 9, 5));
    expect(strftime(date, '%Y-%m-%d %H:%M:%S.%f %I%p %y %b %A %a %-d %-m %%')).toBe(
      '2023-01-04 00:07:09.005000 12AM 23 Jan Wednesday Wed 4 1 %',
    );
    expect(strftime(new Date(Date.UTC(2023, 0, 4, 13)), '%I%p')).toBe('01PM');
    expect(() => strftime(date, '%j')).toThrow('"template" asks for the date as %j, which is not known here');
  });

  it.each([
    [
      '{{ v | tojson }}',
      { b: [1, 0.00001, null, true], a: { c: 'é"\n' } },
      '{"b": [1, 1e-05, null, true], "a": {"c": "é\\"\\n"}}',
    ],
    [
      '{{ v | tojson(sort_keys=true) }}',
      { b: 1, a: 2, '\u{10000}': 3, '\uffff': 4 },
      '{"a": 2, "b": 1, "\uffff": 4, "\u{10000}": 3}',
    ],
    ['{{ v | tojson(ensure_ascii=true) }}', { é: '😀\x7f' }, '{"\\u00e9": "\\ud83d\\ude00\\u007f"}'],
    ['{{ v | tojson(indent=2) }}', { a: [1, {}], b: [] }, '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}'],
    ['{{ v | tojson(separators=(",", ":")) }}', { a: [1, 2] }, '{"a":[1,2]}'],
    ['{{ v | tojson }}', 'a\ud800b \\ud800', '"a\ud800b \\\\ud800"'],
    ['{{ v | tojson }}', { a: undefined, b: 1 }, '{"b": 1}'],
    ['{{ v ~ none ~ nothing ~ true }}', 1.5, '1.5NoneTrue'],
    ['{{ v | string }}{{ none }}', true, 'TrueNone'],
    ['{{ v | length }}{{ nothing | length }}', '👍é', '20'],
    [
      '{{ v.title() }} {{ v | title }} {{ v.capitalize() }} {{ v | capitalize }}',
      "o'NEIL x",
      "O'Neil X O'neil X O'neil x O'neil x",
    ],
    [
      "{{ v == none }}{{ v == false }}{{ '' == 0 }}{{ '1' == 1 }}{{ 1 == 1.0 }}{{ true == 1 }}",
      '',
      'FalseFalseFalseFalseTrueTrue',
    ],
    [
      '{{ nothing == none }}{{ none == none }}{{ v == [1, {"a": 2}] }}{{ v != [1] }}',
      [1, { a: 2 }],
      'FalseTrueTrueTrue',
    ],
    ["{% for x in v %}{% set y = (y | default('')) + x %}{{ y }}{% endfor %}", ['a', 'b'], 'ab'],
    [
      '{% for x in v %}{{ x }}{% if x == 2 %}!{% break %}{% endif %},{% else %}none{% endfor %}',
      [1, 2, 3],
      '1,2!',
    ],
    ['{% for x in v %}{{ x }}{% if x == 2 %}{% continue %}{% endif %},{% endfor %}', [1, 2, 3], '1,23,'],
    [
      '{% for x in v if x > 1 %}{{ loop.index }}{{ loop.last }}{{ loop.revindex0 }}{% endfor %}',
      [1, 2, 3],
      '1False12True0',
    ],
    [
      '{% for k in v %}{{ k }}{% for a, b in v.items() %}{{ a }}{{ b }}{{ loop.depth }}{% endfor %}{{ loop.depth0 }}{% endfor %}',
      { x: 1 },
      'xx120',
    ],
    ['{% for x in nothing %}{% else %}none{% endfor %}', [], 'none'],
    [
      '{% for x in v %}{% if not loop.first %}{{ loop.previtem }}{% endif %}{{ loop.nextitem }}|{% endfor %}',
      ['a', 'b'],
      'b|a|',
    ],
    [
      '{% for i in range(3) %}{{ i }}{% endfor %}{% for i in range(5, 0, -2) %}{{ i }}{% endfor %}',
      0,
      '012531',
    ],
    ["{{ ','.join(v) }}{{ v | join('-') }}{{ v | join }}", ['a', 'b'], 'a,ba-bab'],
    [
      "{% macro f(a, b='x') %}{{ a }}{{ b }}{{ varargs | length }}{{ kwargs.c }}{% endmacro %}{{ f('1', '2', '3', c='4') }}",
      0,
      '1214',
    ],
    ['{% macro f() %}%Y{% endmacro %}{{ strftime_now(f()) }}', 0, '1970'],
    ['a\n  {% if true %}b{% endif %}\n c', 0, 'a\nb c'],
    ["{{ false or 'x' }}{{ 'y' and 'z' }}{{ '' and 'q' }}", 0, 'xz'],
  ])('%s', (template, v, expected) => {
    expect(write(template, { v })).toBe(expected);
  });

  it.each([
    ["{{ 'a' + 1 }}", 'cannot add a string and a integer'],
    ["{{ none + 'a' }}", 'cannot add none and a string'],
    ["{{ 'a' + nothing }}", 'cannot add a string and what is not defined'],
    ['{{ {} }}', 'it writes an object where text belongs'],
    ['{{ range }}', 'it writes a function where text belongs'],
    ["{% for x in 'abc' %}{% endfor %}", 'it loops over a string'],
    ['{% for a, b in [[1]] %}{% endfor %}', 'it unpacks a list of 1 into 2 names'],
    ['{{ [] | first }}', 'it takes an entry of an empty list'],
    ["{{ 5 | join(',') }}", 'it joins what is no list'],
    ['{{ 5 | capitalize }}', 'it expects a string and gets a integer'],
    ['{{ none | length }}', 'none has no length'],
    ['{{ [range] | tojson }}', 'it writes a function as JSON'],
  ])('refuses %s', (template, message) => {
    expect(() => write(template)).toThrow(`"messages" cannot be written: the template says ${message}`);
  });
});
