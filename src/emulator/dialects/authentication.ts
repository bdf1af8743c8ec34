import type { EmulatorDialect } from './dialect.ts';
import { type Exchange, type Layer, withHeaders } from './exchange.ts';
import { problemAnswer } from './json-body.ts';

/** What nobody needs a key for. */
const OPEN = /^(healthz|training_runs\/.+\/download)$/;

/** Looks for the key where the dialect has it, and hides every other place from what lies within. */
export function authentication({ auth, needsRequestId }: EmulatorDialect): Layer | undefined {
  if (auth === 'any' && !needsRequestId) return undefined;
  return (next) => async (exchange) => {
    if (OPEN.test(exchange.path)) return next(exchange);
    if (needsRequestId && !exchange.headers.has('x-request-id'))
      return problemAnswer(400, 'Missing x-request-id header');
    if (auth === 'any') return next(exchange);
    const refusal = auth === 'bearer' ? 403 : 401;
    if (auth !== 'none' && !hasKey(exchange, auth)) return problemAnswer(refusal, 'Invalid or missing key');
    const answer = await next(withHeaders(exchange, (headers) => keepOnly(headers, auth)));
    return answer.status === 401 ? problemAnswer(refusal, 'Invalid or missing key') : answer;
  };
}

function hasKey({ headers }: Exchange, auth: 'x-api-key' | 'bearer'): boolean {
  if (auth === 'x-api-key') return (headers.get('x-api-key') ?? '') !== '';
  return /^Bearer +\S+$/i.test(headers.get('authorization') ?? '');
}

function keepOnly(headers: Headers, auth: 'none' | 'x-api-key' | 'bearer'): void {
  if (auth !== 'x-api-key') headers.delete('x-api-key');
  if (auth !== 'bearer') headers.delete('authorization');
}
