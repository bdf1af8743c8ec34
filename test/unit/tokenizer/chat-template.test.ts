import { expect, it } from 'vitest';
import { readChatTemplate } from '../../../src/tokenizer/chat-template.ts';

it.each<readonly [string, unknown, string | undefined, string | undefined]>([
  ['one', 'T', undefined, 'T'],
  ['none', undefined, undefined, undefined],
  ['null', null, undefined, undefined],
  ['a file, which wins', 'T', 'F', 'F'],
  ['a file alone', undefined, 'F', 'F'],
  ['an empty file, which wins too', 'T', '', ''],
  [
    'named ones',
    [
      { name: 'tool_use', template: 'U' },
      { name: 'default', template: 'T' },
    ],
    undefined,
    'T',
  ],
  ['named ones without a default', [{ name: 'tool_use', template: 'U' }], undefined, undefined],
  ['junk', [null, 1, { name: 'default' }], undefined, undefined],
])('reads %s', (_, template, file, expected) => {
  expect(readChatTemplate({ chat_template: template }, file)?.source).toBe(expected);
});

it('gives the texts that templates use, as the reference names them', () => {
  const config = {
    chat_template: 'T',
    bos_token: '<s>',
    eos_token: { __type: 'AddedToken', content: '</s>' },
    unk_token: null,
    pad_token: '',
    mask_token: 5,
    cls_token: { content: null },
    sep_token: 'SEP',
    other_token: 'x',
    additional_special_tokens: ['<a>'],
    extra_special_tokens: { image_token: '<image>', video_token: { content: '<video>' } },
  };
  expect(readChatTemplate(config)?.variables).toEqual({
    bos_token: '<s>',
    eos_token: '</s>',
    sep_token: 'SEP',
    image_token: '<image>',
    video_token: '<video>',
  });
  expect(readChatTemplate({ chat_template: 'T', extra_special_tokens: ['<a>'] })?.variables).toEqual({});
});
