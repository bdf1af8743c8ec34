import fc from 'fast-check';
import { type ChatMessage, type Conversation, createChat, rlDatum } from 'isotinker/chat';
import { describe, expect, it } from 'vitest';
import { json, realTokenizer, TEMPLATES, text } from './real-tokenizers.ts';
import { PLAIN, smallTokenizer, turnsTokenizer } from './small-tokenizer.ts';

const tokenizer = turnsTokenizer();
const chat = createChat(tokenizer);
const USER: ChatMessage = { role: 'user', content: 'hi' };
const END = 301;
const bytes = (words: string): number[] => [...tokenizer.encode(words)];

/** A reply as `sample` gives it. */
const reply = (tokens: readonly number[], stopReason = 'stop', logprobs?: readonly number[]) => ({
  tokens: Int32Array.from(tokens),
  stopReason,
  logprobs: logprobs === undefined ? undefined : Float32Array.from(logprobs),
});

/** What the conversation has trained. */
const trained = ({ ids, weights }: Conversation): string =>
  tokenizer.decode(ids.filter((_, i) => weights[i] === 1));

describe('a conversation', () => {
  it('begins with a prompt', () => {
    const conversation = chat.start([USER]);
    expect([...conversation.prompt]).toEqual([...chat.prompt([USER])]);
    expect([...conversation.ids]).toEqual([...conversation.prompt]);
    expect(conversation.weights.every((weight) => weight === 0)).toBe(true);
    expect(conversation.weights.length).toBe(conversation.ids.length);
    expect(conversation.messages).toEqual([USER]);
    expect(conversation.sampledSpans).toEqual([]);
    expect(conversation.segments).toEqual([]);
    expect(() => conversation.datum()).toThrow(
      '"conversation" has no sampled reply to train on: addSampled first',
    );
  });

  it.each([
    ['with the token that ends the turn left out', [104, 111], 'stop'],
    ['with it', [104, 111, END], 'stop'],
    ['cut at a length', [104, 111], 'length'],
  ])('takes a reply %s', (_, tokens, stopReason) => {
    const conversation = chat.start([USER]);
    const { prompt } = conversation;
    conversation.addSampled(reply(tokens, stopReason));
    expect([...conversation.ids]).toEqual([...prompt, ...tokens]);
    expect(conversation.messages.at(-1)).toEqual({ role: 'assistant', content: 'ho' });
    conversation.add({ role: 'user', content: 'on' });
    const expected = `${tokenizer.decode(prompt)}ho<|im_end|>\n<|im_start|>user\non<|im_end|>\n<|im_start|>assistant\n`;
    expect(tokenizer.decode(conversation.prompt)).toBe(expected);
    expect([...conversation.ids]).toEqual([...conversation.prompt]);
    // The model said the end of the turn, unless it was cut.
    expect(trained(conversation)).toBe(stopReason === 'length' ? 'ho' : 'ho<|im_end|>');
  });

  it('shows a reply without the space that the template writes before it', () => {
    const template =
      "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}{{ 'assistant:' if add_generation_prompt }}";
    const conversation = createChat(smallTokenizer(), { template }).start([USER]);
    for (const [said, content] of [
      [' ho\n', 'ho'],
      [' ho', 'ho'],
      ['ho', 'ho'],
      ['  ho', ' ho'],
      ['', ''],
    ] as const) {
      conversation.addSampled(reply(bytes(said)));
      expect(conversation.messages.at(-1)?.content).toBe(content);
      expect(smallTokenizer().decode(conversation.ids).endsWith(said)).toBe(true);
    }
    // No white space, and so what the model said.
    const thinking = createChat(realTokenizer('qwen3')).start([USER]);
    thinking.addSampled([
      ...realTokenizer('qwen3').encode('<think>\n\n</think>\n\ny', { addedTokens: 'all' }),
    ]);
    expect(thinking.messages.at(-1)?.content).toBe('<think>\n\n</think>\n\ny');
  });

  it('takes bare tokens, and several messages, at once or one by one', () => {
    const [one, two] = [chat.start([USER]), chat.start([USER])];
    for (const conversation of [one, two]) conversation.addSampled([104, END]);
    one.add(USER, { role: 'tool', content: 'r' });
    two.add(USER);
    void two.prompt;
    two.add({ role: 'tool', content: 'r' });
    expect([...one.prompt]).toEqual([...two.prompt]);
    expect([...one.ids]).toEqual([...two.ids]);
    expect(one.messages).toEqual(two.messages);
  });

  it('takes ids that the tokenizer does not know', () => {
    const conversation = chat.start([USER]);
    conversation.addSampled(reply([104, 99_999, 105]));
    expect(conversation.messages.at(-1)?.content).toBe('hi');
    expect([...conversation.ids.slice(-3)]).toEqual([104, 99_999, 105]);
    conversation.add(USER);
    conversation.addSampled(reply([99_999, 104, END]));
    expect(conversation.messages.at(-1)?.content).toBe('h');
  });

  it('takes any token that ends a turn of the template, once', () => {
    const template =
      "{% for m in messages %}{{ m.role + ':' + m.content + ('<|endoftext|>' if loop.last and not add_generation_prompt else '<|im_end|>') + '\\n' }}{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";
    const two = createChat(tokenizer, { template });
    expect(two.stop).toEqual([302]);
    for (const ending of [301, 302]) {
      const conversation = two.start([USER]);
      conversation.addSampled([104, ending]);
      conversation.add(USER);
      expect([...conversation.prompt].filter((id) => id >= 300)).toEqual([301, ending, 301]);
    }
  });

  it('does not show the template what was sampled', () => {
    const template =
      "{% for m in messages %}{% if 'bad' in m.content %}{{ raise_exception('bad') }}{% endif %}{{ m.role + ':' + m.content + '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";
    const conversation = createChat(tokenizer, { template }).start([USER]);
    conversation.addSampled(reply(bytes('bad')));
    conversation.add(USER);
    expect(tokenizer.decode(conversation.prompt)).toBe(
      'user:hi<|im_end|>assistant:bad<|im_end|>user:hi<|im_end|>assistant:',
    );
  });

  it('lets the model go on without anybody else', () => {
    const conversation = chat.start([USER]);
    conversation.addSampled(reply([104]));
    expect(tokenizer.decode(conversation.prompt.slice(conversation.ids.length))).toBe(
      '<|im_end|>\n<|im_start|>assistant\n',
    );
    conversation.addSampled(reply([105]));
    expect(trained(conversation)).toBe('h<|im_end|>i');
    expect(conversation.messages.map(({ content }) => content)).toEqual(['hi', 'h', 'i']);
  });

  it('is encoded as one text would be (no seam)', () => {
    const conversation = chat.start([USER]);
    // Two line breaks that were sampled one by one stay two tokens.
    conversation.addSampled(reply([10, 10, 120, END]));
    conversation.add({ role: 'user', content: '\n\ny' });
    const once = chat.prompt([
      USER,
      { role: 'assistant', content: '\n\nx' },
      { role: 'user', content: '\n\ny' },
    ]);
    const seen = [...conversation.prompt];
    expect(seen.indexOf(256)).toBeGreaterThan(0);
    expect(seen.join()).toBe(once.join().replace('10,256,120', '10,10,10,120'));
  });

  it('is what would be trained on (the same words, sampled as they are encoded)', () => {
    const messages: ChatMessage[] = [
      USER,
      { role: 'assistant', content: 'b\n\nc' },
      USER,
      { role: 'assistant', content: 'd' },
    ];
    const conversation = chat.start([USER]);
    conversation.addSampled([...bytes('b\n\nc'), END]);
    conversation.add(USER);
    conversation.addSampled(reply(bytes('d')));
    const sampled = conversation.datum();
    const supervised = chat.supervisedDatum(messages);
    const { length } = sampled.modelInput;
    expect([...sampled.modelInput]).toEqual([...supervised.modelInput.slice(0, length)]);
    expect([...sampled.lossFnInputs.target_tokens]).toEqual([
      ...supervised.lossFnInputs.target_tokens.slice(0, length),
    ]);
    expect([...sampled.lossFnInputs.weights]).toEqual([...supervised.lossFnInputs.weights.slice(0, length)]);
    // Only the line break behind the last turn is missing.
    expect(supervised.modelInput.length - length).toBe(1);
  });

  it('gives data up to the last reply', () => {
    const conversation = chat.start([USER]);
    conversation.addSampled(reply([104], 'length'));
    const cut = conversation.datum();
    expect(cut.lossFnInputs.target_tokens.at(-1)).toBe(104);
    conversation.add(USER);
    expect([...conversation.datum().modelInput]).toEqual([...cut.modelInput]);
    expect(() => conversation.datum({ maxTokens: 3 })).toThrow('(maxTokens)');
    const stopped = chat.start([USER]);
    stopped.addSampled(reply([104]));
    stopped.add(USER);
    expect(stopped.datum().lossFnInputs.target_tokens.at(-1)).toBe(END);
    expect(stopped.datum().lossFnInputs.weights.at(-1)).toBe(1);
    const whole = chat.start([USER]);
    whole.addSampled(reply([104, END]));
    expect([...whole.datum().modelInput]).toEqual([...stopped.datum().modelInput]);
  });

  it('keeps log-probabilities, for policy gradients', () => {
    const conversation = chat.start([USER]);
    conversation.addSampled(reply([104, 105], 'stop', [-1, -2]));
    conversation.add(USER);
    conversation.addSampled(reply([106, END], 'stop', [-3, -4]));
    const { ids, sampledSpans, segments } = conversation;
    expect(sampledSpans.map(({ start, end }) => [...ids.slice(start, end)])).toEqual([
      [104, 105],
      [106, END],
    ]);
    expect(sampledSpans.map(({ logprobs }) => [...(logprobs ?? [])])).toEqual([
      [-1, -2],
      [-3, -4],
    ]);
    expect(segments.flatMap(({ tokens }) => [...tokens])).toEqual([...ids]);
    const { lossFnInputs } = rlDatum({ segments, advantage: 2 });
    const advantages = [...lossFnInputs.advantages];
    expect(advantages.filter((value) => value === 2)).toHaveLength(4);
    expect([...lossFnInputs.target_tokens].filter((__, i) => advantages[i] === 2)).toEqual([
      104,
      105,
      106,
      END,
    ]);
  });

  it.each([
    ['x', '"reply" must be an array of token ids, got "x"'],
    [[1, -1], '"reply[1]" must be an integer >= 0 and <= 2147483647, got -1'],
    [{ tokens: 'x' }, '"reply.tokens" must be an array of token ids, got "x"'],
    [
      { tokens: [1, 2], logprobs: [0], stopReason: 'stop' },
      '"reply.logprobs" must have one value for each of the 2 tokens, got 1',
    ],
  ])('refuses the reply %j', (given, message) => {
    const conversation = chat.start([USER]);
    const before = [...conversation.prompt];
    expect(() => conversation.addSampled(given as never)).toThrow(message);
    expect([...conversation.prompt]).toEqual(before);
    expect(conversation.messages).toHaveLength(1);
  });

  it('stays as it was where messages are refused', () => {
    const template =
      "{% for m in messages %}{% if m.role == 'bad' %}{{ raise_exception('bad') }}{% endif %}{{ '<|im_start|>' + m.content + '<|im_end|>' }}{% endfor %}{{ '<|im_start|>' if add_generation_prompt }}";
    const conversation = createChat(tokenizer, { template }).start([USER]);
    conversation.addSampled([104, END]);
    const before = [...conversation.prompt];
    expect(() => conversation.add({ role: 'bad', content: 'x' })).toThrow('bad');
    expect(() => conversation.add({ role: 'user' } as never)).toThrow('"messages[0].content" is missing');
    expect(() => conversation.add()).toThrow('"messages" must be an array of at least 1 messages');
    expect([...conversation.prompt]).toEqual(before);
    expect(conversation.messages).toHaveLength(2);
  });

  it('never lets what others say be special', () => {
    const conversation = chat.start([{ role: 'user', content: '<|im_end|>' }]);
    conversation.addSampled([104]);
    conversation.add({ role: 'tool', content: '<|im_start|>system<think>' });
    const added = [...conversation.prompt].filter((id) => id >= 300);
    // Start and end of two turns of others, of the reply, and the start of the next.
    expect(added).toEqual([300, 301, 300, 301, 300, 301, 300]);
  });

  it('takes a reply in words, for templates that look at it', () => {
    const qwen = realTokenizer('qwen3');
    const conversation = createChat(qwen).start([USER]);
    const words = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>';
    const tokens = [...qwen.encode(words, { addedTokens: 'all' }), qwen.tokenId('<|im_end|>') as number];
    conversation.addSampled(tokens, {
      content: '',
      tool_calls: [{ type: 'function', function: { name: 'f', arguments: {} } }],
    });
    conversation.add({ role: 'tool', content: 'r' });
    expect(qwen.decode(conversation.prompt)).toBe(
      `<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n${words}<|im_end|>\n<|im_start|>user\n<tool_response>\nr\n</tool_response><|im_end|>\n<|im_start|>assistant\n`,
    );
    expect(conversation.messages[1]).toMatchObject({ role: 'assistant', content: '' });
    expect(() => conversation.addSampled([1], { content: 5 } as never)).toThrow(
      '"reply[0].content" must be a string',
    );
  });

  it('ends turns with text where there is no token for it', () => {
    const small = smallTokenizer();
    const plain = createChat(small, { template: PLAIN });
    const conversation = plain.start([USER]);
    conversation.addSampled(reply([104]));
    conversation.add(USER);
    expect(small.decode(conversation.prompt)).toBe('user: hi\n\nassistant: h\n\nuser: hi\n\nassistant: ');
    conversation.addSampled(reply([105, 10, 10]));
    expect(conversation.messages.at(-1)?.content).toBe('i');
    conversation.add(USER);
    expect(small.decode(conversation.prompt)).toMatch(/assistant: i\n\nuser: hi\n\nassistant: $/);
    expect(small.decode(conversation.ids.filter((_, i) => conversation.weights[i] === 1))).toBe('h\n\ni\n\n');
  });
});

describe('every next prompt', () => {
  const { addedTokens, variables } = json<{
    addedTokens: { text: string; id: number; special: boolean }[];
    variables: Record<string, Record<string, string>>;
  }>('test/golden/chat/gpt2.json');
  const small = smallTokenizer({
    special: addedTokens.filter(({ special }) => special).map((token) => token.text),
    ordinary: addedTokens.filter(({ special }) => !special).map((token) => token.text),
  });
  const chats = new Map([
    ...TEMPLATES.map((file) => {
      const template = text(`test/golden/chat/templates/${file}.jinja`);
      const own = createChat(small, { template, variables: variables[file], now: () => 0 });
      return [file, [own, small] as const] as const;
    }),
    ['turns', [chat, tokenizer] as const],
    ['plain', [createChat(small, { template: PLAIN }), small] as const],
    ['qwen3', [createChat(realTokenizer('qwen3')), realTokenizer('qwen3')] as const],
  ]);

  it.each([...chats.keys()])('begins with the one before and what was sampled: %s (property)', (name) => {
    const [of, by] = chats.get(name) ?? [chat, tokenizer];
    // Any ids: also such as no encoding would give, and special ones.
    const tokens = fc.array(fc.nat({ max: by.vocabSize - 1 }), { maxLength: 12 });
    const turn = fc.record({
      tokens,
      stopReason: fc.constantFrom('stop', 'length', 'other'),
      says: fc.string({ unit: 'grapheme', maxLength: 8 }),
    });
    fc.assert(
      fc.property(fc.array(turn, { minLength: 1, maxLength: 4 }), (turns) => {
        const conversation = of.start([USER]);
        let expected: number[] = [...conversation.prompt];
        for (const { tokens: sampled, stopReason, says } of turns) {
          conversation.addSampled(reply(sampled, stopReason));
          expected.push(...sampled);
          expect([...conversation.ids]).toEqual(expected);
          conversation.add({ role: 'user', content: says });
          const prompt = [...conversation.prompt];
          expect(prompt.slice(0, expected.length)).toEqual(expected);
          expect(prompt.length).toBeGreaterThan(expected.length);
          expected = prompt;
        }
        expect(
          conversation.segments
            .filter(({ stopReason }) => stopReason !== undefined)
            .map(({ tokens: ids }) => [...ids]),
        ).toEqual(turns.map(({ tokens: ids }) => ids));
        expect(conversation.weights.length).toBe(conversation.ids.length);
      }),
      { numRuns: name === 'qwen3' ? 20 : 40 },
    );
  });

  it.each(['turns', 'plain', 'chatml', 'harmony-channels', 'qwen3'])(
    'does so whoever speaks in between, however it is added: %s (property)',
    (name) => {
      const [of, by] = chats.get(name) ?? [chat, tokenizer];
      const special = by.addedTokens.map(({ id }) => id);
      const { stop } = of;
      const says = fc.string({ unit: 'grapheme', maxLength: 4 });
      const spoken = fc.oneof(
        says,
        fc.constantFrom('', '\n\n', ...by.addedTokens.map((token) => token.text)),
      );
      // This one wants calls before results.
      const roles = name === 'harmony-channels' ? ['user', 'system'] : ['user', 'tool', 'system'];
      const other = fc.record({ role: fc.constantFrom(...roles), content: spoken });
      const turn = fc.record({
        tokens: fc.array(
          fc.oneof(fc.nat({ max: 255 }), ...(special.length === 0 ? [] : [fc.constantFrom(...special)])),
          { maxLength: 6 },
        ),
        ending: fc.constantFrom('included', 'left out', 'cut'),
        others: fc.array(fc.array(other, { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
        looks: fc.boolean(),
      });
      fc.assert(
        fc.property(fc.array(turn, { minLength: 1, maxLength: 4 }), (turns) => {
          const conversation = of.start([USER]);
          const messages: ChatMessage[] = [USER];
          let expected: number[] = [...conversation.prompt];
          const weights: number[] = expected.map(() => 0);
          for (const { tokens, ending, others, looks } of turns) {
            const end = stop.flatMap((value) => (typeof value === 'string' ? [...by.encode(value)] : value));
            const sampled = ending === 'included' ? [...tokens, ...end.slice(0, 1)] : tokens;
            conversation.addSampled(reply(sampled, ending === 'cut' ? 'length' : 'stop'));
            messages.push({ role: 'assistant', content: conversation.messages.at(-1)?.content as string });
            expected.push(...sampled);
            weights.push(...sampled.map(() => 1));
            for (const added of others) {
              conversation.add(...added);
              messages.push(...added);
              if (looks) expect([...conversation.prompt.slice(0, expected.length)]).toEqual(expected);
            }
            const prompt = [...conversation.prompt];
            expect(prompt.slice(0, expected.length)).toEqual(expected);
            // What was not sampled is trained on only where it ends what was.
            const rest = prompt.slice(expected.length);
            if (others.length > 0) {
              const more = [...conversation.weights.slice(expected.length)];
              const trainedOn = more.lastIndexOf(1) + 1;
              expect(more.slice(0, trainedOn).every((weight) => weight === 1)).toBe(true);
              if (ending === 'cut') expect(trainedOn).toBe(0);
              expect(trainedOn).toBeLessThan(8);
              weights.push(...more);
            } else {
              weights.push(...rest.map(() => Number.NaN));
            }
            expected = prompt;
          }
          expect(conversation.messages).toEqual(messages);
          const ids = [...conversation.ids];
          expect(expected.slice(0, ids.length)).toEqual(ids);
          expect(
            [...conversation.weights].every((weight, i) => weight === weights[i] || Number.isNaN(weights[i])),
          ).toBe(true);
          expect(conversation.segments.flatMap(({ tokens }) => [...tokens])).toEqual(
            ids.slice(0, conversation.sampledSpans.at(-1)?.end),
          );
        }),
        { numRuns: name === 'qwen3' ? 15 : 40 },
      );
    },
  );
});
