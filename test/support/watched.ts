import type { Emulator, EmulatorOptions } from '../../src/emulator/index.ts';
import type { ServiceClientOptions, TinkerEvent, TrainingClient } from '../../src/index.ts';
import { batch, type Offline, offline } from './offline.ts';

/** A request that the client made, and what came back. */
export interface WatchedCall {
  readonly method: string;
  /** What follows `/api/v1/`, with the query. */
  readonly path: string;
  readonly headers: Headers;
  /** Of a JSON body; `{}` for any other. */
  // biome-ignore lint/suspicious/noExplicitAny: read by tests, which know what the client sends.
  readonly body: any;
  readonly bytes: Uint8Array;
  /** On the virtual clock. */
  readonly sentAt: number;
  /** 0 until there is an answer. */
  readonly status: number;
  /** `undefined` until there is an end. */
  readonly endedAt: number | undefined;
}

/** A client and an emulator with somebody between them who takes notes. */
export interface Watched extends Offline {
  readonly events: readonly TinkerEvent[];
  readonly calls: readonly WatchedCall[];
  /** The calls to one path. */
  to(path: string): WatchedCall[];
  training(rank?: number): Promise<TrainingClient>;
  /** The loss of one step on the usual data. */
  step(training: TrainingClient, data?: ReturnType<typeof batch>): Promise<number | undefined>;
  /** Close the service, and see that nothing of it is left. */
  finish(): Promise<void>;
}

/** What changes an answer on its way to the client. */
export type Edit = (path: string, response: Response) => Response | Promise<Response>;

/** Wire a client to an emulator. @param edit - Changes answers that no dialect gives. */
export function watched(
  emulatorOptions: EmulatorOptions,
  client: Partial<ServiceClientOptions> = {},
  edit: Edit = (_, response) => response,
): Watched {
  const calls: WatchedCall[] = [];
  const events: TinkerEvent[] = [];
  const watching =
    (fetch: Emulator['fetch']): Emulator['fetch'] =>
    async (request) => {
      const call = await noteOf(request, setup.clock.monotonic());
      calls.push(call);
      try {
        const response = await edit(call.path, await fetch(request));
        call.status = response.status;
        return response;
      } finally {
        call.endedAt = setup.clock.monotonic();
      }
    };
  const setup = offline({
    emulator: emulatorOptions,
    client: { onEvent: (event) => events.push(event), ...client },
    wrap: watching,
  });
  const { clock, service, emulator } = setup;
  return {
    ...setup,
    events,
    calls,
    to: (path) => calls.filter((call) => call.path === path),
    training: (rank = 4) =>
      clock.drive(service.createLoraTrainingClient({ baseModel: emulator.modelName, rank, seed: 3 })),
    async step(training, data = batch(2, 8)) {
      const { forwardBackward } = await clock.drive(training.trainStep(data, 'cross_entropy'));
      return forwardBackward.metrics['loss:sum'];
    },
    async finish() {
      await service.close();
      // What the emulator still holds for polls that were given up.
      await clock.advance(400_000);
      if (clock.pending > 0) throw new Error(`${clock.pending} timers are left`);
    },
  };
}

type Note = { -readonly [K in keyof WatchedCall]: WatchedCall[K] };

async function noteOf(request: Request, sentAt: number): Promise<Note> {
  const { method, headers, url } = request;
  const bytes = new Uint8Array(await request.clone().arrayBuffer());
  const isJson = headers.get('content-type') === 'application/json' && bytes.length > 0;
  const body = isJson ? JSON.parse(new TextDecoder().decode(bytes)) : {};
  const path = url.replace(/^.*?\/api\/v1\//, '');
  return { method, headers, path, body, bytes, sentAt, status: 0, endedAt: undefined };
}

/** The answer's JSON, changed. */
export async function edited(
  response: Response,
  // biome-ignore lint/suspicious/noExplicitAny: read by tests, which know what is in it.
  change: (body: any) => unknown,
): Promise<Response> {
  const { status, headers } = response;
  return new Response(JSON.stringify(change(await response.json())), { status, headers });
}
