import { userFailure } from '../futures/operation-failure.ts';
import type { EmulatorState } from '../state.ts';
import type { EmulatorDialect } from './dialect.ts';
import type { Answer, Exchange, Layer } from './exchange.ts';
import { answerJson, editJson, type JsonObject, jsonAnswer, jsonOf, problemAnswer } from './json-body.ts';

/** What is made of samples: of their temperature, of sessions without a base model, and of too many at once. */
export function samplingRequests(
  { temperatureOfZero, samplingNeedsBaseModel, backpressure }: EmulatorDialect,
  { futures }: Pick<EmulatorState, 'futures'>,
): Layer | undefined {
  if (temperatureOfZero === 0 && !samplingNeedsBaseModel && backpressure === '429') return undefined;
  const nameless = new Set<unknown>();

  function noteSession(exchange: Exchange, answer: Answer): void {
    const { base_model, model_path } = jsonOf(exchange) ?? {};
    if (base_model === undefined && model_path !== undefined)
      nameless.add(answerJson(answer)?.['sampling_session_id']);
  }

  return (next) => async (exchange) => {
    if (exchange.path === 'create_sampling_session') {
      const answer = await next(exchange);
      noteSession(exchange, answer);
      return answer;
    }
    if (exchange.path !== 'asample') return next(exchange);
    const { sampling_session_id: session, base_model: baseModel } = jsonOf(exchange) ?? {};
    if (samplingNeedsBaseModel && baseModel === undefined && nameless.has(session))
      return problemAnswer(400, 'base_model is required');
    const answer = await next(temperatureOfZero === 0 ? exchange : editJson(exchange, withoutZero));
    if (backpressure === '429' || answer.status !== 429) return answer;
    const failed = futures.open(Promise.reject(userFailure('Rate limit exceeded: too many samples at once')));
    return jsonAnswer({ request_id: failed });
  };
}

/** Falsy, so it gets the default (servers.md 1.2). */
function withoutZero(body: JsonObject): JsonObject {
  const params = body['sampling_params'] as JsonObject | undefined;
  if (params?.['temperature'] !== 0) return body;
  return { ...body, sampling_params: { ...params, temperature: 1 } };
}
