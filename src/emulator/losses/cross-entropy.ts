import type { Loss } from './loss.ts';

/**
 * The sum of -logprob · weight. `target_tokens` and `weights` may have the shape [N, K]: a teacher's probabilities of K
 * tokens, as weights, make it the loss of distillation.
 */
export const crossEntropy: Loss = {
  name: 'cross_entropy',
  required: [],
  optional: ['weights'],
  settings: {},
  manyTargets: true,
  diagnostics: [],
  bind({ numbers }) {
    const weights = numbers('weights', 1);
    return (logprob, index) => {
      const weight = weights[index]!;
      return { loss: -logprob * weight, gradient: -weight, counts: weight !== 0, isClipped: false };
    };
  },
};
