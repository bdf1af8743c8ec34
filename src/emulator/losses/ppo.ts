import { type Loss, NOTHING } from './loss.ts';
import { clipWith, probabilityRatio, THRESHOLD_TENSORS } from './probability-ratio.ts';

/**
 * The sum of -min(ratio · advantage, clipped ratio · advantage): proximal policy optimization (Schulman et al. 2017).
 * Where the clipped objective is the lesser one, the target has no gradient.
 */
export const ppo: Loss = {
  name: 'ppo',
  required: ['logprobs', 'advantages'],
  optional: THRESHOLD_TENSORS,
  settings: { clip_low_threshold: 0.8, clip_high_threshold: 1.2 },
  manyTargets: false,
  diagnostics: ['tokens:sum', 'clipped:sum'],
  bind(data) {
    const [sampled, advantages] = [data.numbers('logprobs'), data.numbers('advantages')];
    const clip = clipWith(data);
    return (logprob, index) => {
      const advantage = advantages[index]!;
      if (advantage === 0) return NOTHING;
      const ratio = probabilityRatio(logprob, sampled[index]!);
      const clipped = clip(ratio, index);
      const objective = ratio * advantage;
      const isLimited = clipped * advantage < objective;
      return {
        loss: isLimited ? -clipped * advantage : -objective,
        gradient: isLimited ? 0 : -objective,
        counts: true,
        isClipped: clipped !== ratio,
      };
    };
  },
};
