import type { Device } from './device.ts';
import { problem } from './http.ts';
import { type AdamWState, createAdamWState } from './model/adamw.ts';
import { type Adapter, createAdapter, type LoraSpec } from './model/adapter.ts';
import { createNumberedRequests, type NumberedRequests } from './numbered-requests.ts';
import { createOrderedJobs, type OrderedJobs } from './ordered-jobs.ts';
import type { TinyModel } from './tiny-model.ts';

/** One adapter in training, and the order of its requests. */
export interface TrainingRun {
  /** Also the model's id: `{session}:train:{n}` (protocol 0.3). */
  readonly id: string;
  readonly sessionId: string;
  readonly adapter: Adapter;
  readonly optimizer: AdamWState;
  readonly requests: NumberedRequests;
  readonly jobs: OrderedJobs;
}

/** The training runs of an emulator. */
export interface TrainingRuns {
  create(id: string, sessionId: string, spec: LoraSpec): void;
  /** @throws HttpProblem 404 */
  get(id: string): TrainingRun;
}

/** No run yet. */
export function createTrainingRuns(model: TinyModel, device: Device): TrainingRuns {
  const runs = new Map<string, TrainingRun>();
  return {
    create(id, sessionId, spec) {
      const adapter = createAdapter(model.config, spec, model.kernels);
      const optimizer = createAdamWState(adapter);
      const [requests, jobs] = [createNumberedRequests(), createOrderedJobs(device)];
      runs.set(id, { id, sessionId, adapter, optimizer, requests, jobs });
    },
    get(id) {
      const run = runs.get(id);
      if (run === undefined) throw problem(404, `Model "${id}" is unknown`);
      return run;
    },
  };
}
