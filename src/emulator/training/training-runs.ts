import type { Clock } from '../../kernel/clock.ts';
import type { Account } from '../accounts/accounts.ts';
import type { UserMetadata } from '../accounts/user-metadata.ts';
import type { Device } from '../device.ts';
import { createNumberedRequests, type NumberedRequests } from '../futures/numbered-requests.ts';
import { userFailure } from '../futures/operation-failure.ts';
import { createOrderedJobs, type OrderedJobs } from '../futures/ordered-jobs.ts';
import { problem } from '../http/http.ts';
import type { AdamWState } from '../model/adamw.ts';
import type { Adapter } from '../model/adapter.ts';
import type { Kernels } from '../model/kernels.ts';
import type { Session } from '../sessions/sessions.ts';
import type { TinyModel } from '../tiny-model.ts';

/** One adapter in training, and the order of its requests. */
export interface TrainingRun {
  /** Also the model's id: `{session}:train:{n}` (protocol 0.3). */
  readonly id: string;
  readonly session: Session;
  readonly userMetadata: UserMetadata;
  readonly adapter: Adapter;
  readonly optimizer: AdamWState;
  readonly requests: NumberedRequests;
  readonly jobs: OrderedJobs;
  /** When something was last asked of it, in milliseconds since the Unix epoch. */
  lastRequestAt: number;
  /** Whether its weights are gone. */
  isUnloaded: boolean;
}

/** What a run is made of. */
export type NewTrainingRun = Pick<TrainingRun, 'id' | 'session' | 'userMetadata' | 'adapter' | 'optimizer'>;

/** The training runs of an emulator. */
export interface TrainingRuns {
  create(run: NewTrainingRun): void;
  /** Note a request. @throws HttpProblem 404 - for a run that is unknown, or another's. */
  touch(id: string, account: Account): TrainingRun;
  find(id: string): TrainingRun | undefined;
  /** All of them, the latest first. */
  list(): readonly TrainingRun[];
  /** Give back a run's memory; what is asked of it afterwards fails. Not while an operation runs. */
  unload(run: TrainingRun): void;
}

/** No run yet. */
export function createTrainingRuns(model: TinyModel, device: Device, clock: Clock): TrainingRuns {
  const runs = new Map<string, TrainingRun>();
  return {
    create(run) {
      const [requests, jobs] = [createNumberedRequests(), createOrderedJobs(device)];
      runs.set(run.id, { ...run, requests, jobs, lastRequestAt: clock.now(), isUnloaded: false });
    },
    touch(id, account) {
      const run = runs.get(id);
      if (run?.session.owner !== account.id) throw problem(404, `Model "${id}" is unknown`);
      run.lastRequestAt = clock.now();
      return run;
    },
    find: (id) => runs.get(id),
    list: () => [...runs.values()].reverse(),
    unload(run) {
      if (!run.isUnloaded) releaseAdapter(run.adapter, model.kernels);
      run.isUnloaded = true;
    },
  };
}

/** @throws OperationFailure - for a run whose weights are gone. */
export function requireLoaded({ id, isUnloaded }: TrainingRun): void {
  if (isUnloaded) throw userFailure(`Model "${id}" was unloaded; create another, or load a checkpoint of it`);
}

/** Give back an adapter's memory; it must not be used afterwards. */
export function releaseAdapter({ parameters }: Adapter, kernels: Kernels): void {
  for (const { values, gradient } of parameters) {
    kernels.release(values);
    kernels.release(gradient);
  }
}
