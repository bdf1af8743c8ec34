import fc from 'fast-check';
import { type ChatMessage, createChat, type SupervisedOptions, type TrainOn } from 'isotinker/chat';
import { describe, expect, it } from 'vitest';
import { realTokenizer } from './real-tokenizers.ts';
import { PLAIN, smallTokenizer, TURNS, turnsTokenizer } from './small-tokenizer.ts';

const tokenizer = turnsTokenizer();
const chat = createChat(tokenizer);
const qwenTokenizer = realTokenizer('qwen3');
const qwen = createChat(qwenTokenizer);
const MESSAGES: readonly ChatMessage[] = [
  { role: 'system', content: 'be' },
  { role: 'user', content: 'a' },
  { role: 'assistant', content: 'b' },
  { role: 'user', content: 'c' },
  { role: 'assistant', content: 'd\n\ne' },
];

/** What is trained on, run by run. */
function trained(
  of: typeof chat,
  messages: readonly ChatMessage[],
  options: SupervisedOptions = {},
  by = tokenizer,
) {
  const { modelInput, lossFnInputs } = of.supervisedDatum(messages, options);
  const { target_tokens: targets, weights } = lossFnInputs;
  expect(modelInput.length).toBe(targets.length);
  expect(weights.length).toBe(targets.length);
  expect([...modelInput.slice(1)]).toEqual([...targets.slice(0, -1)]);
  const runs: { text: string; weight: number }[] = [];
  let start = 0;
  for (let i = 0; i <= targets.length; i++) {
    if (i < targets.length && weights[i] === weights[start]) continue;
    if (weights[start] !== 0)
      runs.push({ text: by.decode(targets.slice(start, i)), weight: weights[start] ?? 0 });
    start = i;
  }
  return runs;
}

describe('supervisedDatum', () => {
  const end = '<|im_end|>';

  it.each<[TrainOn | undefined, string[]]>([
    [undefined, [`b${end}`, `d\n\ne${end}`]],
    ['assistant', [`b${end}`, `d\n\ne${end}`]],
    ['last', [`d\n\ne${end}`]],
    [(_, index) => index === 2, [`b${end}`]],
    [({ role }) => role === 'user', [`<|im_start|>user\na${end}\n`, `<|im_start|>user\nc${end}\n`]],
  ])('trains on %s', (trainOn, expected) => {
    expect(trained(chat, MESSAGES, { trainOn }).map(({ text }) => text)).toEqual(expected);
  });

  it('trains on all but the first token', () => {
    const [run] = trained(chat, MESSAGES, { trainOn: 'all' });
    expect(`<|im_start|>${run?.text}`).toBe(tokenizer.decode(chat.encode(MESSAGES).ids));
  });

  it('shifts targets by one', () => {
    const { ids, weights } = chat.encode(MESSAGES);
    const { modelInput, lossFnInputs } = chat.supervisedDatum(MESSAGES);
    expect([...modelInput]).toEqual([...ids.slice(0, -1)]);
    expect([...lossFnInputs.target_tokens]).toEqual([...ids.slice(1)]);
    expect([...lossFnInputs.weights]).toEqual([...weights.slice(1)]);
  });

  it('multiplies weights', () => {
    const messages = MESSAGES.map((message, i) => (i === 2 ? { ...message, weight: 0.5 } : message));
    expect(trained(chat, messages).map(({ weight }) => weight)).toEqual([0.5, 1]);
    expect(
      trained(chat, messages, { trainOn: (_, i) => (i === 2 ? 3 : false) }).map(({ weight }) => weight),
    ).toEqual([1.5]);
    const silent = MESSAGES.map((message, i) => (i === 4 ? { ...message, weight: 0 } : message));
    expect(trained(chat, silent).map(({ text }) => text)).toEqual([`b${end}`]);
    const all = trained(chat, silent, { trainOn: 'all' });
    expect(all.map(({ text }) => text).join('')).not.toContain('d\n\ne');
  });

  describe('where the prompt has another header than the turn', () => {
    const turns = (first: string, said: string, prompt: string): string =>
      `{% for m in messages %}${first}{{ '<|im_start|>' + m.role + '\\n' }}${said}{{ '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n${prompt}' }}{% endif %}`;
    const said = '{{ m.content }}';
    const answers = (template: string, content: string, before: ChatMessage[] = []): string[] =>
      trained(createChat(tokenizer, { template }), [
        ...before,
        { role: 'assistant', content },
        { role: 'user', content: 'q' },
      ]).map(({ text }) => text);

    it('does not train on what the template puts before an answer that comes first', () => {
      const system = "{% if loop.first %}{{ '<|im_start|>system\\nbe kind<|im_end|>\\n' }}{% endif %}";
      for (const content of ['yes', ''])
        expect(() => answers(turns(system, said, ''), content)).toThrow(
          '"messages[0]" cannot be told apart from the rest: what the template writes for messages[0] does not begin with its generation prompt',
        );
      expect(answers(turns(system, said, ''), 'yes', [{ role: 'user', content: 'q' }])).toEqual([
        `yes${end}`,
      ]);
    });

    it('trains on all of an answer that begins like what the prompt goes on with', () => {
      for (const prompt of ['<think>\\n', '<thought>\\n', 'So ', '- '])
        for (const content of ['yes', '<t>x', '<though', 'Some', 'So', '-', ''])
          expect([prompt, ...answers(turns('', said, prompt), content)]).toEqual([
            prompt,
            `${content}${end}`,
          ]);
    });

    it('does not train where the words in common are no header', () => {
      const template =
        "{% for m in messages %}{{ 'a ' if loop.first }}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}{{ 'assistant: ' if add_generation_prompt }}";
      expect(() => answers(template, 'yes')).toThrow('does not begin with its generation prompt');
    });

    it('trains on special tokens that are no part of a header, and takes a token that begins and ends turns', () => {
      const marked = turns('', `<|endoftext|>${said}`, 'So ');
      expect(answers(marked, 'yes')).toEqual([`<|endoftext|>yes${end}`]);
      const both = turns('', said, '- ').replaceAll('<|im_start|>', '<|im_end|>');
      expect(answers(both, 'yes')).toEqual([`yes${end}`]);
    });

    it('finds a header that is written before the turn', () => {
      const template =
        "{% for m in messages[:1] %}{{ m.content + '\\n' }}{% endfor %}{% if messages | length > 1 or add_generation_prompt %}{{ '<|im_start|>A:' }}{% endif %}{% for m in messages[1:] %}{{ m.content + '<|im_end|>' }}{% endfor %}";
      const of = createChat(tokenizer, { template });
      const messages: ChatMessage[] = [
        { role: 'user', content: 'q' },
        { role: 'assistant', content: 'yes' },
      ];
      expect(trained(of, messages).map(({ text }) => text)).toEqual([`yes${end}`]);
    });
  });

  it('leaves out the header that the prompt has, as each template writes it', () => {
    const thinking = { role: 'assistant', content: 'y', reasoning_content: 'z' };
    const of = (messages: readonly ChatMessage[], variables = {}): string[] =>
      trained(qwen, messages, { variables }, qwenTokenizer).map(({ text }) => text);
    const [, user, answer] = MESSAGES as [ChatMessage, ChatMessage, ChatMessage];
    expect(of([user, thinking])).toEqual(['<think>\nz\n</think>\n\ny<|im_end|>']);
    expect(of([user, thinking, user, answer])).toEqual(['y<|im_end|>', '<think>\n\n</think>\n\nb<|im_end|>']);
    // With thinking off the prompt has the empty thought; earlier answers have none.
    expect(of([user, answer, user, answer], { enable_thinking: false })).toEqual([
      'b<|im_end|>',
      'b<|im_end|>',
    ]);
    expect(of([answer, user])).toEqual(['b<|im_end|>']);
  });

  it('trains on calls of tools', () => {
    const messages: ChatMessage[] = [
      { role: 'user', content: 'a' },
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ type: 'function', function: { name: 'f', arguments: {} } }],
      },
      { role: 'tool', content: 'r' },
      { role: 'assistant', content: 'done' },
    ];
    const [call, answer] = trained(qwen, messages, {}, qwenTokenizer);
    expect(call?.text).toMatch(/<tool_call>\n\{"name": "f", "arguments": \{\}\}\n<\/tool_call><\|im_end\|>$/);
    expect(answer?.text).toMatch(/done<\|im_end\|>$/);
  });

  it('ends a turn with text where the template has no token for it', () => {
    const plain = createChat(smallTokenizer(), { template: PLAIN });
    expect(trained(plain, MESSAGES, {}, smallTokenizer()).map(({ text }) => text)).toEqual([
      'b\n\n',
      'd\n\ne\n\n',
    ]);
  });

  it('ends turns as the template does where they are, and cuts text there', () => {
    const template =
      "{% for m in messages %}{{ m.role + ':' + m.content + ('<|endoftext|>' if loop.last else '<|im_end|>') + '\\n' }}{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";
    const two = createChat(tokenizer, { template });
    expect(trained(two, MESSAGES).map(({ text }) => text)).toEqual(['b<|im_end|>', 'd\n\ne<|endoftext|>']);
    const plain = createChat(smallTokenizer(), { template: PLAIN });
    const { ids } = plain.encode([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b\n' },
    ]);
    expect([...ids.slice(-3)]).toEqual([98, 10, 256]);
  });

  it('stops at a bound', () => {
    const length = chat.encode(MESSAGES).ids.length;
    expect(chat.supervisedDatum(MESSAGES, { maxTokens: length }).modelInput.length).toBe(length - 1);
    expect(() => chat.supervisedDatum(MESSAGES, { maxTokens: length - 1 })).toThrow(
      `"messages" must have at most ${length - 1} tokens (maxTokens), got ${length}`,
    );
    const options = { maxTokens: 10 } as const;
    expect(trained(chat, MESSAGES, { ...options, truncate: 'start' }).map(({ text }) => text)).toEqual([
      `d\n\ne${end}`,
    ]);
    expect(() => chat.supervisedDatum(MESSAGES, { ...options, truncate: 'end' })).toThrow(
      `would train nothing: what is trained on is not within the 10 tokens that are kept of ${length}`,
    );
    expect(() => chat.supervisedDatum(MESSAGES, { truncate: 'middle' as never })).toThrow(
      '"truncate" must be "start" or "end", got "middle"',
    );
    expect(() => chat.supervisedDatum(MESSAGES, { maxTokens: 1 })).toThrow(
      '"maxTokens" must be an integer >= 2, got 1',
    );
  });

  it.each<[readonly ChatMessage[], SupervisedOptions, string]>([
    [
      [{ role: 'user', content: 'x' }],
      {},
      'would train nothing: no message that trainOn: "assistant" means has a weight',
    ],
    [MESSAGES, { trainOn: () => false }, 'would train nothing: trainOn gives no message a weight'],
    [
      MESSAGES,
      { trainOn: 'none' as never },
      '"trainOn" must be "assistant", "last", "all" or a function, got "none"',
    ],
    [MESSAGES, { trainOn: () => 'x' as never }, '"trainOn(messages[0], 0)" must be a finite number, got "x"'],
    [MESSAGES.map((message) => ({ ...message, weight: 0 })), {}, 'would train nothing'],
  ])('refuses to train nothing', (messages, options, message) => {
    expect(() => chat.supervisedDatum(messages, options)).toThrow(message);
  });

  it('says where it cannot tell messages apart', () => {
    const unlooped = createChat(tokenizer, {
      template: '{{ messages[0].content }}{{ messages[1].content }}',
    });
    const pair = MESSAGES.slice(1, 3);
    expect(() => unlooped.supervisedDatum(pair)).toThrow(
      '"messages[1]" cannot be told apart from the rest: the template does not write messages[1] in one turn of a loop over the messages. Train on all of it with trainOn: "all"',
    );
    expect(unlooped.supervisedDatum(pair, { trainOn: 'all' }).modelInput.length).toBe(1);
    expect(() => unlooped.supervisedDatum(pair, { trainOn: (_, i) => i === 0 })).toThrow(
      '"messages[0]" cannot be told apart from the rest',
    );
    const twice = createChat(tokenizer, { template: `${TURNS}${TURNS}` });
    expect(() => twice.supervisedDatum(pair)).toThrow('does not write messages[1] in one turn');
    const other = createChat(tokenizer, {
      template:
        "{% for m in messages %}{{ '<|im_start|>' + m.content + '<|im_end|>' }}{% endfor %}{{ '<|im_start|>x<|im_start|>' if add_generation_prompt }}",
    });
    expect(() => other.supervisedDatum(pair)).toThrow(
      'does not begin with its generation prompt, "<|im_start|>x<|im_start|>"',
    );
  });

  it('leaves out what the template writes behind a tool, whether or not it asks for an answer', () => {
    const template =
      "{% for m in messages %}{% if m.role == 'tool' %}{{ '<|im_start|>' + m.content }}{% elif loop.previtem and loop.previtem.role == 'tool' %}{{ '<|endoftext|>' + m.content + '<|im_end|>' }}{% else %}{{ m.role + ':' + m.content + '<|im_end|>' }}{% endif %}{% endfor %}{% if messages[-1].role == 'tool' %}<|endoftext|>{% elif add_generation_prompt %}assistant:{% endif %}";
    const after = createChat(tokenizer, { template });
    const messages: ChatMessage[] = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
      { role: 'tool', content: 'c' },
      { role: 'assistant', content: 'd' },
    ];
    expect(trained(after, messages).map(({ text }) => text)).toEqual([`b${end}`, `d${end}`]);
  });

  it('refuses a header of words that is not the one of the prompt', () => {
    const template =
      "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}{% if add_generation_prompt %}Answer: {% endif %}";
    const other = createChat(smallTokenizer(), { template });
    expect(() => other.supervisedDatum(MESSAGES)).toThrow(
      'does not begin with its generation prompt, "Answer: "',
    );
  });

  it('takes the word of a generation block where the prompt says nothing', () => {
    const template =
      "{% for m in messages %}{{ '<|im_start|>' + m.role }}{% if m.role == 'assistant' %}{% generation %}{{ m.content + '<|im_end|>' }}{% endgeneration %}{% else %}{{ m.content + '<|im_end|>' }}{% endif %}{% endfor %}{{ '<|endoftext|>' if add_generation_prompt }}";
    const blocks = createChat(tokenizer, { template });
    expect(trained(blocks, MESSAGES).map(({ text }) => text)).toEqual([`b${end}`, `d\n\ne${end}`]);
  });

  it('knows whose turn it was where a template collects turns before it writes them', () => {
    const template = `{% set all %}${TURNS}{% endset %}{{ all }}`;
    const collected = createChat(tokenizer, { template });
    expect(trained(collected, MESSAGES).map(({ text }) => text)).toEqual([`b${end}`, `d\n\ne${end}`]);
  });

  it('refuses messages that share tokens with others', () => {
    const template = "{% for m in messages %}{{ m.content + '\\n' }}{% endfor %}";
    const shared = createChat(smallTokenizer(), { template });
    const users: ChatMessage[] = [
      { role: 'user', content: 'a' },
      { role: 'user', content: '\nb' },
    ];
    expect(() => shared.supervisedDatum(users, { trainOn: (_, i) => i === 1 })).toThrow(
      '"messages[1]" cannot be trained on alone: it does not begin and end where tokens do in this template',
    );
  });

  const contents = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { minLength: 2, maxLength: 7 });
  const turns = contents.map((all) =>
    all.map((content, i): ChatMessage => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })),
  );

  it('weighs what the assistant says and the ends of its turns, no more and no less (property)', () => {
    fc.assert(
      fc.property(turns, (messages) => {
        const answers = messages
          .filter(({ role }) => role === 'assistant')
          .map(({ content }) => content as string);
        const { ids, weights } = chat.encode(messages);
        const spoken = tokenizer.decode(ids.filter((_, i) => weights[i] === 1));
        expect(spoken).toBe(answers.map((content) => content + end).join(''));
        const sum = weights.reduce((all, weight) => all + weight, 0);
        expect(sum).toBe(answers.reduce((all, content) => all + tokenizer.encode(content).length + 1, 0));
        expect(tokenizer.decode(ids)).toBe(
          chat
            .text(messages, { continueLast: false })

            .replace(/<\|im_start\|>assistant\n$/, ''),
        );
      }),
    );
  });

  it('is prompt and answer, one behind the other (property)', () => {
    fc.assert(
      fc.property(turns, (messages) => {
        const last = messages.findLastIndex(({ role }) => role === 'assistant');
        const { ids } = chat.encode(messages.slice(0, last + 1));
        const answer = tokenizer.encode(messages[last]?.content as string);
        expect([...ids]).toEqual([...chat.prompt(messages.slice(0, last)), ...answer, 301, 10]);
      }),
    );
  });
});

describe('supervisedData', () => {
  const thinking: readonly ChatMessage[] = [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'b', reasoning_content: 'x' },
    { role: 'user', content: 'c' },
    { role: 'assistant', content: 'd', reasoning_content: 'y' },
  ];
  const texts = (
    of: typeof chat,
    by: typeof tokenizer,
    messages: readonly ChatMessage[],
    options = {},
  ): string[][] =>
    of
      .supervisedData(messages, options)
      .map(({ modelInput, lossFnInputs: { target_tokens: targets, weights } }) => [
        by.decode(Int32Array.of(modelInput[0] ?? 0, ...targets)),
        by.decode(targets.filter((_, i) => weights[i] === 1)),
      ]);

  it('is one where the template grows by extension', () => {
    expect(texts(chat, tokenizer, MESSAGES)).toHaveLength(1);
    expect(texts(chat, tokenizer, MESSAGES)[0]?.[1]).toBe('b<|im_end|>d\n\ne<|im_end|>');
  });

  it('is one for each answer where earlier ones are written otherwise', () => {
    expect(texts(qwen, qwenTokenizer, thinking)).toEqual([
      [
        '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n<think>\nx\n</think>\n\nb<|im_end|>',
        '<think>\nx\n</think>\n\nb<|im_end|>',
      ],
      [
        '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n<think>\ny\n</think>\n\nd<|im_end|>',
        '<think>\ny\n</think>\n\nd<|im_end|>',
      ],
    ]);
  });

  it('joins what stays as it was: answers to tools', () => {
    const messages: ChatMessage[] = [
      { role: 'user', content: 'a' },
      {
        role: 'assistant',
        content: '',
        reasoning_content: 'x',
        tool_calls: [{ type: 'function', function: { name: 'f', arguments: {} } }],
      },
      { role: 'tool', content: 'r' },
      { role: 'assistant', content: 'd', reasoning_content: 'y' },
    ];
    const [only, ...rest] = texts(qwen, qwenTokenizer, messages);
    expect(rest).toEqual([]);
    expect(only?.[1]).toMatch(/^<think>\nx[\s\S]*<\|im_end\|><think>\ny[\s\S]*d<\|im_end\|>$/);
  });

  it('takes weights, bounds and trainOn', () => {
    expect(texts(qwen, qwenTokenizer, thinking, { trainOn: 'last' })).toHaveLength(1);
    expect(() => qwen.supervisedData(thinking, { maxTokens: 5 })).toThrow('(maxTokens)');
    expect(() => qwen.supervisedData([thinking[0] as ChatMessage])).toThrow('would train nothing');
    const halved = thinking.map((message) => ({ ...message, weight: 0.5 }));
    const [first] = qwen.supervisedData(halved);
    expect(Math.max(...(first?.lossFnInputs.weights ?? []))).toBe(0.5);
    const joined = chat.supervisedData(MESSAGES.map((message) => ({ ...message, weight: 0.25 })));
    expect([...new Set(joined[0]?.lossFnInputs.weights)]).toEqual([0, 0.25]);
  });
});
