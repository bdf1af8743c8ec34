import type { RestClient } from '../../src/client/rest/rest-client.ts';
import {
  createServiceClient,
  type ServiceClient,
  type ServiceClientOptions,
  type TinkerEvent,
} from '../../src/index.ts';
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';

/** A request to the routes of the REST client, as it was seen. */
export interface SeenCall {
  readonly method: string;
  /** What follows `/api/v1/`, with the query, as it was sent. For another address the whole of it. */
  readonly target: string;
  readonly body: string;
  readonly headers: Headers;
  /** On the clock's `monotonic()`. */
  readonly at: number;
  readonly request: Request;
}

/** A REST client with a server that is code. */
export interface RestSetup {
  readonly rest: RestClient;
  readonly service: ServiceClient;
  readonly clock: VirtualClock;
  readonly calls: readonly SeenCall[];
  readonly events: readonly TinkerEvent[];
  /** Method and target of each request so far. */
  lines(): string[];
  /** Close the service, and see that nothing of it is left. */
  finish(): Promise<void>;
}

/** What answers: by the number of the request (from 0), and by what it asks. */
export type RestServer = (call: SeenCall, index: number) => Response | Promise<Response>;

/** A JSON answer. */
export function answer(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

/** An answer without a body. */
export function bare(status: number, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers });
}

/** A client on virtual time, without jitter. The server is not asked for what every client asks for. */
export function restSetup(server: RestServer, options: Partial<ServiceClientOptions> = {}): RestSetup {
  const clock = createVirtualClock();
  const calls: SeenCall[] = [];
  const events: TinkerEvent[] = [];
  const service = createServiceClient({
    apiKey: 'tml-test-key-of-the-caller',
    baseUrl: 'https://tinker.test/base',
    async fetch(request) {
      const target = request.url.replace('https://tinker.test/base/api/v1/', '');
      if (target.startsWith('client/')) return answer({ detail: 'Not Found' }, 404);
      const { method, headers } = request;
      const body = await request.clone().text();
      const call: SeenCall = { method, target, headers, body, at: clock.monotonic(), request };
      calls.push(call);
      request.signal.throwIfAborted();
      return server(call, calls.length - 1);
    },
    clock,
    random: () => 0,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return {
    rest: service.createRestClient(),
    service,
    clock,
    calls,
    events,
    lines: () => calls.map(({ method, target }) => `${method} ${target}`),
    async finish() {
      await service.close();
      if (clock.pending > 0) throw new Error(`${clock.pending} timers are left`);
    },
  };
}

/** Answers in order, the last one for ever. */
export function inOrder(...answers: readonly (() => Response | Promise<Response>)[]): RestServer {
  return (_, index) => {
    const next = answers[Math.min(index, answers.length - 1)];
    if (next === undefined) throw new Error('No answer was given');
    return next();
  };
}

/** A connection that breaks: nobody knows what it did. */
export function lost(): never {
  throw new TypeError('fetch failed', { cause: new Error('read ECONNRESET') });
}
