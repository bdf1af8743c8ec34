import { type FutureDialect, HOSTED_FUTURES } from '../futures/future-dialect.ts';
import type { OperationFailure } from '../futures/operation-failure.ts';
import type { QueueState } from '../futures/operation-gate.ts';
import { json } from '../http/http.ts';
import type { EmulatorDialect, MissingFuture } from './dialect.ts';
import { dialectRequestIds } from './dialect-ids.ts';
import { resultForms } from './result-forms.ts';

type Pending = FutureDialect['pending'];

/** After how long a queue is to be asked again, in seconds. */
const QUEUE_RETRY_SECONDS = 1;

const tryAgain = (requestId: string, { state, reason }: QueueState): object => ({
  type: 'try_again',
  request_id: requestId,
  queue_state: state,
  queue_state_reason: reason,
});

const PENDING: Readonly<Record<EmulatorDialect['pending'], Pending>> = {
  '408-try-again': HOSTED_FUTURES.pending,
  '408': () => new Response(null, { status: 408 }),
  '408-detail': () => json({ detail: 'Timeout waiting for result' }, 408),
  '408-queue': (requestId, queue) => {
    const numbers = { status: 'queued', queue_position: 3, estimated_wait_s: 4.5 };
    const progress = { tokens_generated: 0, max_tokens: 64 };
    const headers = {
      'retry-after': String(QUEUE_RETRY_SECONDS),
      'x-queue-position': '3',
      'x-queue-state': queue.state,
    };
    return json({ ...tryAgain(requestId, queue), ...numbers, progress }, 408, headers);
  },
  '200-try-again': (requestId, queue) => json(tryAgain(requestId, queue)),
  '200-bare': (_, { state, reason }) =>
    json({
      type: 'try_again',
      // As Python names its enumerations; and only what there is to say.
      ...(state === 'active' ? {} : { queue_state: state.toUpperCase(), queue_state_reason: reason }),
    }),
};

/** The answers to polls in the dialect's form. */
export function futureForms(dialect: EmulatorDialect): FutureDialect {
  const pending = PENDING[dialect.pending];
  return {
    requestIds: dialectRequestIds(dialect),
    wording: resultForms(dialect),
    pending,
    failed: (_, failure) => failed(dialect, failure),
    missing(requestId, how, queue) {
      const form = how === 'expired' ? dialect.expiredFuture : dialect.unknownFuture;
      return form === 'pending' ? pending(requestId, queue) : missing(dialect, form, how);
    },
    encodingFor: (accept) => (dialect.resultFormat === 'json' ? 'json' : HOSTED_FUTURES.encodingFor(accept)),
    announcesSize: dialect.metadataPeek,
    isOneShot: dialect.resultRetention === 'one-shot',
    keptMs: dialect.keptMs,
    // The emulator's option has it already.
    holdMs: undefined,
  };
}

function failed({ failure: form, failureCategories }: EmulatorDialect, failure: OperationFailure): Response {
  const { error, category } = failure;
  switch (form) {
    case '200-error':
      return json({ error, category: failureCategories[category] });
    case '400-error-message':
      return json({ type: 'RequestFailedResponse', error_message: error }, 400);
    case '400-error':
      return json({ error }, 400);
    default:
      return json({ detail: error }, form === '400-detail' ? 400 : 500);
  }
}

function missing(
  { failureCategories }: EmulatorDialect,
  form: Exclude<MissingFuture, 'pending'>,
  how: 'unknown' | 'expired',
): Response {
  const words = how === 'expired' ? 'The result has expired' : 'Future not found';
  if (form === '200-error') return json({ error: words, category: failureCategories.user });
  return json({ detail: words }, form);
}
