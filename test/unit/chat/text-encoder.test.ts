import { createChat } from 'isotinker/chat';
import { describe, expect, it } from 'vitest';
import { smallTokenizer } from './small-tokenizer.ts';

const template =
  "{% for m in messages %}{{ m.role ~ '<a>' ~ m.content ~ '<b>' }}{% endfor %}{{ 'assistant<a>' if add_generation_prompt }}";
const message = (content: string) => [{ role: 'r', content }];

describe('text beside an added token', () => {
  it('loses the white space that the token takes away', () => {
    const tokenizer = smallTokenizer({ special: ['<a>', '<b>'], stripsRight: ['<a>'] });
    const chat = createChat(tokenizer, { template });
    for (const content of ['x', '  x ', '\n\nx', ' ', '']) {
      const text = `r<a>${content}<b>assistant<a>`;
      expect([...chat.prompt(message(content))]).toEqual([...tokenizer.encode(text, { addedTokens: 'all' })]);
    }
  });

  it('keeps the white space of an answer, and of a header, on their sides of the cut', () => {
    const tokenizer = smallTokenizer({ special: ['<a>', '<b>'], stripsRight: ['<a>'], stripsLeft: ['<b>'] });
    const turns =
      "{% for m in messages %}{{ '<a>\\n' ~ m.role ~ ': ' ~ m.content ~ ' <b>' }}{% endfor %}{{ '<a>\\nassistant: ' if add_generation_prompt }}";
    const chat = createChat(tokenizer, { template: turns });
    const { ids } = chat.encode([{ role: 'assistant', content: ' x ' }]);
    expect([...ids]).toEqual([300, ...tokenizer.encode('assistant: '), 32, 120, 301]);
    const bare = createChat(tokenizer, {
      template: turns.replaceAll('m.role', "'' ").replaceAll('assistant: ', ': '),
    });
    expect([...bare.encode([{ role: 'assistant', content: '' }]).ids]).toEqual([
      300,
      ...tokenizer.encode(': '),
      301,
    ]);
    const short = createChat(tokenizer, {
      template:
        "{% for m in messages %}{{ '<a>\\n' ~ m.content ~ '<b>' }}{% endfor %}{{ '<a>\\n' if add_generation_prompt }}",
    });
    expect([...short.encode([{ role: 'assistant', content: ' x' }]).ids]).toEqual([300, 32, 120, 301]);
  });

  it('is encoded as text that goes on, not as text that begins', () => {
    const tokenizer = smallTokenizer({ special: ['<a>', '<b>'], firstId: 290 });
    const chat = createChat(tokenizer, { template });
    for (const content of ['x', ' x', '']) {
      const text = `r<a>${content}<b>assistant<a>`;
      expect([...chat.prompt(message(content))]).toEqual([...tokenizer.encode(text, { addedTokens: 'all' })]);
    }
    // What spells a token is no token.
    expect([...chat.prompt(message('<b>'))]).toEqual([
      290,
      114,
      300,
      60,
      98,
      62,
      301,
      ...tokenizer.encode('assistant').slice(1),
      300,
    ]);
  });

  it('is no token that a tokenizer makes of it by rewriting it', () => {
    const small = smallTokenizer({ special: ['<a>', '<b>'], firstId: 290 });
    const encode: typeof small.encode = (text, options) => small.encode(text.normalize('NFKC'), options);
    const chat = createChat({ ...small, encode }, { template });
    const ids = [...chat.prompt(message('\uff1cb\uff1e'))];
    expect(ids.filter((id) => id >= 300)).toEqual([300, 301, 300]);
    expect(ids.slice(3, 6)).toEqual([60, 98, 62]);
  });

  it('goes on where an answer begins, and where a reply ended', () => {
    const tokenizer = smallTokenizer({ special: ['<b>'], firstId: 290 });
    const turns =
      "{% for m in messages %}{{ m.role ~ ':' ~ m.content ~ '<b>\n' }}{% endfor %}{{ 'assistant:' if add_generation_prompt }}";
    const chat = createChat(tokenizer, { template: turns });
    for (const content of ['x', '\n\nx', ' x']) {
      const { ids, weights } = chat.encode([...message('y'), { role: 'assistant', content }]);
      const text = `r:y<b>\nassistant:${content}<b>\n`;
      expect([...ids]).toEqual([...tokenizer.encode(text, { addedTokens: 'all' })]);
      expect([...ids].filter((_, i) => weights[i] === 1)).toEqual([
        ...tokenizer.encode(content).slice(1),
        300,
      ]);
    }
    const conversation = chat.start(message('y'));
    conversation.addSampled([120, 300]);
    conversation.add(...message('z'));
    expect([...conversation.ids].filter((id) => id === 290)).toHaveLength(1);
    const plain = createChat(tokenizer, { template: turns.replaceAll('<b>', '') }).start(message('y'));
    plain.addSampled([120]);
    plain.add(...message('z'));
    expect([...plain.ids].filter((id) => id === 290)).toHaveLength(1);
  });

  it('is found longest first', () => {
    const tokenizer = smallTokenizer({ special: ['<a>', '<a><b>', '<b>'] });
    const chat = createChat(tokenizer, { template: "{{ '<a><b><a>' }}{{ messages[0].content }}" });
    expect([...chat.prompt(message('<a><b>'))]).toEqual([301, 300, ...tokenizer.encode('<a><b>')]);
  });

  it('is left to a shorter token where the longer one is not the template’s', () => {
    const tokenizer = smallTokenizer({ special: ['<a>', '<a>x'] });
    const chat = createChat(tokenizer, { template: "{{ '<a>' + messages[0].content }}" });
    expect([...chat.prompt(message('x'))]).toEqual([300, 120]);
  });
});
