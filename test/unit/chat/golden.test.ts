import { type ChatMessage, createChat } from 'isotinker/chat';
import { describe, expect, it } from 'vitest';
import { createTokenFinder } from '../../../src/chat/encoding/added-token-finder.ts';
import { createChunkEncoder, idsOf } from '../../../src/chat/encoding/text-encoder.ts';
import { createRenderer } from '../../../src/chat/jinja/render.ts';
import { parseTemplate } from '../../../src/chat/jinja/template.ts';
import type { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { json, type ListedToken, realTokenizer, text } from './real-tokenizers.ts';

interface Conversations {
  readonly tools: Readonly<Record<string, readonly unknown[]>>;
  readonly conversations: Readonly<
    Record<string, { readonly messages: readonly ChatMessage[]; readonly tools?: string }>
  >;
}

interface Case {
  readonly template: string;
  readonly conversation: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly ids?: readonly number[];
  readonly mask?: readonly (readonly [number, number])[];
  readonly safeIds?: readonly number[];
  readonly ordinaryIds?: readonly number[];
  readonly error?: string;
}

interface Vectors {
  readonly addedTokens?: readonly ListedToken[];
  readonly variables: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly cases: readonly Case[];
}

const FOLDER = 'test/golden/chat';
const { conversations, tools } = json<Conversations>(`${FOLDER}/conversations.json`);
const ROLES = ['assistant', 'system', 'developer', 'tools', 'variables', 'user', 'tool'];

/** One case, with all that is needed to run it. */
function prepared(tokenizer: Tokenizer, vectors: Vectors, given: Case) {
  const { messages, tools: named } = conversations[given.conversation] ?? { messages: [] };
  const {
    add_generation_prompt: asks = false,
    continue_final_message: continues = false,
    ...variables
  } = given.options ?? {};
  const source =
    given.template === 'own'
      ? (tokenizer.chatTemplate?.source ?? '')
      : text(`${FOLDER}/templates/${given.template}.jinja`);
  const own = vectors.variables[given.template] ?? {};
  const input = { tools: named === undefined ? undefined : tools[named], variables };
  const chat = createChat(tokenizer, { template: source, variables: own, now: () => 0 });
  return { messages, input, source, own, chat, asks: asks === true, continues: continues === true };
}

/** The ids of a whole text, without our cuts where answers begin. */
function uncut(
  tokenizer: Tokenizer,
  run: ReturnType<typeof prepared>,
  trusted: readonly string[],
): Int32Array {
  const template = parseTemplate(run.source);
  const render = createRenderer({ template, variables: run.own, now: () => 0 });
  const rendering = render(run.messages, run.input, run.asks);
  const find = createTokenFinder({
    addedTokens: tokenizer.addedTokens,
    trusted: new Set(trusted),
    handedOver: template.handedOver,
  });
  const { messages, input } = run;
  const found = find({ rendering, messages, input });
  const end = run.continues
    ? run.chat.text(messages, { ...input, continueLast: true }).length
    : rendering.text.length;
  return idsOf(createChunkEncoder(tokenizer)(rendering.text, [0, end], found, []));
}

describe.each(['qwen3', 'deepseek_v3', 'gpt2'] as const)('vectors of transformers for %s', (name) => {
  const vectors = json<Vectors>(`${FOLDER}/${name}.json`);
  const tokenizer = realTokenizer(name, vectors.addedTokens);
  // Some vectors were made of messages that had been altered: their ids are of another text.
  const says = (ids: readonly number[] | undefined, words: string): boolean =>
    ids?.every((id) => id < tokenizer.vocabSize) === true && tokenizer.decode(Int32Array.from(ids)) === words;

  it('has cases', () => {
    expect(vectors.cases.length).toBeGreaterThan(40);
  });

  it.each(
    vectors.cases.map(
      (given) =>
        [`${given.template}, ${given.conversation}, ${JSON.stringify(given.options ?? {})}`, given] as const,
    ),
  )('%s', (_, given) => {
    const run = prepared(tokenizer, vectors, given);
    const { messages, input, chat, asks, continues } = run;
    if (given.error !== undefined) {
      expect(() => chat.prompt(messages, input)).toThrow(given.error);
      return;
    }
    const want = given.ids ?? given.safeIds;
    if (asks || continues)
      expect(chat.text(messages, { ...input, continueLast: continues })).toBe(given.text);
    if (says(want, given.text)) expect([...uncut(tokenizer, run, [])]).toEqual(want);
    if (says(given.ordinaryIds, given.text))
      expect([...uncut(tokenizer, run, ROLES)]).toEqual(given.ordinaryIds);
    const ids =
      asks || continues
        ? chat.prompt(messages, { ...input, continueLast: continues })
        : chat.encode(messages, { ...input, trainOn: 'all' }).ids;
    // The cut where an answer begins moves bounds of tokens, never a character.
    expect(tokenizer.decode(ids)).toBe(
      tokenizer.decode(uncut(tokenizer, run, ['assistant', 'system', 'developer', 'tools'])),
    );
  });

  const masked = vectors.cases.filter(
    ({ mask, options, template }) =>
      mask !== undefined && mask.length > 0 && options === undefined && template !== 'harmony-channels',
  );

  it.each(masked.map((given) => [`${given.template}, ${given.conversation}`, given] as const))(
    'weights what the template says is generated: %s',
    (_, given) => {
      const { messages, input, chat } = prepared(tokenizer, vectors, given);
      const { ids, weights } = chat.encode(messages, input);
      const trained = (counts: (i: number) => boolean, of: readonly number[]): string =>
        tokenizer.decode(Int32Array.from(of.filter((__, i) => counts(i))));
      const inMask = (i: number): boolean =>
        given.mask?.some(([start, end]) => i >= start && i < end) === true;
      // One template counts the line break behind the turn's end too.
      const reference = trained(inMask, given.ids ?? []).replace(/<end_of_turn>\n/g, '<end_of_turn>');
      const ours = trained((i) => weights[i] === 1, [...ids]);
      // Where a token of the reference reaches over the beginning of an answer it brings line breaks of the header along.
      const isCut = ids.join() !== given.ids?.join();
      const bare = (words: string): string => (isCut ? words.replaceAll('\n', '') : words);
      expect(bare(ours)).toBe(bare(reference));
    },
  );
});

describe('constructs of Jinja', () => {
  interface Feature {
    readonly feature: string;
    readonly template: string;
    readonly text?: string;
    readonly error?: string;
  }
  const file = json<{ messages: string; tools: string; features: readonly Feature[] }>(
    `${FOLDER}/features.json`,
  );

  it.each(file.features.map((feature) => [feature.feature, feature] as const))(
    '%s is as in Python, or refused',
    (_, { template, text: expected }) => {
      let written: string | undefined;
      try {
        const render = createRenderer({
          template: parseTemplate(template),
          variables: { bos_token: '<s>' },
          now: () => 0,
        });
        const { messages } = conversations[file.messages] ?? { messages: [] };
        written = render(messages, { tools: tools[file.tools] }, false).text;
      } catch (error) {
        expect(error).toHaveProperty('code', 'input_invalid');
        return;
      }
      expect(written).toBe(expected);
    },
  );

  it('knows most of them', () => {
    const known = file.features.filter(({ template, text: expected }) => {
      try {
        const render = createRenderer({ template: parseTemplate(template), variables: {}, now: () => 0 });
        const { messages } = conversations[file.messages] ?? { messages: [] };
        return render(messages, { tools: tools[file.tools] }, false).text === expected;
      } catch {
        return false;
      }
    });
    expect(known.length / file.features.length).toBeGreaterThan(0.55);
  });
});
