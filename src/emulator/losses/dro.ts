import type { Loss } from './loss.ts';

/**
 * The sum of -(logprob · advantage - beta/2 · (logprob - sampled)²): direct reward optimization (Richemond et al. 2024).
 * A target without advantage is still held to the policy that sampled it.
 */
export const dro: Loss = {
  name: 'dro',
  required: ['logprobs', 'advantages'],
  optional: [],
  // Tinker documents no default; this is the value of its example.
  settings: { beta: 0.05 },
  manyTargets: false,
  diagnostics: ['tokens:sum'],
  bind({ numbers, setting }) {
    const [sampled, advantages] = [numbers('logprobs'), numbers('advantages')];
    const beta = setting('beta');
    return (logprob, index) => {
      const advantage = advantages[index]!;
      const distance = logprob - sampled[index]!;
      return {
        loss: (beta / 2) * distance * distance - logprob * advantage,
        gradient: beta * distance - advantage,
        counts: true,
        isClipped: false,
      };
    };
  },
};
