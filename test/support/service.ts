import {
  createServiceClient,
  type ServiceClient,
  type ServiceClientOptions,
  type TinkerEvent,
} from '../../src/index.ts';
import { type Answer, type SeenRequest, scriptedFetch } from '../../src/testing/scripted-fetch.ts';
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';

/** A service client with a scripted server. */
export interface ScriptedService {
  readonly service: ServiceClient;
  readonly clock: VirtualClock;
  readonly requests: readonly SeenRequest[];
  readonly events: TinkerEvent[];
  /** What the server answers from now on, by path; may be changed on the way. */
  readonly script: Record<string, readonly Answer[]>;
  /** Bodies of the requests to one path, in order. */
  bodies(path: string): unknown[];
  /** Close the service, and see that nothing of it is left. */
  finish(): Promise<void>;
}

/** Answers that make every call of a client succeed; `retrieve_future` tells results apart by the request's id. */
export function healthyScript(): Record<string, readonly Answer[]> {
  const future = (result: string): readonly Answer[] => [{ status: 200, body: { request_id: result } }];
  const results: Record<string, unknown> = {
    create_model: { model_id: 'sess-1:train:0' },
    forward: {
      loss_fn_output_type: 'x',
      loss_fn_outputs: [{ logprobs: { data: [-1, -2], dtype: 'float32', shape: [2] } }],
      metrics: { 'loss:sum': 1 },
    },
    forward_backward: { loss_fn_output_type: 'x', loss_fn_outputs: [], metrics: { 'loss:sum': 2 } },
    optim_step: { metrics: { 'grad_norm:mean': 3 } },
    save_weights: { path: 'tinker://r/weights/n' },
    load_weights: { path: 'tinker://a/weights/x' },
    save_weights_for_sampler: {
      path: 'tinker://r/sampler_weights/n',
      sampling_session_id: 'sess-1:sample:9',
    },
    asample: {
      sequences: [{ tokens: [1], logprobs: [-1], stop_reason: 'length' }],
      prompt_logprobs: [null, -2],
    },
  };
  return {
    create_session: [{ status: 200, body: { session_id: 'sess-1' } }],
    session_heartbeat: [{ status: 200 }],
    create_sampling_session: [{ status: 200, body: { sampling_session_id: 'sess-1:sample:9' } }],
    get_info: [{ status: 200, body: { model_id: 'sess-1:train:0' } }],
    get_server_capabilities: [{ status: 200, body: { supported_models: [{ model_name: 'm' }] } }],
    ...Object.fromEntries(Object.keys(results).map((path) => [path, future(path)])),
    retrieve_future: [
      async (request) => {
        const { request_id } = (await request.json()) as { request_id: string };
        return Response.json(results[request_id]);
      },
    ],
  };
}

/** A service client on virtual time whose server follows `script`, and is healthy where the script says nothing. */
export function scriptedService(
  script: Record<string, readonly Answer[]> = {},
  options: Partial<ServiceClientOptions> = {},
): ScriptedService {
  const clock = createVirtualClock();
  const events: TinkerEvent[] = [];
  const live = { ...healthyScript(), ...script };
  const { fetch, requests } = scriptedFetch(live, undefined, { clock });
  const service = createServiceClient({
    apiKey: 'tml-test',
    fetch,
    clock,
    random: () => 0,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return {
    service,
    clock,
    requests,
    events,
    script: live,
    bodies: (path) => requests.filter((request) => request.path === path).map(({ body }) => body),
    async finish() {
      await service.close();
      if (clock.pending > 0) throw new Error(`${clock.pending} timers are left`);
    },
  };
}
