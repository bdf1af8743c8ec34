import type { RandomSource } from '../kernel/random.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Device } from './device.ts';
import type { Futures } from './futures.ts';
import type { NumberedRequests } from './numbered-requests.ts';
import type { Samplers } from './samplers.ts';
import type { Sessions } from './sessions.ts';
import type { TinyModel } from './tiny-model.ts';
import type { TrainingRuns } from './training-runs.ts';

/** All that an emulator knows; its routes share it. */
export interface EmulatorState {
  readonly model: TinyModel;
  readonly device: Device;
  readonly random: RandomSource;
  readonly futures: Futures;
  readonly sessions: Sessions;
  readonly runs: TrainingRuns;
  readonly samplers: Samplers;
  readonly checkpoints: Checkpoints;
  /** `create_model` requests, by session. */
  modelRequests(sessionId: string): NumberedRequests;
}
