import { type Loss, NOTHING } from './loss.ts';
import { probabilityRatio } from './probability-ratio.ts';

/** The sum of -ratio · advantage: the policy gradient, corrected for tokens that another policy sampled. */
export const importanceSampling: Loss = {
  name: 'importance_sampling',
  required: ['logprobs', 'advantages'],
  optional: [],
  settings: {},
  manyTargets: false,
  diagnostics: ['tokens:sum'],
  bind({ numbers }) {
    const [sampled, advantages] = [numbers('logprobs'), numbers('advantages')];
    return (logprob, index) => {
      const advantage = advantages[index]!;
      if (advantage === 0) return NOTHING;
      const loss = -probabilityRatio(logprob, sampled[index]!) * advantage;
      // The ratio is its own derivative.
      return { loss, gradient: loss, counts: true, isClipped: false };
    };
  },
};
