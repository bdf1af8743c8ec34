import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveTokenizer } from '../../../src/tokenizer/resolve-tokenizer.ts';
import { thrown } from '../../support/settled.ts';

describe('where the tokenizer of a model is (protocol 5.13)', () => {
  it.each<readonly [string, string | undefined, object]>([
    ['Qwen/Qwen3-8B', undefined, { id: 'Qwen/Qwen3-8B' }],
    ['gpt2', undefined, { id: 'gpt2' }],
    // tinkex.md case 40.
    ['org/model/variant:rev', undefined, { id: 'org/model' }],
    ['org/model:rev:more', undefined, { id: 'org/model' }],
    ['org/model:a/b', undefined, { id: 'org/model' }],
    ['meta-llama/Llama-3.1-8B', undefined, { id: 'thinkingmachineslabinc/meta-llama-3-instruct-tokenizer' }],
    [
      'meta-llama/Llama-3.2-1B:x',
      undefined,
      { id: 'thinkingmachineslabinc/meta-llama-3-instruct-tokenizer' },
    ],
    ['meta-llama/Llama-2-7b', undefined, { id: 'meta-llama/Llama-2-7b' }],
    // An id of its own wins over all that.
    ['meta-llama/Llama-3.1-8B', 'my/own', { id: 'my/own' }],
    ['/models/x', 'my/own', { id: 'my/own' }],
    [
      'moonshotai/Kimi-K2-Thinking',
      undefined,
      { id: 'moonshotai/Kimi-K2-Thinking', revision: '612681931a8c906ddb349f8ad0f582cb552189cd' },
    ],
    [
      'moonshotai/Kimi-K2.5',
      undefined,
      { id: 'moonshotai/Kimi-K2.5', revision: '4d01dfe0332d63057c186e0b262165819efb6611' },
    ],
    [
      'moonshotai/Kimi-K2.5-Text-Only',
      undefined,
      { id: 'moonshotai/Kimi-K2.5', revision: '4d01dfe0332d63057c186e0b262165819efb6611' },
    ],
    [
      'moonshotai/Kimi-K2.6:128k',
      undefined,
      { id: 'moonshotai/Kimi-K2.6', revision: 'b5aabbfb20227ed42becbf5541dbffd213942c58' },
    ],
    [
      'x/y',
      'moonshotai/Kimi-K2.6',
      { id: 'moonshotai/Kimi-K2.6', revision: 'b5aabbfb20227ed42becbf5541dbffd213942c58' },
    ],
    ['anything', 'bytes', { id: 'bytes' }],
    ['emulator/tiny', undefined, { id: 'bytes' }],
    ['toString', undefined, { id: 'toString' }],
  ])('%s with %s', (modelName, tokenizerId, expected) => {
    expect(resolveTokenizer({ modelName, tokenizerId })).toEqual(expected);
  });

  it('takes null for an id that is not there, as servers say it', () => {
    expect(resolveTokenizer({ modelName: 'a/b', tokenizerId: null as unknown as undefined })).toEqual({
      id: 'a/b',
    });
  });

  it.each([
    'TML/tokenizer',
    'thinkingmachines/tokenizer',
    '/models/qwen',
    './qwen',
    '../qwen',
    '..',
    '~/qwen',
    'C:\\models\\qwen',
    'd:/models/qwen',
    '\\\\server\\qwen',
    'file:///models/qwen',
    'a/b/c/d',
    'a/..',
    'a b',
    'a/b?x',
    'https://example.com/a',
  ])('says what to do about %s', (name) => {
    const hint = 'Give a loadTokenizer of your own that returns the tokenizer of this model';
    expect(thrown(() => resolveTokenizer({ modelName: 'm', tokenizerId: name }))).toMatchObject({
      code: 'input_invalid',
      field: 'tokenizer',
      hint,
    });
  });

  it.each(['/models/qwen', 'C:\\qwen', './x:y'])('sees that a name is a path: %s', (modelName) => {
    expect(thrown(() => resolveTokenizer({ modelName }))).toMatchObject({
      message: expect.stringContaining(`is ${JSON.stringify(modelName)}, a path on the server's own disk`),
    });
  });

  it('refuses what is no name', () => {
    expect(thrown(() => resolveTokenizer({ modelName: '' }))).toMatchObject({ field: 'modelName' });
    expect(thrown(() => resolveTokenizer({ modelName: ':x' }))).toMatchObject({ field: 'modelName' });
    expect(thrown(() => resolveTokenizer({ modelName: 'm', tokenizerId: '' }))).toMatchObject({
      field: 'tokenizerId',
    });
    expect(thrown(() => resolveTokenizer('m' as never))).toMatchObject({ field: 'reference' });
  });

  it('gives a repository, or an error of this package, for any names', () => {
    const part = fc.stringMatching(/^[\w.:/-]{1,12}$/);
    const name = fc.oneof(
      fc.string(),
      fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
    );
    fc.assert(
      fc.property(name, fc.option(name, { nil: undefined }), (modelName, tokenizerId) => {
        try {
          const { id, revision } = resolveTokenizer({ modelName, tokenizerId });
          expect(id).toMatch(/^[\w.-]+(\/[\w.-]+)?$/);
          expect(id.split('/')).not.toContain('..');
          expect(revision ?? '0'.repeat(40)).toMatch(/^[0-9a-f]{40}$/);
          // Idempotent: what it gives means the same again.
          expect(resolveTokenizer({ modelName: id, tokenizerId: id }).id).toBe(id);
        } catch (error) {
          expect(error).toMatchObject({ code: 'input_invalid' });
        }
      }),
    );
  });
});
