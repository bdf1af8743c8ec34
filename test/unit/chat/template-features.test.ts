import { readFileSync } from 'node:fs';
import { Template } from '@huggingface/jinja';
import { expect, it } from 'vitest';

/** A construct of Jinja, and what it comes to. */
interface Feature {
  readonly feature: string;
  readonly template: string;
  readonly text?: string;
  readonly error?: string;
}

const read = (file: string) =>
  JSON.parse(readFileSync(new URL(`../../golden/chat/${file}`, import.meta.url), 'utf8'));

it('knows what the Jinja of templates lacks, against the reference', async () => {
  const { features, messages, tools } = read('features.json') as {
    readonly features: readonly Feature[];
    readonly messages: string;
    readonly tools: string;
  };
  const talks = read('conversations.json');
  const variables = {
    messages: talks.conversations[messages].messages,
    tools: talks.tools[tools],
    bos_token: '<s>',
  };
  const outcome = (template: string): { readonly text?: string; readonly error?: string } => {
    try {
      return { text: new Template(template).render(variables) };
    } catch (error) {
      return { error: (error as Error).message };
    }
  };
  const others = features.flatMap(({ feature, template, text }) => {
    const got = outcome(template);
    // What the reference refuses must be refused; in which words does not matter.
    const isSame = text === undefined ? got.error !== undefined : got.text === text;
    return isSame ? [] : [`${JSON.stringify(feature)}:${JSON.stringify(got)}`];
  });
  expect(features.length - others.length).toBeGreaterThan(40);
  await expect(`{\n${others.join(',\n')}\n}\n`).toMatchFileSnapshot('../../golden/chat/unsupported.json');
});
