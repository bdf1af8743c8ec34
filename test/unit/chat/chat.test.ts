import { type ChatMessage, createChat } from 'isotinker/chat';
import { describe, expect, it } from 'vitest';
import { realTokenizer, text } from './real-tokenizers.ts';
import { PLAIN, smallTokenizer, TURNS, turnsTokenizer } from './small-tokenizer.ts';

const USER: ChatMessage = { role: 'user', content: 'hi' };
const say = (content: string): ChatMessage => ({ role: 'assistant', content });
const chat = createChat(turnsTokenizer());
const qwen = createChat(realTokenizer('qwen3'));

describe('createChat', () => {
  it('needs a template', () => {
    expect(() => createChat(smallTokenizer())).toThrow('"template" must be a chat template, got undefined');
    expect(() => createChat(smallTokenizer(), { template: '{% if %}' })).toThrow(
      '"template" cannot be parsed: ',
    );
  });

  it('takes a template and variables of its own before those of the tokenizer', () => {
    const own = createChat(turnsTokenizer(), {
      template: '{{ eos_token }}{{ word }}',
      variables: { eos_token: '<|im_end|>', word: 'w' },
    });
    expect(own.text([USER])).toBe('<|im_end|>w');
    expect([...own.prompt([USER])]).toEqual([301, 119]);
    expect(own.text([USER], { variables: { word: 'v' } })).toBe('<|im_end|>v');
  });

  it('says what the date is', () => {
    const template = "{{ strftime_now('%d %B %Y, %H:%M') }}";
    const own = createChat(smallTokenizer(), { template, now: () => Date.UTC(2024, 1, 29, 23, 5) });
    expect(own.text([USER])).toBe('29 February 2024, 23:05');
    expect(createChat(smallTokenizer(), { template }).text([USER])).toMatch(
      /^\d\d [A-Z][a-z]+ \d{4}, \d\d:\d\d$/,
    );
  });

  it('names tokenizer, template and variables', () => {
    const { fingerprint } = chat;
    expect(fingerprint).toMatch(/^[0-9a-f]{32}$/);
    expect(createChat(turnsTokenizer()).fingerprint).toBe(fingerprint);
    expect(createChat({ ...turnsTokenizer(), fingerprint: '1' }).fingerprint).not.toBe(fingerprint);
    expect(createChat(turnsTokenizer(), { template: `${TURNS}x` }).fingerprint).not.toBe(fingerprint);
    expect(createChat(turnsTokenizer(), { variables: { a: 1 } }).fingerprint).not.toBe(fingerprint);
  });

  it('passes on what the template refuses', () => {
    const own = createChat(smallTokenizer(), { template: '{{ raise_exception(\'no "roles"\') }}' });
    expect(() => own.prompt([USER])).toThrow(
      '"messages" cannot be written: the template says "no \\"roles\\""',
    );
    const broken = createChat(smallTokenizer(), { template: '{{ nothing.at.all() }}' });
    expect(() => broken.prompt([USER])).toThrow('"messages" cannot be written: the template says ');
    const list = createChat(smallTokenizer(), { template: '{{ messages }}' });
    expect(() => list.prompt([USER])).toThrow('it writes a list where text belongs');
  });

  it.each([
    [undefined, '"messages" must be an array of at least 1 messages, got undefined'],
    [[], '"messages" must be an array of at least 1 messages, got an array of 0'],
    [[USER, 5], '"messages[1]" must be a message, got 5'],
    [[USER, { content: 'x' }], '"messages[1].role" must be a non-empty string, got undefined'],
    [[{ role: 7, content: 'x' }], '"messages[0].role" must be a non-empty string, got 7'],
    [[{ role: 'user' }], '"messages[0].content" is missing: must be a string or text parts, got undefined'],
    [
      [{ role: 'user', content: null }],
      '"messages[0].content" is missing: must be a string or text parts, got null',
    ],
    [[{ role: 'assistant', tool_calls: [] }], '"messages[0].content" is missing'],
    [
      [{ role: 'assistant', content: 'x', tool_calls: 'f' }],
      '"messages[0].tool_calls" must be an array, got "f"',
    ],
    [
      [{ role: 'user', content: 4 }],
      '"messages[0].content" must be a string or an array of text parts, got 4',
    ],
    [[{ role: 'user', content: ['x'] }], '"messages[0].content[0]" must be a text part, got "x"'],
    [
      [{ role: 'user', content: [{ type: 'text', text: 'x' }, { type: 'image_url' }] }],
      '"messages[0].content[1].type" must be "text", got "image_url"',
    ],
    [
      [{ role: 'user', content: [{ type: 'text' }] }],
      '"messages[0].content[0].text" must be a string, got undefined',
    ],
    [
      [{ role: 'user', content: 'x', reasoning_content: 1 }],
      '"messages[0].reasoning_content" must be a string, got 1',
    ],
    [[{ role: 'user', content: 'x', weight: 'a' }], '"messages[0].weight" must be a finite number, got "a"'],
  ])('refuses %j', (messages, message) => {
    expect(() => chat.prompt(messages as never)).toThrow(message);
  });

  it('takes content in parts where the template does', () => {
    const template =
      '{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endfor %}';
    const own = createChat(smallTokenizer(), { template });
    const content = [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ] as const;
    expect(own.text([{ role: 'user', content }])).toBe('ab');
    expect(() => chat.text([{ role: 'user', content }])).toThrow('cannot add a string and a list');
  });

  it('takes calls without words, and any role the template takes', () => {
    const calls = [
      { type: 'function' as const, function: { name: 'f', arguments: { a: 1.5, b: [true, null] } } },
    ];
    const written = qwen.text([USER, { role: 'assistant', content: '', tool_calls: calls }, USER]);
    expect(written).toContain('{"name": "f", "arguments": {"a": 1.5, "b": [true, null]}}');
    expect(chat.text([{ role: 'critic', content: 'x' }])).toContain('<|im_start|>critic\nx');
  });

  it('does not show weights to the template', () => {
    const own = createChat(smallTokenizer(), { template: '{{ messages[0] | tojson }}' });
    expect(own.text([{ ...USER, weight: 0 }])).toBe('{"role": "user", "content": "hi"}');
  });
});

describe('prompt', () => {
  it('ends where the model is to answer', () => {
    expect(qwen.text([USER])).toBe('<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n');
    expect(qwen.text([USER], { variables: { enable_thinking: false } })).toBe(
      '<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n',
    );
  });

  it('goes on with an answer', () => {
    expect(chat.text([USER, say('Well, ')], { continueLast: true })).toBe(
      '<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nWell, ',
    );
    const ids = chat.prompt([USER, say('Well, ')], { continueLast: true });
    expect(turnsTokenizer().decode(ids)).toBe(chat.text([USER, say('Well, ')], { continueLast: true }));
    // Not the same words in what was said before, or in a header.
    expect(chat.text([{ role: 'user', content: 'assistant' }, say('s')], { continueLast: true })).toMatch(
      /assistant\ns$/,
    );
    // Nor in what the template writes behind it.
    const done = createChat(smallTokenizer(), {
      template: "{% for m in messages %}{{ m.role + ': ' + m.content + ' done\\n' }}{% endfor %}",
    });
    expect(done.text([USER, say('on')], { continueLast: true })).toBe('user: hi done\nassistant: on');
    expect(() => chat.text([USER, say(' ')], { continueLast: true })).toThrow(
      '"messages[1].content" is not what the template writes: it cannot be continued',
    );
  });

  it('cuts tokens where an answer begins, as a prompt does', () => {
    // Two line breaks are one token of this tokenizer.
    const ids = chat.encode([USER, say('\nx')]).ids;
    const prompt = chat.prompt([USER]);
    expect([...ids.slice(0, prompt.length)]).toEqual([...prompt]);
    expect([...ids.slice(prompt.length)]).toEqual([10, 120, 301, 10]);
    // Elsewhere it does not.
    expect([...chat.encode([{ role: 'user', content: '\nx' }, say('y')]).ids]).toContain(256);
  });
});

describe('stop', () => {
  it.each([
    ['chatml', ['<|im_end|>']],
    ['llama3-headers', ['<|eot_id|>']],
    ['mistral-inst', ['</s>']],
    ['gemma-turns', ['<end_of_turn>']],
    ['harmony-channels', ['<|return|>', '<|call|>']],
  ])('is what ends a turn in %s', (file, expected) => {
    const special = [
      '<|im_start|>',
      '<|im_end|>',
      '<|begin_of_text|>',
      '<|start_header_id|>',
      '<|end_header_id|>',
      '<|eot_id|>',
      '<s>',
      '</s>',
      '[INST]',
      '[/INST]',
      '[TOOL_CALLS]',
      '<bos>',
      '<start_of_turn>',
      '<end_of_turn>',
      '<|start|>',
      '<|end|>',
      '<|message|>',
      '<|channel|>',
      '<|return|>',
      '<|call|>',
    ];
    const tokenizer = smallTokenizer({ special });
    const template = text(`test/golden/chat/templates/${file}.jinja`);
    const variables = { bos_token: '<s>', eos_token: expected[0] };
    const { stop } = createChat(tokenizer, { template, variables });
    expect([...stop].map((id) => tokenizer.addedTokens.find((token) => token.id === id)?.text)).toEqual(
      expected,
    );
  });

  it('has the end of text too', () => {
    expect(chat.stop).toEqual([301, 302]);
    expect(createChat(realTokenizer('deepseek_v3')).stop).toEqual([1]);
    expect(qwen.stop).toEqual([151645]);
  });

  it('is a text where no token ends a turn, and nothing where nothing does', () => {
    expect(createChat(smallTokenizer(), { template: PLAIN }).stop).toEqual(['\n\n']);
    expect(
      createChat(smallTokenizer(), { template: '{% for m in messages %}{{ m.content }}{% endfor %}' }).stop,
    ).toEqual([]);
  });

  it('is the first of several tokens behind what is said', () => {
    const template = "{% for m in messages %}{{ m.content + '<|im_end|><|endoftext|>' }}{% endfor %}";
    const own = createChat(smallTokenizer({ special: ['<|im_end|>', '<|endoftext|>'] }), { template });
    expect(own.stop).toEqual([300]);
  });

  it('is the token even where it is not special', () => {
    const template =
      "{% for m in messages %}{{ m.role + ':' + m.content + '</turn>' }}{% endfor %}{{ 'assistant:' if add_generation_prompt }}";
    expect(createChat(smallTokenizer({ ordinary: ['</turn>'] }), { template }).stop).toEqual([300]);
  });
});

describe('growsByExtension', () => {
  it.each([
    [TURNS, true],
    [PLAIN, true],
    // Earlier answers lose what they began with.
    [
      "{% for m in messages %}{{ m.role + ':' }}{{ 'new ' if loop.last and m.role == 'assistant' }}{{ m.content }}<|im_end|>{% endfor %}{{ 'assistant:' if add_generation_prompt }}",
      false,
    ],
    // Only thoughts are left out.
    [
      "{% for m in messages %}{{ m.role + ':' }}{{ m.reasoning_content if loop.last }}{{ m.content }}<|im_end|>{% endfor %}{{ 'assistant:' if add_generation_prompt }}",
      false,
    ],
    // The prompt has what the answer does not.
    [
      "{% for m in messages %}{{ m.role + ':' + m.content }}<|im_end|>{% endfor %}{{ 'assistant: ' if add_generation_prompt }}",
      false,
    ],
  ])('tells of %s: %s', (template, expected) => {
    expect(createChat(turnsTokenizer(), { template }).growsByExtension).toBe(expected);
  });

  it('is not what Qwen3 does', () => {
    expect(qwen.growsByExtension).toBe(false);
  });
});
