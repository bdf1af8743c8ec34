import { isTinkerError, type TinkerError } from '../../src/kernel/errors.ts';
import { countListeners } from '../../src/testing/abort-listeners.ts';
import { type Answer, scriptedFetch } from '../../src/testing/scripted-fetch.ts';
import {
  createTransport,
  type TransportOptions,
  type TransportRequest,
} from '../../src/transport/transport.ts';
import { assertAlike, assertTrue, rejectionOf } from './assertions.ts';
import { inMemory, patientClock } from './patience.ts';

/** The key that every request carries. */
export const KEY = 'tml-canary-key-that-nobody-may-see';

/** A transport with a scripted server; `finish` sees that nothing of the exchanges is left. */
export function scriptedTransport(answers: readonly Answer[], options: Partial<TransportOptions> = {}) {
  const clock = patientClock();
  const controller = new AbortController();
  const listeners = countListeners(controller.signal);
  const { fetch, requests } = patientFetch(answers);
  const credential = async (): Promise<string> => KEY;
  const base = { baseUrl: 'https://tinker.test/base', authScheme: 'x-api-key', defaultHeaders: {} } as const;
  const transport = createTransport({ ...base, credential, fetch, clock, ...options });
  const send = (request: Partial<TransportRequest> = {}): Promise<unknown> =>
    transport.send({
      method: 'POST',
      path: '/api/v1/thing',
      body: { a: 1 },
      signal: controller.signal,
      timeoutMs: 60_000,
      ...request,
    });
  return {
    clock,
    controller,
    requests,
    send,
    get: () => clock.drive(send({ method: 'GET', body: undefined })),
    /** So many exchanges side by side: what each answers, or fails with. */
    together: (count: number): Promise<unknown[]> => {
      const one = (): Promise<unknown> =>
        send({ signal: new AbortController().signal }).catch((error) => error);
      return clock.drive(Promise.all(Array.from({ length: count }, one)));
    },
    failure: async (): Promise<TinkerError> => {
      const error = await rejectionOf('the exchange', () => clock.drive(send()));
      assertTrue(`an error of ours, not ${error}`, isTinkerError(error));
      return error as TinkerError;
    },
    finish: () => assertAlike('timers and listeners left', [clock.pending, listeners.left], [0, 0]),
  };
}

/** Answers that are only told are in memory; those that a case makes itself come in the pieces that it made. */
function patientFetch(answers: readonly Answer[]) {
  const made = new WeakSet<Response>();
  const thing = answers.map((answer): Answer => {
    if (typeof answer !== 'function') return answer;
    return async (request) => {
      const response = await answer(request);
      made.add(response);
      return response;
    };
  });
  const { fetch, requests } = scriptedFetch({ thing });
  return { fetch: inMemory(fetch, made), requests };
}
