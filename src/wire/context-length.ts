import { TinkerInputError } from '../kernel/errors.ts';

/**
 * Input and output together must fit into the model's context, where both are known.
 *
 * @param field - The input, e.g. `prompt`.
 * @param length - Positions the input takes; `undefined` where an image does not say how many.
 * @param maxTokens - Tokens to generate behind it; 0 for a pass over data.
 * @param limit - Longest input and output of the model; `undefined` where the server does not tell.
 * @throws TinkerInputError
 */
export function checkContextLength(
  field: string,
  length: number | undefined,
  maxTokens: number,
  limit: number | undefined,
): void {
  if (length === undefined || limit === undefined || length + maxTokens <= limit) return;
  const got =
    maxTokens === 0 ? `${length}` : `${length} and maxTokens ${maxTokens}, ${length + maxTokens} together`;
  throw new TinkerInputError(field, `must fit into the model's context of ${limit} tokens, got ${got}`);
}
