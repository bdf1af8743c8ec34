import { encodeUtf8 } from '../../kernel/bytes.ts';
import type { EmulatorDialect } from './dialect.ts';
import type { Answer, Layer } from './exchange.ts';
import { editAnswer, type JsonObject, jsonAnswer } from './json-body.ts';

/** Fields of records that servers leave out, or say null in. */
const OPTIONAL = ['size_bytes', 'public', 'expires_at', 'user_metadata', 'corrupted'];

/** The forms of records, lists and changes (protocol 2.9), and what else JSON answers hold. */
export function records(dialect: EmulatorDialect): Layer | undefined {
  const { timestamps, sparseRecords, changeAnswer, extraFields } = dialect;
  if (timestamps === 'utc' && !sparseRecords && changeAnswer === '204' && !extraFields) return undefined;
  return (next) => async (exchange) => {
    const answer = await next(exchange);
    if (answer.status === 204) return changed(answer, changeAnswer);
    return editAnswer(answer, (body) => {
      const isRecord = exchange.method === 'GET';
      const shaped = isRecord ? (shape(body, dialect) as JsonObject) : body;
      const withCursor = isRecord && sparseRecords && 'cursor' in body ? { ...shaped, cursor: null } : shaped;
      return extraFields ? { ...withCursor, server_build: { revision: 'a1b2c3' }, warnings: [] } : withCursor;
    });
  };
}

function changed(answer: Answer, form: EmulatorDialect['changeAnswer']): Answer {
  if (form === '200-json') return jsonAnswer({ status: 'ok' });
  if (form === '204') return answer;
  const headers = new Headers(answer.headers);
  headers.set('content-type', 'application/json');
  return { status: 204, headers, bytes: encodeUtf8('') };
}

function shape(value: unknown, dialect: EmulatorDialect): unknown {
  if (typeof value === 'string')
    return dialect.timestamps === 'naive' ? value.replace(/^(\d{4}-\d\d-\d\dT[\d:.]+)Z$/, '$1') : value;
  if (Array.isArray(value)) return value.map((item) => shape(item, dialect));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => !(dialect.sparseRecords && OPTIONAL.includes(name)));
  return Object.fromEntries(kept.map(([name, inner]) => [name, shape(inner, dialect)]));
}
