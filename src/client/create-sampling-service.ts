import { noTelemetry } from '../operations/telemetry/telemetry.ts';
import { resumeFuture, samplingKinds } from './resume.ts';
import type { SamplingService, SamplingServiceOptions } from './sampling-service.ts';
import { createServiceBase } from './service-base.ts';

/**
 * Connect to a server to sample from it, and for nothing else: with the same guarantees as `createServiceClient`, and
 * two thirds of its size. Does no I/O: the session is opened by the first call that needs one.
 *
 * @throws TinkerInputError - for an option that cannot be right.
 */
export function createSamplingService(options: SamplingServiceOptions): SamplingService {
  const { runtime, methods } = createServiceBase(options, () => noTelemetry);
  return { ...methods, resume: (handle, call) => resumeFuture(runtime, samplingKinds(), handle, call) };
}
