import type { Environment } from '@huggingface/jinja';
import type { Value } from './provenance.ts';
import type { TemplateNode } from './template.ts';
import type { Tracer } from './tracer.ts';

/** Arguments by place or by name. */
export interface GivenArguments {
  /** The value of one; `undefined` where it is not given. */
  at(place: number, name: string): Value | undefined;
}

/** The arguments of a call. */
export function readArguments(
  tracer: Tracer,
  args: readonly TemplateNode[],
  scope: Environment,
): GivenArguments {
  const byPlace = args.filter(({ type }) => type !== 'KeywordArgumentExpression');
  const byName = new Map(
    args
      .filter(({ type }) => type === 'KeywordArgumentExpression')
      .map((argument) => [String(argument.key?.value), argument.value as TemplateNode]),
  );
  return {
    at(place, name) {
      const argument = byPlace[place] ?? byName.get(name);
      return argument === undefined ? undefined : tracer.evaluate(argument, scope);
    },
  };
}
