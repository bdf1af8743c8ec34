import { decodeUtf8, encodeUtf8 } from '../../kernel/bytes.ts';
import type { Answer, Exchange } from './exchange.ts';

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Integers of 64 bits (protocol 9), which go through a change of the body as marked texts, digit for digit. */
const LARGE_INTEGER = /"(seq_id|seed)"\s*:\s*(-?[1-9]\d{15,})(?=\s*[,}])/g;
const MARKED_INTEGER = /"(seq_id|seed)":"#(-?[1-9]\d{15,})"/g;

/** The JSON object that a request carries; `undefined` where it carries another body, or none. */
export function jsonOf({ headers, bytes }: Pick<Exchange, 'headers' | 'bytes'>): JsonObject | undefined {
  if (bytes.length === 0 || /protobuf|octet-stream|tar/i.test(headers.get('content-type') ?? ''))
    return undefined;
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes).replace(LARGE_INTEGER, '"$1":"#$2"'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The same request with another JSON object; `undefined` for a field leaves it out. */
export function withJson(exchange: Exchange, body: JsonObject): Exchange {
  const text = JSON.stringify(body).replace(MARKED_INTEGER, '"$1":$2');
  return { ...exchange, bytes: encodeUtf8(text) };
}

/** Change the JSON object of a request; one without stays as it is. */
export function editJson(exchange: Exchange, edit: (body: JsonObject) => JsonObject): Exchange {
  const body = jsonOf(exchange);
  if (body === undefined) return exchange;
  const edited = edit(body);
  return edited === body ? exchange : withJson(exchange, edited);
}

/** An answer of JSON. */
export function jsonAnswer(body: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: new Headers({ 'content-type': 'application/json', ...headers }),
    bytes: encodeUtf8(JSON.stringify(body)),
  };
}

/** The JSON object of an answer; `undefined` where it is something else. */
export function answerJson({ headers, bytes }: Answer): JsonObject | undefined {
  return headers.get('content-type') === 'application/json' ? jsonOf({ headers, bytes }) : undefined;
}

/** Change the JSON object of an answer; one without stays as it is. */
export function editAnswer(answer: Answer, edit: (body: JsonObject) => JsonObject): Answer {
  const body = answerJson(answer);
  if (body === undefined) return answer;
  const edited = edit(body);
  if (edited === body) return answer;
  return { ...answer, bytes: encodeUtf8(JSON.stringify(edited)) };
}

/** What FastAPI, and most servers with it, say of a problem; {@link errorShapes} gives it its final form. */
export function problemAnswer(status: number, detail: string, headers: Record<string, string> = {}): Answer {
  return jsonAnswer({ detail }, status, headers);
}

/** A crash of a handler. */
export function crashAnswer(): Answer {
  const headers = new Headers({ 'content-type': 'text/plain' });
  return { status: 500, headers, bytes: encodeUtf8('Internal Server Error') };
}
