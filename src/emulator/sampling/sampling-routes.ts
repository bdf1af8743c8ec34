import { isFailure } from '../futures/operation-failure.ts';
import { fieldsOf } from '../http/fields.ts';
import { type Handler, json, problem, type Routes } from '../http/http.ts';
import type { Session } from '../sessions/sessions.ts';
import type { EmulatorState } from '../state.ts';
import { generate } from './generation.ts';
import { type GenerationRequest, readGeneration } from './generation-request.ts';
import { SAMPLE_RESULT, type SampleResult } from './sample-result.ts';

/** Routes of sampling (protocol 2.6) and of futures (3). */
export function samplingRoutes(state: EmulatorState): Routes {
  return {
    'POST asample': asample(state),
    'POST retrieve_future': ({ body, request }) => {
      const fields = fieldsOf(body);
      return state.futures.retrieve({
        requestId: fields.text('request_id'),
        accept: request.headers.get('accept') ?? '',
        allowMetadataOnly: fields.flag('allow_metadata_only', false),
        signal: request.signal,
      });
    },
  };
}

function asample(state: EmulatorState): Handler {
  const { model, device, random, samplers, samplerRecords, futures, admission } = state;
  return ({ request, body, bytes, account }) => {
    const fields = fieldsOf(body);
    const samplerId = fields.text('sampling_session_id');
    const record = samplerRecords.find(samplerId);
    if (record?.session.owner !== account.id)
      throw problem(404, `Sampling session "${samplerId}" is unknown or was closed`);
    const { weights, prefixes, requests } = samplers.get(samplerId);
    const wanted = readGeneration(fields);
    const mayRefuse = request.headers.get('x-tinker-sampling-backpressure') === '1';
    const run = async (): Promise<SampleResult> => {
      const result = await generate({ model, weights, prefixes, device, random }, wanted);
      countUsage(state, record.session, wanted, result);
      return result;
    };
    const open = (): string =>
      futures.open(
        admission.admit(mayRefuse, () => device.run(run)),
        SAMPLE_RESULT,
      );
    const sequenceId = fields.optionalBigInteger('seq_id');
    return json({ request_id: sequenceId === undefined ? open() : requests.once(sequenceId, bytes, open) });
  };
}

/** A prompt counts once, however many samples it gets. */
function countUsage(
  { usage }: EmulatorState,
  session: Session,
  { prompt }: GenerationRequest,
  { sequences, promptCacheHitTokens }: SampleResult,
): void {
  const promptTokens = isFailure(prompt) ? 0 : prompt.length;
  usage.count(session, 'sampling_prefill', promptTokens - promptCacheHitTokens);
  usage.count(session, 'sampling_prefill_cached', promptCacheHitTokens);
  const sampled = sequences.reduce((sum, { tokens }) => sum + tokens.length, 0);
  usage.count(session, 'sampling_sample', sampled);
}
