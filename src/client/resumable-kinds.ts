import type { FutureHandle, ResumableKind } from '../operations/future-handle.ts';
import { readLoaded, readModelId, readOptimStep, readSaved } from '../wire/json/training.ts';
import type { ForwardBackwardOutput } from '../wire/types/training.ts';
import { onePart, readPass } from './operation-results.ts';
import { type ResumedKinds, samplingKinds } from './resume.ts';

/** All kinds of operations that can be resumed. */
export function allKinds(): ResumedKinds<ResumableKind> {
  return {
    create_model: {
      type: 'CreateModel',
      read: (bodies, { requestIds }) => onePart((body) => readModelId(body) ?? requestIds[0] ?? '')(bodies),
    },
    forward: { type: 'Forward', isLarge: true, isPass: true, read: readPass },
    forward_backward: { type: 'ForwardBackward', isLarge: true, isPass: true, read: passWithMetrics },
    optim_step: { type: 'OptimStep', read: onePart(readOptimStep) },
    save_weights: { type: 'SaveWeights', read: onePart((body) => readSaved(body)) },
    load_weights: { type: 'LoadWeights', read: onePart(readLoaded) },
    unload_model: { type: 'UnloadModel', read: onePart((body) => ({ modelId: readModelId(body) })) },
    ...samplingKinds(),
  };
}

/** With those that only the client knew: of a loss of its own. */
function passWithMetrics(bodies: readonly unknown[], { metrics }: FutureHandle): ForwardBackwardOutput {
  const output = readPass(bodies);
  return metrics === undefined ? output : { ...output, metrics: { ...output.metrics, ...metrics } };
}
