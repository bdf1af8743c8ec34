import { type Loss, NOTHING } from './loss.ts';
import { clipWith, probabilityRatio, THRESHOLD_TENSORS } from './probability-ratio.ts';

/**
 * The sum of -clipped ratio · logprob · advantage, the ratio taken as a constant: every target keeps a gradient, of
 * bounded size (MiniMax 2025). As Tinker documents it, there is no lower threshold unless one is given.
 */
export const cispo: Loss = {
  name: 'cispo',
  required: ['logprobs', 'advantages'],
  optional: THRESHOLD_TENSORS,
  settings: { clip_low_threshold: 0, clip_high_threshold: 4 },
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
      const gradient = -clipped * advantage;
      return { loss: gradient * logprob, gradient, counts: true, isClipped: clipped !== ratio };
    };
  },
};
