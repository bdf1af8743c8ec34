import { TinkerResponseError } from '../kernel/errors.ts';
import { startOperation } from '../operations/api-future.ts';
import type { RequestType } from '../operations/polling/poll-request.ts';
import { createQueueObserver } from '../operations/queue-observer.ts';
import { type Runtime, sendResilient } from '../operations/runtime.ts';
import type { CallOptions } from '../operations/scope.ts';
import { readSubmitted, type SubmittedFuture } from '../wire/json/futures.ts';
import { readModelId } from '../wire/json/training.ts';
import { onePart } from './operation-results.ts';
import type { OpenSession } from './session-opening.ts';

/** Makes the models of one service, and numbers them. */
export interface ModelCreation {
  /**
   * Make a model with one request.
   *
   * @param name - What it is made from, for messages.
   * @param bodyOf - The request, once its session and its number in it are known.
   * @returns its id.
   */
  create(
    request: {
      readonly path: string;
      readonly type: RequestType;
      readonly name: string;
      bodyOf(sessionId: string, number: number): object;
      /** Its id, where the client makes it up (protocol 0.3). @default the server tells */
      idOf?(sessionId: string, number: number): string;
    },
    options: CallOptions | undefined,
  ): Promise<string>;
}

/** None yet. */
export function createModelCreation(runtime: Runtime, session: OpenSession): ModelCreation {
  let nextNumber = 0;

  return {
    async create({ path, type, name, bodyOf, idOf }, options) {
      const subject = { name: `Model creation for ${name}`, kind: 'training' } as const;
      let submitted: SubmittedFuture | undefined;
      let ownId: string | undefined;
      return startOperation(
        runtime,
        {
          path,
          type,
          observer: createQueueObserver(runtime.clock, runtime.emit, subject),
          submit: async (scope, { onSend, onFailure }) => {
            const sessionId = await session(scope.signal);
            const number = nextNumber++;
            ownId = idOf?.(sessionId, number);
            const body = bodyOf(sessionId, number);
            const request = { method: 'POST', path, lane: 'train', body, scope, onSend, onFailure } as const;
            submitted = readSubmitted(await sendResilient(runtime, request));
            return [submitted];
          },
          // Servers name the model in the result, in the reply to the submission, or by the future's own id.
          decode: onePart((body) => {
            const id = readModelId(body) ?? ownId ?? submitted?.modelId ?? submitted?.requestId;
            if (id === undefined) throw new TinkerResponseError(`${path} made a model without an id`);
            return id;
          }),
          handle: () => ({ kind: 'create_model' }),
        },
        options,
      );
    },
  };
}
