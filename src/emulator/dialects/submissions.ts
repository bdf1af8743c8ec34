import type { EmulatorDialect } from './dialect.ts';
import type { Exchange, Layer } from './exchange.ts';
import { editAnswer, type JsonObject, jsonAnswer, jsonOf } from './json-body.ts';

/** As TinkerCloud answers (servers.md 1.4). */
const DEPRECATED = {
  success: false,
  message: 'load_weights is deprecated: name the checkpoint in create_model',
};

/** The answers to submissions: what else they say beside the future's id, and how they call that. */
export function submissions(dialect: EmulatorDialect): Layer | undefined {
  const { submitReply, requestIdField, requestIdForm, loadsWithoutFuture, sampleSequenceIds } = dialect;
  const isHosted =
    submitReply === 'model-id' &&
    requestIdField === 'request_id' &&
    requestIdForm !== 'number' &&
    !loadsWithoutFuture &&
    !sampleSequenceIds;
  if (isHosted) return undefined;
  let sampled = 0;

  const sequencesOf = (exchange: Exchange): JsonObject => {
    if (!sampleSequenceIds || exchange.path !== 'asample') return {};
    const count = Number(jsonOf(exchange)?.['num_samples'] ?? 1);
    return { sample_sequence_ids: Array.from({ length: count }, () => `sequence-${++sampled}`) };
  };

  return (next) => async (exchange) => {
    if (loadsWithoutFuture && exchange.path === 'load_weights') return jsonAnswer(DEPRECATED);
    const answer = await next(exchange);
    if (exchange.path === 'retrieve_future' || answer.status >= 300) return answer;
    return editAnswer(answer, (body) => {
      const { request_id: requestId, model_id: modelId, ...others } = body;
      if (typeof requestId !== 'string') return body;
      return {
        ...others,
        [requestIdField]: requestIdForm === 'number' ? Number(requestId) : requestId,
        ...(submitReply === 'bare' ? {} : { model_id: submitReply === 'model-id' ? modelId : null }),
        ...sequencesOf(exchange),
      };
    });
  };
}
