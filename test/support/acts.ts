import type { EmulatorOptions } from '../../src/emulator/index.ts';
import type {
  CallOptions,
  FetchLike,
  SamplingClient,
  ServiceClient,
  ServiceClientOptions,
  TrainingClient,
} from '../../src/index.ts';
import type { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { name, type Shape } from './result-shapes.ts';

/** Where an act plays. */
export interface Stage {
  readonly service: ServiceClient;
  readonly clock: VirtualClock;
  readonly model: string;
  /** Limit of every call, and a signal that many share. */
  readonly limit: CallOptions;
  /** How many to make of the calls that can be made over and over. */
  readonly copies: number;
  /**
   * Make one call, and look at what it comes to.
   *
   * @param view - The part that is looked at. @default all of it
   * @returns `undefined` where it fails.
   */
  call<T>(
    name: string,
    shape: Shape,
    work: () => PromiseLike<T>,
    view?: (value: T) => unknown,
  ): Promise<T | undefined>;
  /** Make calls side by side, begun in this order; one by one while their replies are recorded. */
  together(calls: readonly (() => Promise<unknown>)[]): Promise<void>;
}

/** A use of the client. On a server in good health all its calls succeed. */
export interface Act {
  readonly name: string;
  readonly emulator?: EmulatorOptions;
  readonly client?: Partial<ServiceClientOptions>;
  /** Another server of the same protocol. */
  readonly wrap?: (fetch: FetchLike) => FetchLike;
  play(stage: Stage): Promise<void>;
}

/** Secrets that clients of these acts have. */
export const KEY = 'tml-canary-key-0123456789abcdef';
export const OWNERS_KEY = 'tml-owners-key-fedcba9876543210';

/** A training client, made by a call of the act. */
export function trainer({ service, model, limit, call }: Stage): Promise<TrainingClient | undefined> {
  const lora = { baseModel: model, rank: 2, seed: 1, userMetadata: { purpose: 'test' } };
  const work = () => service.createLoraTrainingClient(lora, limit);
  return call('createLoraTrainingClient', name, work, ({ modelId }) => modelId);
}

/** A sampling client, made by a call of the act. */
export function sampler({ service, model, limit, call }: Stage): Promise<SamplingClient | undefined> {
  const work = () => service.createSamplingClient({ baseModel: model }, limit);
  return call('createSamplingClient', name, work, ({ samplingSessionId }) => samplingSessionId);
}
