import { encodeUtf8 } from '../../kernel/bytes.ts';
import type { EmulatorDialect } from './dialect.ts';
import type { Answer, Exchange, Layer } from './exchange.ts';
import { answerJson, crashAnswer, editAnswer, type JsonObject } from './json-body.ts';

type Shape = (detail: string, status: number, path: string) => JsonObject;

/** Names of statuses, as localtinker has them. */
const CODES: Readonly<Record<number, string>> = { 404: 'not_found', 410: 'gone' };

const SHAPES: Readonly<Record<Exclude<EmulatorDialect['errors'], 'detail' | 'text'>, Shape>> = {
  'detail-list': (detail, status) =>
    status === 422 ? { detail: [{ type: 'value_error', loc: ['body'], msg: detail }] } : { detail },
  'detail-object': (detail, status) => ({ detail: { message: detail, status } }),
  error: (detail) => ({ error: detail }),
  'error-status': (detail, status, path) => ({ error: detail, status_code: status, path }),
  code: (detail, status) => ({
    status: 'error',
    code: CODES[status] ?? (status < 500 ? 'bad_request' : 'system_error'),
    message: detail,
  }),
};

/** Says in the dialect's form what is wrong; what a future says of its own failure has a form already. */
export function errorShapes({ errors }: EmulatorDialect): Layer | undefined {
  if (errors === 'detail') return undefined;
  return (next) => async (exchange) => {
    const answer = await next(exchange);
    const detail = answer.status < 400 ? undefined : plainDetail(answer);
    if (detail === undefined) return answer;
    if (errors === 'text') return textAnswer(answer, detail);
    if (errors === 'detail-list' && answer.status === 500 && !isPoll(exchange)) return crashAnswer();
    return editAnswer(answer, () => SHAPES[errors](detail, answer.status, `/api/v1/${exchange.path}`));
  };
}

/** A pending future's 408, for one, says it in its own way. */
function plainDetail(answer: Answer): string | undefined {
  const { detail, ...others } = answerJson(answer) ?? {};
  const isPlain = typeof detail === 'string' && Object.keys(others).length === 0 && answer.status !== 408;
  return isPlain ? detail : undefined;
}

function isPoll({ path }: Exchange): boolean {
  return path === 'retrieve_future';
}

function textAnswer({ status, headers }: Answer, detail: string): Answer {
  const own = new Headers(headers);
  own.set('content-type', 'text/plain');
  return { status, headers: own, bytes: encodeUtf8(detail) };
}
