/** Ids that are put before and behind a text. */
export interface Surroundings {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

type Config = Readonly<Record<string, unknown>>;

const NOTHING: Surroundings = { before: [], after: [] };

/** What a tokenizer's file says to put around one text (its post-processor, if it has one). */
export function readSurroundings(config: Config | null | undefined): Surroundings {
  switch (config?.['type']) {
    case 'TemplateProcessing':
      return template(config);
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const { cls, sep } = config as { cls: readonly [string, number]; sep: readonly [string, number] };
      return { before: [cls[1]], after: [sep[1]] };
    }
    case 'Sequence':
      return (config['processors'] as readonly Config[]).map(readSurroundings).reduce(
        (inner, outer) => ({
          before: [...outer.before, ...inner.before],
          after: [...inner.after, ...outer.after],
        }),
        NOTHING,
      );
    default:
      return NOTHING;
  }
}

type TemplatePart = { readonly SpecialToken: { readonly id: string } } | { readonly Sequence: unknown };

function template(config: Config): Surroundings {
  const { single, special_tokens: specials } = config as {
    readonly single: readonly TemplatePart[];
    readonly special_tokens: Readonly<Record<string, { readonly ids: readonly number[] }>>;
  };
  const place = single.findIndex((part) => 'Sequence' in part);
  const idsOf = (parts: readonly TemplatePart[]): number[] =>
    parts.flatMap((part) => ('SpecialToken' in part ? (specials[part.SpecialToken.id]?.ids ?? []) : []));
  return { before: idsOf(single.slice(0, place)), after: idsOf(single.slice(place)) };
}
