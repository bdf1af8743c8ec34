import { sleep } from '../../kernel/abort.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type Exchange, readAnswer, readExchange, toRequest } from '../dialects/exchange.ts';
import { jsonOf } from '../dialects/json-body.ts';
import { silence } from '../dialects/silence.ts';
import { json } from '../http/http.ts';
import type { EmulatorFault, FaultAnswer, FaultPlan } from './fault.ts';

type Handle = (request: Request) => Promise<Response>;

/** A handler with whom things go wrong as planned, on this clock. */
export function withFaults(handle: Handle, plan: FaultPlan, clock: Clock): Handle {
  const attempts = new Map<string, number>();
  return async (request) => {
    const exchange = await readExchange(request);
    const { method, path, headers } = exchange;
    const attempt = (attempts.get(path) ?? 0) + 1;
    attempts.set(path, attempt);
    const fault = plan({ method, path, attempt, headers: new Headers(headers), body: jsonOf(exchange) });
    if (fault === undefined) return handle(toRequest(exchange));
    return typeof fault === 'string'
      ? broken(fault, exchange, handle)
      : answered(fault, exchange, handle, clock);
  };
}

async function answered(
  fault: Exclude<EmulatorFault, string>,
  exchange: Exchange,
  handle: Handle,
  clock: Clock,
): Promise<Response> {
  if ('expire' in fault) return json({ detail: 'The result has expired' }, 410);
  const { delayMs = 0 } = fault;
  if (delayMs > 0) await sleep(clock, delayMs, exchange.signal);
  return fault.status === undefined ? handle(toRequest(exchange)) : answerOf(fault);
}

function answerOf({ status, body, text, headers = {} }: FaultAnswer): Response {
  if (text === undefined && body !== undefined) return json(body, status, headers);
  return new Response(text ?? null, { status, headers: { 'content-type': 'text/plain', ...headers } });
}

async function broken(
  fault: Extract<EmulatorFault, string>,
  exchange: Exchange,
  handle: Handle,
): Promise<Response> {
  if (fault === 'hang') return silence(exchange.signal);
  if (fault === 'cut') throw connectionBroken();
  if (fault === 'duplicate') await readAnswer(await handle(toRequest(exchange)));
  const response = await handle(toRequest(exchange));
  switch (fault) {
    case 'duplicate':
      return response;
    case 'cut-body':
      return halfOf(response);
    case 'junk-json':
      return new Response('{"half": ', { headers: { 'content-type': 'application/json' } });
    default:
      await readAnswer(response);
      throw connectionBroken();
  }
}

/** As `fetch` rejects in Node. */
function connectionBroken(): TypeError {
  return new TypeError('fetch failed', { cause: new Error('read ECONNRESET') });
}

async function halfOf(response: Response): Promise<Response> {
  const { status, headers, bytes } = await readAnswer(response);
  let isSent = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (isSent) controller.error(connectionBroken());
      else controller.enqueue(bytes.subarray(0, bytes.length >> 1));
      isSent = true;
    },
  });
  return new Response([101, 204, 205, 304].includes(status) ? null : body, { status, headers });
}
