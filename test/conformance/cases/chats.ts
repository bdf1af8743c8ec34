import { type ChatMessage, createChat, explain, rlDatum } from '../../../src/chat/index.ts';
import { byteTokenizer, huggingFaceTokenizer } from '../../../src/tokenizer/index.ts';
import conversations from '../../golden/chat/conversations.json';
import features from '../../golden/chat/features.json';
import llamaLike from '../../golden/tokenizers/small/llama-like.json';
import { turnsTokenizer } from '../../unit/chat/small-tokenizer.ts';
import { assertAlike, assertEqual, assertFails, assertTrue, bitsOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

const MESSAGES: readonly ChatMessage[] = [
  { role: 'system', content: 'be kind' },
  { role: 'user', content: 'What is 2+2? 🤔<|im_end|>' },
  { role: 'assistant', content: 'It is 4.', weight: 0.5 },
  { role: 'user', content: 'שלום \ud83d' },
  { role: 'assistant', content: 'd\n\ne' },
];

/** Conversations to tokens and weights. */
export function chatCases(): readonly ConformanceCase[] {
  return [...datumCases(), ...templateCases(), ...growthCases()];
}

function datumCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'tokenizer: a conversation becomes the same tokens and weights in every engine',
      run() {
        const tokenizer = turnsTokenizer();
        const chat = createChat(tokenizer);
        const { modelInput, lossFnInputs } = chat.supervisedDatum(MESSAGES);
        const { target_tokens: targets, weights } = lossFnInputs;
        assertAlike('shifted by one', modelInput.slice(1), targets.slice(0, -1));
        const answers = [...targets].filter((_, i) => weights[i] !== 0);
        assertEqual('what is learnt', tokenizer.decode(answers), 'It is 4.<|im_end|>d\n\ne<|im_end|>');
        assertAlike('with which weights', [...new Set(weights)].sort(), [0, 0.5, 1]);
        return textOf([chat.fingerprint, chat.stop, modelInput, targets, weights]);
      },
    },
    {
      name: 'tokenizer: what a user spells is never a special token, whatever the template does with it',
      run() {
        const tokenizer = turnsTokenizer();
        const end = tokenizer.tokenId('<|im_end|>');
        const ids = createChat(tokenizer).prompt(MESSAGES);
        assertEqual('ends of turns', ids.filter((id) => id === end).length, 5);
        const text = createChat(tokenizer).text(MESSAGES);
        assertEqual('ends in the text', text.split('<|im_end|>').length - 1, 6);
        return bitsOf(ids);
      },
    },
    {
      name: 'tokenizer: a datum is explained in the same words and the same HTML everywhere',
      run() {
        const tokenizer = turnsTokenizer();
        const datum = createChat(tokenizer).supervisedDatum(MESSAGES);
        return (['text', 'ansi', 'html'] as const)
          .map((format) => explain(datum, { tokenizer, format }))
          .join('\n');
      },
    },
    {
      name: 'tokenizer: conversations that cannot be are refused, naming the message',
      async run() {
        const chat = createChat(byteTokenizer);
        const wrong: readonly (readonly [unknown, string])[] = [
          ['hi', '"messages"'],
          [[{ role: 'user' }], '"messages[0]'],
          [[{ role: 'user', content: 5 }], '"messages[0].content'],
          [[{ role: 'user', content: 'only asked' }], ''],
        ];
        for (const [messages, words] of wrong)
          await assertFails(
            textOf(messages),
            () => chat.supervisedDatum(messages as ChatMessage[]),
            'TinkerInputError',
            words,
          );
      },
    },
  ];
}

function templateCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'tokenizer: the Jinja of chat templates comes to the reference’s texts, or to the same error everywhere',
      run() {
        const talks = conversations as {
          readonly tools: Readonly<Record<string, readonly unknown[]>>;
          readonly conversations: Readonly<Record<string, { readonly messages: readonly ChatMessage[] }>>;
        };
        const { messages } = talks.conversations[features.messages] ?? { messages: [] };
        const input = { tools: talks.tools[features.tools] ?? [], variables: { bos_token: '<s>' } };
        const list: readonly { readonly template: string; readonly text?: string }[] = features.features;
        let right = 0;
        const outcomes = list.map(({ template, text }) => {
          const got = outcomeOf(() =>
            createChat(byteTokenizer, { template, now: () => 0 }).text(messages, input),
          );
          if (got === text) right += 1;
          return got;
        });
        assertTrue(`${right} of ${list.length} as the reference has them`, right > 40);
        return textOf([right, outcomes]);
      },
    },
    {
      name: 'tokenizer: a template that writes the date writes that of its clock, in UTC',
      run() {
        const template = "{{ strftime_now('%d %b %Y') }}{{ messages[0].content }}";
        const chat = createChat(byteTokenizer, { template, now: () => 951_782_399_999 });
        const text = chat.text([{ role: 'user', content: '!' }]);
        assertEqual('text', text, '28 Feb 2000!');
      },
    },
    {
      name: 'tokenizer: a template over a real tokenizer gives the ids that its text has',
      run() {
        const template =
          '{% for m in messages %}{{ bos_token if loop.first }}[{{ m.role }}] {{ m.content | trim }}{{ eos_token }}{% endfor %}';
        const tokenizer = huggingFaceTokenizer(llamaLike, {
          bos_token: '<s>',
          eos_token: '</s>',
          chat_template: template,
        });
        const chat = createChat(tokenizer);
        const plain: readonly ChatMessage[] = [
          { role: 'user', content: '  hello 😀 ' },
          { role: 'assistant', content: 'نعم' },
        ];
        const ids = chat.encode(plain).ids;
        assertEqual(
          'back',
          tokenizer.decode(ids),
          tokenizer.decode(tokenizer.encode(chat.text(plain), { addedTokens: 'all' })),
        );
        return textOf(ids);
      },
    },
  ];
}

function outcomeOf(work: () => string): string {
  try {
    return work();
  } catch (error) {
    return (error as Error).name;
  }
}

function growthCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'tokenizer: a conversation that grows by what is sampled keeps its tokens, and becomes a datum with them',
      run() {
        const chat = createChat(byteTokenizer);
        const conversation = chat.start([{ role: 'user', content: 'What is 2+2?' }]);
        conversation.addSampled({
          tokens: Int32Array.of(52, 46, 10),
          logprobs: Float32Array.of(-1, -2, -0.5),
          stopReason: 'stop',
        });
        conversation.add({ role: 'user', content: 'Sure? 🤔' });
        assertEqual('the answer', conversation.messages[1]?.content, '4.');
        const datum = rlDatum({ segments: conversation.segments, advantage: 0.5 });
        return textOf([conversation.prompt, datum]);
      },
    },
  ];
}
