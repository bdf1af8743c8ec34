import type { ServerName } from './emulators.ts';
import type { Exchange } from './traffic.ts';

/** A request without what differs between two runs, and so equal to its like of the other side. */
export interface CleanRequest {
  readonly server: ServerName;
  /** Method and path, ids replaced by their names: `GET training_runs/:run`. */
  readonly endpoint: string;
  /** Of the query, `key=value`, in order. */
  readonly query: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON of the body; undefined where it is none. */
  readonly body: unknown;
  readonly status: number;
}

/** What stands for what in text that both sides send. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/session-[0-9a-f]{12}/g, 'SESSION'],
  [/request-\d+/g, 'REQUEST'],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UUID'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/\d{4}-\d\d-\d\d/g, 'DAY'],
  [/token=[\w.]+/g, 'token=DRAWN'],
];

const PATHS: readonly (readonly [RegExp, string])[] = [
  [/^samplers\/.*/, 'samplers/:sampler'],
  [/^sessions\/[^/]+/, 'sessions/:session'],
  [/^training_runs\/[^/]+/, 'training_runs/:run'],
  [/\/checkpoints\/(sampler_)?weights\/[^/]+/, '/checkpoints/:checkpoint'],
];

/** Take out of an exchange what no two runs have in common. */
export function cleanRequest({ server, method, path, headers, body, status }: Exchange): CleanRequest {
  const [route = '', query = ''] = path.split('?');
  return {
    server,
    endpoint: `${method} ${replaceAll(decodeURIComponent(route), PATHS)}`,
    query: [...new URLSearchParams(query)].map(([key, value]) => replaceAll(`${key}=${value}`, NAMES)).sort(),
    headers,
    body: body.kind === 'json' ? parseExactly(replaceAll(body.text, NAMES)) : undefined,
    status,
  };
}

function replaceAll(text: string, names: readonly (readonly [RegExp, string])[]): string {
  return names.reduce((changed, [pattern, name]) => changed.replace(pattern, name), text);
}

/** JSON whose integers beyond 2^53 are kept, as text. */
function parseExactly(text: string): unknown {
  return JSON.parse(text.replace(/([:,[]\s*)(-?\d{16,})(?=\s*[,\]}])/g, '$1"$2"'));
}

/** Names of all keys in JSON: `sampling_params.seed`, `chunks[].tokens`. */
export function keysOf(value: unknown, at = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => keysOf(item, `${at}[]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const name = at === '' ? key : `${at}.${key}`;
    return [name, ...keysOf(inner, name)];
  });
}

/** JSON with its keys in order, so that equal values are equal text. */
export function orderedJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
