import { type Difference, differencesIn } from './deliberate-differences.ts';
import { type CleanRequest, cleanRequest, keysOf, orderedJson } from './requests.ts';
import type { Tally } from './tally.ts';
import type { Exchange } from './traffic.ts';

type Side = 'official' | 'ours';
type Json = Readonly<Record<string, unknown>>;

/** What one side asks for at one endpoint: sets of words. */
interface Asked {
  readonly keys: Set<string>;
  readonly bodies: Set<string>;
  readonly queries: Set<string>;
  readonly headers: Set<string>;
  readonly statuses: Set<string>;
}

/** Answers that say nothing but when they were asked for. */
const TIMELY = [408];

/**
 * Compare what both sides sent, endpoint by endpoint: the keys of their JSON, all their JSON, queries and headers, and how
 * they were answered. What differs deliberately is taken out; such a difference that is not met fails, too.
 */
export function compareRequests(
  tally: Tally,
  between: string,
  sides: Readonly<Record<Side, readonly Exchange[]>>,
  format: 'json' | 'auto',
): void {
  const differences = differencesIn(format);
  const met = new Set<Difference>();
  const asked = (side: Side): Map<string, Asked> => {
    const all = new Map<string, Asked>();
    for (const exchange of sides[side]) {
      const request = withoutFailures(cleanRequest(exchange));
      if (request !== undefined) note(all, without(request, side, differences, met));
    }
    return all;
  };
  const [official, ours] = [asked('official'), asked('ours')];
  const alone = differences.filter(({ what }) => what.kind === 'ours alone').map(({ endpoint }) => endpoint);
  for (const endpoint of alone.filter((name) => ours.has(name))) {
    meet(met, differences, endpoint, 'ours alone');
    ours.delete(endpoint);
  }
  tally.check(`${between}: endpoints`, setDifference(new Set(official.keys()), new Set(ours.keys())));
  for (const [endpoint, there] of official) {
    const here = ours.get(endpoint);
    if (here === undefined) continue;
    const isFewer = differences.some((one) => one.endpoint === endpoint && one.what.kind === 'fewer');
    if (isFewer && here.queries.size <= there.queries.size) meet(met, differences, endpoint, 'fewer');
    for (const part of ['keys', 'bodies', 'queries', 'headers', 'statuses'] as const) {
      if (there[part].size + here[part].size > 0)
        tally.check(`${between}: ${endpoint}, ${part}`, setDifference(there[part], here[part]));
    }
  }
  for (const { endpoint, what } of differences.filter((difference) => !met.has(difference)))
    tally.check(
      `${between}: ${endpoint}`,
      `the deliberate difference ${JSON.stringify(what)} was not met: is it still one?`,
    );
}

function meet(
  met: Set<Difference>,
  differences: readonly Difference[],
  endpoint: string,
  kind: Difference['what']['kind'],
): void {
  for (const one of differences) if (one.endpoint === endpoint && one.what.kind === kind) met.add(one);
}

/** Of telemetry the begin of sessions alone: what is told of failures is each client's own. */
function withoutFailures(request: CleanRequest): CleanRequest | undefined {
  if (request.endpoint !== 'POST telemetry') return request;
  const body = request.body as Json & { readonly events: readonly Json[] };
  const events = body.events.filter(({ event }) => event === 'SESSION_START');
  return events.length === 0 ? undefined : { ...request, body: { ...body, events } };
}

/** The request without what differs deliberately, which is noted. */
function without(
  request: CleanRequest,
  side: Side,
  differences: readonly Difference[],
  met: Set<Difference>,
): CleanRequest {
  let { body, headers } = request;
  for (const difference of differences) {
    if (difference.endpoint !== request.endpoint) continue;
    const { what } = difference;
    const fields = (body ?? {}) as Json;
    if (what.kind === 'default' && side === 'official' && fields[what.key] === what.value) {
      const { [what.key]: _, ...rest } = fields;
      body = rest;
      met.add(difference);
    } else if (what.kind === 'where it matters' && what.key in fields) {
      const { [what.key]: _, ...rest } = fields;
      body = rest;
      if (side === 'ours') met.add(difference);
    } else if (what.kind === 'own value' && typeof fields[what.key] === 'string') {
      body = { ...fields, [what.key]: 'ITS OWN' };
      met.add(difference);
    } else if (what.kind === 'encoding') {
      const { 'content-type': _, ...rest } = headers;
      [body, headers] = [undefined, rest];
      met.add(difference);
    } else if (what.kind === 'list' && side === 'official') {
      const inner = (fields[what.in] ?? {}) as Json;
      if (typeof inner[what.key] !== 'string') continue;
      body = { ...fields, [what.in]: { ...inner, [what.key]: [inner[what.key]] } };
      met.add(difference);
    } else if (
      what.kind === 'header' &&
      side === 'official' &&
      (headers[what.name] ?? null) === what.official
    ) {
      headers = { ...headers, [what.name]: what.ours };
      met.add(difference);
    }
  }
  return { ...request, body, headers };
}

function note(all: Map<string, Asked>, request: CleanRequest): void {
  const { server, endpoint, body, status } = request;
  const asked = all.get(endpoint) ?? {
    keys: new Set(),
    bodies: new Set(),
    queries: new Set(),
    headers: new Set(),
    statuses: new Set(),
  };
  all.set(endpoint, asked);
  for (const key of keysOf(body)) asked.keys.add(key);
  if (body !== undefined) asked.bodies.add(`${server} ${orderedJson(body)}`);
  if (request.query.length > 0) asked.queries.add(request.query.join('&'));
  const { 'x-tinker-request-iteration': _, ...headers } = request.headers;
  asked.headers.add(orderedJson(headers));
  if (!TIMELY.includes(status)) asked.statuses.add(String(status));
}

/** The first thing that is on one side only, in words. */
export function setDifference(there: ReadonlySet<string>, here: ReadonlySet<string>): string | undefined {
  const missing = [...there].filter((item) => !here.has(item));
  const added = [...here].filter((item) => !there.has(item));
  if (missing.length + added.length === 0) return undefined;
  const told = (items: readonly string[]): string =>
    items
      .map((item) => item.slice(0, 500))
      .slice(0, 3)
      .join(' | ');
  return `the official client alone: ${told(missing) || 'nothing'}; ours alone: ${told(added) || 'nothing'}`;
}
