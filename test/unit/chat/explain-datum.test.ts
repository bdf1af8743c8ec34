import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExplainOptions, explain } from '../../../src/chat/explain/explain.ts';
import { rlDatum } from '../../../src/chat/rl/rl-datum.ts';
import { isTinkerError } from '../../../src/index.ts';
import { toyTokenizer } from '../../support/toy-tokenizer.ts';

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

const tokenizer = toyTokenizer(
  [
    'user',
    'assistant',
    'What',
    ' is',
    ' this',
    '<b>',
    ' &',
    ' "it"',
    'A',
    ' fox',
    'שועל',
    '.\n\n',
    '東京',
    'x\ny',
    [0x20, 0xf0, 0x9f],
  ],
  [{ text: '<|start|>' }, { text: '<|end|>' }],
);
const encode = (text: string): number[] => [...tokenizer.encode(text, { addedTokens: 'all' })];

const asked = encode('<|start|>user\nWhat is this<b> & "it"');
const image = { type: 'image', data: PNG, format: 'png', expectedTokens: 64 } as const;
const answer = encode('<|end|>\n<|start|>assistant\n');
const said = encode('A 🦊 fox, שועל.\n\n');

/** Two turns, an image, something good, something bad, and something of no advantage. */
const conversation = rlDatum({
  segments: [
    {
      tokens: {
        chunks: [{ type: 'encoded_text', tokens: asked }, image, { type: 'encoded_text', tokens: answer }],
      },
    },
    { tokens: said, logprobs: said.map((_, i) => -i / 8), advantage: 1.5 },
    { tokens: encode('<|end|>\n') },
    { tokens: encode('x\ny東京<|end|>'), logprobs: [-1, -2, -3], advantage: [-0.25, -0.75, 0] },
  ],
});

/** Tokens with weights: the thirds of the largest are as bright as each other. */
const tokens = encode('<|start|>user\nWhat is<|end|>\n<|start|>assistant\nA fox.\n\n<|end|>');
const weights = tokens.map((_, i) => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0.5, 0.1, 1][i] ?? 0);

// Written down one by one: `vitest -u` cannot change what is right.
describe('explain, as text', () => {
  it('shows tokens that have weights', () => {
    expect(explain({ tokens, weights }, { tokenizer })).toBe(
      [
        '      <|start|>│user│⏎',
        '      What│␣is│<|end|>│⏎',
        '      <|start|>│assistant│⏎',
        '  1 ▸ A',
        '0.5 ▸ ␣fox',
        '0.1 ▸ .⏎⏎',
        '  1 ▸ <|end|>',
        '',
        '14 tokens, 4 trained, sum of weights 2.6',
      ].join('\n'),
    );
  });

  it('shows a datum: each token with the weight of the position before it', () => {
    const datum = {
      modelInput: tokens.slice(0, -1),
      lossFnInputs: { target_tokens: tokens.slice(1), weights: weights.slice(1) },
    };
    expect(explain(datum, { tokenizer })).toBe(explain({ tokens, weights }, { tokenizer }));
    expect(explain({ ids: tokens, weights }, { tokenizer })).toBe(explain(datum, { tokenizer }));
    const bare = { modelInput: encode('A'), lossFnInputs: { target_tokens: encode('\n') } };
    expect(explain(bare, { tokenizer })).toBe('    A\n1 ▸ ⏎\n\n2 tokens, 1 trained, sum of weights 1');
  });

  it('shows advantages and log-probabilities', () => {
    expect(explain(conversation, { tokenizer, width: 72 })).toBe(
      [
        '        <|start|>│user│⏎',
        '        What│␣is│␣this│<b>│␣&│␣"it"│[image: 64 positions]│<|end|>│⏎',
        '        <|start|>│assistant│⏎',
        '  1.5 ▸ A⟨0⟩│␣\\xf0\\x9f⟨-0.125⟩│\\xa6⟨-0.25⟩│\\x8a⟨-0.375⟩│␣fox⟨-0.5⟩',
        '  1.5 ▸ ,⟨-0.625⟩│␣⟨-0.75⟩│שועל⟨-0.875⟩│.⏎⏎⟨-1⟩',
        '        <|end|>│⏎',
        '-0.25 ▸ x⏎',
        '-0.25 ▸ ↳y⟨-1⟩',
        '-0.75 ▸ 東京⟨-2⟩',
        '        <|end|>⟨-3⟩',
        '',
        '28 tokens, 11 trained, sum of advantages 12.5, mean log-probability -0.875, image of 64 positions',
      ].join('\n'),
    );
  });

  it('leaves log-probabilities out where that is asked for', () => {
    const lines = explain(conversation, { tokenizer, logprobs: false }).split('\n');
    expect(lines[3]).toBe('  1.5 ▸ A│␣\\xf0\\x9f│\\xa6│\\x8a│␣fox│,│␣│שועל│.⏎⏎');
    expect(lines.at(-1)).toContain('mean log-probability');
  });

  it('tells targets that are not the token that comes', () => {
    const [start = 0, ...rest] = encode('<|start|>A fox\n');
    const input = [start, ...rest.slice(0, -1)];
    const changed = {
      modelInput: input,
      lossFnInputs: { target_tokens: [...rest.slice(0, -2), ...encode('\n.')] },
    };
    expect(explain(changed, { tokenizer })).toBe(
      [
        '    <|start|>',
        '1 ▸ A│␣fox≠⏎│.',
        '',
        '4 tokens, 3 trained, sum of weights 3, 1 target not the token that comes, first at index 2',
      ].join('\n'),
    );
    const unshifted = { modelInput: input, lossFnInputs: { target_tokens: input } };
    expect(explain(unshifted, { tokenizer })).toContain(
      '2 targets not the token that comes, first at index 1 (the targets are not shifted)',
    );
    const newLine = { modelInput: encode('A\n'), lossFnInputs: { target_tokens: encode('\n.').reverse() } };
    expect(explain(newLine, { tokenizer })).toContain('1 ▸ ⏎≠.\n1 ▸ ⏎\n');
  });

  it('shows several targets a position', () => {
    const rows = {
      target_tokens: [encode('Ax'), encode('xy')],
      weights: [
        [0.5, 0.5],
        [0.25, 0],
      ],
    };
    expect(explain({ modelInput: encode('xA'), lossFnInputs: rows }, { tokenizer })).toBe(
      [
        '       x',
        '   1 ▸ A',
        '0.25 ▸ [last targets: 1 position]',
        '',
        '2 tokens, 2 trained, sum of weights 1.25, up to 2 targets each',
      ].join('\n'),
    );
  });

  it('shows audio, and one of each', () => {
    const dmel = Uint8Array.of(4, 2, 1, 80);
    const input = {
      chunks: [
        { type: 'dmel', dmel },
        { type: 'encoded_text', tokens: encode('A') },
      ],
    } as const;
    expect(explain({ tokens: input, weights: [0, 1] }, { tokenizer })).toBe(
      '    [audio: 1 position]\n1 ▸ A\n\n1 token, 1 trained, sum of weights 1, audio of 1 position',
    );
  });

  it('keeps lines within the width, as far as tokens can be parted', () => {
    const word = fc.constantFrom('A', ' fox', '東京', 'שועל', '<|end|>', '\n', 'x\ny', '🦊', '\u00a0');
    const row = fc.record({ word, weight: fc.constantFrom(0, 1, -0.5) });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 20, max: 60 }),
        (rows, width) => {
          const pieces = rows.flatMap((one) => encode(one.word).map((id) => ({ id, weight: one.weight })));
          const what = { tokens: pieces.map(({ id }) => id), weights: pieces.map(({ weight }) => weight) };
          const lines = explain(what, { tokenizer, width }).split('\n').slice(0, -2);
          for (const line of lines) {
            const columns = line.length + (line.match(/[東京]/g)?.length ?? 0);
            expect(columns).toBeLessThanOrEqual(width);
          }
          // Nothing is lost: without what was put between, it is the text.
          const whole = lines
            .map((line) => line.replace(/^[-0-9. ]*(▸ | {3})?/, '').replaceAll(/[│↳]/g, ''))
            .join('');
          const wide = explain(what, { tokenizer, width: 100_000 }).split('\n').slice(0, -2);
          expect(whole).toBe(
            wide.map((line) => line.replace(/^[-0-9. ]*(▸ | {3})?/, '').replaceAll(/[│↳]/g, '')).join(''),
          );
        },
      ),
    );
  });
});

describe('explain, for a terminal', () => {
  it('colours by the value, and is the text without its codes', async () => {
    for (const what of [{ tokens, weights }, conversation]) {
      const coloured = explain(what, { tokenizer, format: 'ansi' });
      const plain = coloured.replaceAll('\u001b', '␛').replaceAll(/␛\[[0-9;]*m/g, '');
      expect(plain).toBe(explain(what, { tokenizer }));
    }
    const shown = [{ tokens, weights }, conversation].map((what) =>
      explain(what, { tokenizer, format: 'ansi' }),
    );
    const golden = `${shown.join('\n\n').replaceAll('\u001b', '␛')}\n`;
    await expect(golden).toMatchFileSnapshot('../../golden/chat/explain.ansi.txt');
  });

  it('has no code of its own from a token', () => {
    const what = {
      tokens: encode('\u001b[31mred\u009b31m'),
      weights: new Float32Array(encode('\u001b[31mred\u009b31m').length),
    };
    expect(explain(what, { tokenizer, format: 'text' })).not.toMatch(/\p{Cc}(?<!\n)/u);
  });

  it('is green or red, faint, plain or bold, and takes back each code', () => {
    const values = [0.2, 0.5, 0.9, -0.2, -0.5, -1];
    const shown = explain({ tokens: encode('AAAAAA'), weights: values }, { tokenizer, format: 'ansi' });
    const codes = shown
      .split('\n')
      .slice(0, 6)
      .map((line) => /␛\[([0-9;]*)mA␛\[0m$/.exec(line.replaceAll('\u001b', '␛'))?.[1]);
    expect(codes).toEqual(['2;32', '32', '1;32', '2;31', '31', '1;31']);
    const special = explain(
      { tokens: encode('<|start|><|end|>'), weights: [0, 1] },
      { tokenizer, format: 'ansi' },
    );
    expect(special).toContain('\u001b[35m<|start|>\u001b[0m');
    expect(special).toContain('\u001b[1;4;32m<|end|>\u001b[0m');
  });
});

/** The text of HTML, checked to be of the few forms that it may have. */
function readHtml(html: string): {
  readonly texts: string[];
  readonly titles: string[];
  readonly text: string;
} {
  const texts: string[] = [];
  const titles: string[] = [];
  const unescaped = (text: string): string =>
    text
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&');
  const open: string[] = [];
  let rest = html;
  while (rest !== '') {
    const tag = /^<(?:(\/)(div|span|small)|(br)|(div|span|small)((?: (?:title|style)="[^"<>]*")+))>/.exec(
      rest,
    );
    if (tag === null) {
      const plain = /^[^<>"']+/.exec(rest)?.[0];
      if (plain === undefined) throw new Error(`neither tag nor text: ${rest.slice(0, 60)}`);
      if (/&(?!(lt|gt|quot|#39|amp);)/.test(plain)) throw new Error(`a bare & in ${plain}`);
      texts.push(unescaped(plain));
      rest = rest.slice(plain.length);
      continue;
    }
    const [whole, closes, closed, , opened, attributes = ''] = tag;
    if (closes !== undefined) expect(open.pop()).toBe(closed);
    else if (opened !== undefined) open.push(opened);
    const title = / title="([^"]*)"/.exec(attributes)?.[1];
    if (title !== undefined) titles.push(unescaped(title));
    rest = rest.slice(whole.length);
  }
  expect(open).toEqual([]);
  return { texts, titles, text: texts.join('') };
}

describe('explain, as HTML', () => {
  it('shows it all', async () => {
    const html = [{ tokens, weights }, conversation].map((what) =>
      explain(what, { tokenizer, format: 'html' }),
    );
    await expect(`${html.join('\n')}\n`.replaceAll('<span', '\n<span')).toMatchFileSnapshot(
      '../../golden/chat/explain.html',
    );
    const { text, titles } = readHtml(html[1] ?? '');
    expect(text).toContain('␣this<b>␣&␣"it"[image: 64 positions]<|end|>');
    expect(titles).toContain('index 9 · image of 64 positions · advantage 0');
    expect(titles[0]).toBe(`index 0 · id ${encode('<|start|>')[0]} · not predicted`);
    expect(titles.at(-1)).toBe(`index 91 · id ${encode('<|end|>')[0]} · advantage 0 · log-probability -3`);
  });

  it('is of nothing but its own tags, whatever the tokens are', () => {
    const word = fc.oneof(
      fc.constantFrom(
        '<script>',
        '</span>',
        '"><img src=x onerror=alert(1)>',
        "'",
        '&lt;',
        '&',
        '<!--',
        ']]>',
        '\n',
        '<br>',
      ),
      fc
        .array(fc.integer({ min: 0, max: 0x10ffff }), { minLength: 1, maxLength: 8 })
        .map((codes) => codes.map((code) => String.fromCodePoint(code)).join('')),
    );
    const row = fc.record({ word, weight: fc.constantFrom(0, 1, -0.5) });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), fc.boolean(), (rows, areAdded) => {
        const words = [...new Set(rows.map((one) => one.word))];
        const toy = areAdded
          ? toyTokenizer(
              [],
              words.map((text) => ({ text })),
            )
          : toyTokenizer(words);
        const ids = rows.map((one) => 256 + words.indexOf(one.word));
        const weights = rows.map(({ weight }) => weight);
        const html = explain({ tokens: ids, weights }, { tokenizer: toy, format: 'html' });
        const { text } = readHtml(html);
        const lines = explain(
          { tokens: ids, weights: weights.map(() => 0) },
          { tokenizer: toy, width: 100_000 },
        );
        const plain = lines
          .split('\n')
          .slice(0, -2)
          .map((line) => line.slice(4));
        const same = (shown: string): string => shown.replaceAll(/[│↳]/g, '');
        expect(same(text)).toContain(same(plain.join('')));
        // Targets that differ stand in the title as well.
        const target = { modelInput: [...ids, 65], lossFnInputs: { target_tokens: [65, ...ids] } };
        readHtml(explain(target, { tokenizer: toy, format: 'html' }));
      }),
    );
  });

  it('keeps to a width that is given', () => {
    const narrow = explain({ tokens, weights }, { tokenizer, format: 'html', width: 40 });
    expect(narrow).toContain('max-width:40ch');
    expect(explain({ tokens, weights }, { tokenizer, format: 'html' })).not.toContain('max-width');
  });

  it('is green for more, red for less, the stronger the larger', () => {
    const html = explain({ tokens: encode('AAA'), weights: [0, 1, -0.5] }, { tokenizer, format: 'html' });
    const styles = [...html.matchAll(/<span title="[^"]*" style="([^"]*)"/g)].map(([, style = '']) => style);
    expect(styles[0]).not.toContain('background');
    expect(styles[1]).toContain('background:rgba(22,163,74,0.45);border-bottom:2px solid rgb(22,163,74)');
    expect(styles[2]).toMatch(
      /background:rgba\(220,38,38,0\.2[89]\);border-bottom:2px dashed rgb\(220,38,38\)/,
    );
  });
});

describe('explain without a tokenizer', () => {
  it('shows ids', () => {
    const datum = {
      modelInput: [1, 22],
      lossFnInputs: { target_tokens: [22, 151_645], weights: [0, 1] },
    };
    const expected = '    1│22\n1 ▸ 151645\n\n3 tokens, 1 trained, sum of weights 1';
    expect(explain(datum)).toBe(expected);
    expect(explain(datum, {})).toBe(expected);
    expect(explain(datum, { format: 'html' })).toContain('>151645</span>');
  });
});

describe('explain refuses', () => {
  const fine = { tokens: [65], weights: [1] };
  it.each([
    [
      'another format',
      fine,
      { tokenizer, format: 'pdf' },
      'format',
      'must be "text", "ansi" or "html", got "pdf"',
    ],
    ['too narrow a line', fine, { tokenizer, width: 19 }, 'width', '>= 20, got 19'],
    ['a broken width', fine, { tokenizer, width: 40.5 }, 'width', 'an integer'],
    ['what is no tokenizer', fine, { tokenizer: 'gpt2' }, 'tokenizer', 'must be a tokenizer, got "gpt2"'],
    ['what are no options', fine, null, 'options', 'must be an object'],
    ['logprobs that are no switch', fine, { tokenizer, logprobs: 1 }, 'logprobs', 'true or false'],
    ['nothing', undefined, { tokenizer }, 'datum', 'must be a datum, got undefined'],
    [
      'weights that do not fit',
      { tokens: [65], weights: [] },
      { tokenizer },
      'weights',
      'length of the input, 1, got 0',
    ],
  ])('%s', (_name, what, options, field, words) => {
    let caught: unknown;
    try {
      explain(what as typeof fine, options as ExplainOptions);
    } catch (error) {
      caught = error;
    }
    if (!isTinkerError(caught, 'input_invalid')) throw caught;
    expect(caught.field).toBe(field);
    expect(caught.message).toContain(words);
  });
});
