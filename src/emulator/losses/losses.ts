import { cispo } from './cispo.ts';
import { crossEntropy } from './cross-entropy.ts';
import { dro } from './dro.ts';
import { importanceSampling } from './importance-sampling.ts';
import type { Loss } from './loss.ts';
import { ppo } from './ppo.ts';

/** Every loss of the protocol (4.4), as Tinker's documentation defines them. */
export const LOSSES: readonly Loss[] = [crossEntropy, importanceSampling, ppo, cispo, dro];
