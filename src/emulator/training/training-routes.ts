import { identityOf } from '../accounts/request-identity.ts';
import { isFailure } from '../futures/operation-failure.ts';
import { orderedOperation, submitInOrder } from '../futures/ordered-operation.ts';
import type { Fields } from '../http/fields.ts';
import { fieldsOf } from '../http/fields.ts';
import type { Call, Handler, Routes } from '../http/http.ts';
import { type AdamWOptions, adamWStep } from '../model/adamw.ts';
import {
  decodeForwardBackwardRequest,
  type ForwardBackwardRequest,
} from '../protobuf/forward-backward-request.ts';
import type { EmulatorState } from '../state.ts';
import { checkForwardInput } from './forward-input.ts';
import { runForward } from './forward-pass.ts';
import { readJsonTraining } from './training-request.ts';
import { FORWARD_OUTPUT } from './training-result.ts';

/** Routes of training (protocol 2.4). */
export function trainingRoutes(state: EmulatorState): Routes {
  return {
    'POST forward': pass(state, (call) => readJson(call, 'forward_input', true)),
    'POST forward_backward': pass(state, (call) => {
      if (isProtobuf(call.request)) return [decodeForwardBackwardRequest(call.bytes), 'body'];
      return readJson(call, 'forward_backward_input', fieldsOf(call.body).flag('forward_only', false));
    }),
    'POST optim_step': orderedOperation(state, (run, fields) => {
      const options = readAdam(fields.object('adam_params'));
      return () => {
        const { gradientNorm } = adamWStep(run.adapter, run.optimizer, options);
        return { metrics: { 'grad_norm:mean': gradientNorm, 'learning_rate:mean': options.learningRate } };
      };
    }),
  };
}

/** A request in either encoding, and where its batch is in the body. */
type ReadPass = (call: Call) => readonly [ForwardBackwardRequest, string];

function pass(state: EmulatorState, read: ReadPass): Handler {
  return (call) => {
    const [request, at] = read(call);
    const { modelId, sequenceId, forwardOnly } = request;
    return submitInOrder(state, {
      account: call.account,
      modelId,
      sequenceId,
      identity: identityOf(request, forwardOnly),
      encoding: FORWARD_OUTPUT,
      prepare(run) {
        const input = checkForwardInput(request, at);
        return () => {
          if (isFailure(input)) throw input;
          const output = runForward(state.model, run.adapter, input, !forwardOnly);
          const tokens = input.examples.reduce((sum, { sequence }) => sum + sequence.tokens.length, 0);
          state.usage.count(run.session, 'training', tokens);
          return output;
        };
      },
    });
  };
}

function readJson(
  { body }: Call,
  key: string,
  forwardOnly: boolean,
): readonly [ForwardBackwardRequest, string] {
  const fields = fieldsOf(body);
  const [modelId, sequenceId] = [fields.text('model_id'), fields.optionalInteger('seq_id')];
  const at = `body.${key}`;
  return [{ modelId, sequenceId, forwardOnly, ...readJsonTraining(fields.object(key), at) }, at];
}

function isProtobuf(request: Request): boolean {
  return (request.headers.get('content-type') ?? '').toLowerCase().includes('application/x-protobuf');
}

/** With the defaults of protocol 2.4. */
function readAdam(params: Fields): AdamWOptions {
  return {
    learningRate: params.number('learning_rate', 1e-4),
    beta1: params.number('beta1', 0.9),
    beta2: params.number('beta2', 0.95),
    epsilon: params.number('eps', 1e-12),
    weightDecay: params.number('weight_decay', 0),
    gradientClipNorm: params.number('grad_clip_norm', 0),
  };
}
