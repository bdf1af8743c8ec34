import { describe, expect, it } from 'vitest';
import { parseTemplate } from '../../../src/chat/jinja/template.ts';
import { realTokenizer, text } from './real-tokenizers.ts';
import { PLAIN, TURNS } from './small-tokenizer.ts';

describe('hasConstantPrompt', () => {
  const loop = '{% for m in messages %}{{ m.content }}{% endfor %}';

  it.each([
    [TURNS, true],
    [PLAIN, true],
    [`${loop}{% if add_generation_prompt %}x{% if thinking %}y{% endif %}{% endif %}`, true],
    [`${loop}{# note #} x`, true],
    ['{{ messages[0].content }}', false],
    // What comes before decides.
    [`{% set n = 1 %}${loop}{% if add_generation_prompt and n %}x{% endif %}`, false],
    [`${loop}{% if add_generation_prompt and messages[0].role == 'user' %}x{% endif %}`, false],
    [`${loop}{% if add_generation_prompt %}{{ m }}{% endif %}`, false],
    [`{% macro f() %}x{% endmacro %}${loop}{% if add_generation_prompt %}{{ f() }}{% endif %}`, false],
    [`${loop}{{ 'x' if add_generation_prompt }}`, false],
    [
      '{% for m in messages %}{{ m.content }}{% if loop.last and add_generation_prompt %}x{% endif %}{% endfor %}',
      false,
    ],
  ])('of %s is %s', (template, expected) => {
    expect(parseTemplate(template).hasConstantPrompt).toBe(expected);
  });

  it('is known of real ones', () => {
    const of = (template: string): boolean => parseTemplate(template).hasConstantPrompt;
    expect(of(realTokenizer('qwen3').chatTemplate?.source ?? '')).toBe(true);
    expect(of(realTokenizer('deepseek_v3').chatTemplate?.source ?? '')).toBe(false);
    expect(of(text('test/golden/chat/templates/llama3-headers.jinja'))).toBe(true);
  });
});
