import type { EmulatorDialect } from './dialect.ts';
import type { Layer } from './exchange.ts';
import { jsonAnswer, jsonOf } from './json-body.ts';

/** The fields of each request in release 0.16 of the protocol; later ones are not among them. */
const KNOWN_FIELDS: Readonly<Record<string, readonly string[]>> = {
  create_session: ['tags', 'user_metadata', 'sdk_version', 'type'],
  session_heartbeat: ['session_id', 'type'],
  create_sampling_session: ['session_id', 'sampling_session_seq_id', 'base_model', 'model_path', 'type'],
  create_model: ['session_id', 'model_seq_id', 'base_model', 'user_metadata', 'lora_config', 'type'],
  get_info: ['model_id', 'type'],
  unload_model: ['model_id', 'type'],
  forward: ['forward_input', 'model_id', 'seq_id'],
  forward_backward: ['forward_backward_input', 'model_id', 'seq_id'],
  optim_step: ['adam_params', 'model_id', 'seq_id', 'type'],
  save_weights: ['model_id', 'path', 'seq_id', 'type'],
  save_weights_for_sampler: ['model_id', 'path', 'seq_id', 'sampling_session_seq_id', 'type'],
  load_weights: ['model_id', 'path', 'seq_id', 'optimizer', 'type'],
  weights_info: ['tinker_path'],
  asample: [
    'num_samples',
    'prompt',
    'sampling_params',
    'base_model',
    'model_path',
    'sampling_session_id',
    'seq_id',
    'prompt_logprobs',
    'type',
  ],
  retrieve_future: ['request_id'],
};

/** Refuses fields that it does not know, all of a request at once, as pydantic does. */
export function strictFields({ strictFields: isStrict }: EmulatorDialect): Layer | undefined {
  if (!isStrict) return undefined;
  return (next) => async (exchange) => {
    const known = Object.hasOwn(KNOWN_FIELDS, exchange.path) ? KNOWN_FIELDS[exchange.path] : undefined;
    const body = known && jsonOf(exchange);
    const strangers = Object.keys(body ?? {}).filter((name) => known?.includes(name) === false);
    if (strangers.length === 0) return next(exchange);
    const detail = strangers.map((name) => ({
      type: 'extra_forbidden',
      loc: ['body', name],
      msg: 'Extra inputs are not permitted',
      input: body?.[name],
    }));
    return jsonAnswer({ detail }, 422);
  };
}
