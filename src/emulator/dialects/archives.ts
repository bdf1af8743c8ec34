import { isoTime } from '../../kernel/clock.ts';
import type { EmulatorDialect } from './dialect.ts';
import type { Answer, Exchange, Layer } from './exchange.ts';
import { jsonAnswer, problemAnswer } from './json-body.ts';

const ROUTE = /^(training_runs\/[^/]+\/checkpoints)\/(?:(weights|sampler_weights)\/)?([^/]+)\/archive$/;

/** How an archive is asked for and pointed at (servers.md 2.1 item 39). */
export function archives(dialect: EmulatorDialect): Layer | undefined {
  const { archiveId, archiveAnswer, archiveNotReady } = dialect;
  if (archiveId === 'prefixed' && archiveAnswer === 'redirect' && archiveNotReady.length === 0)
    return undefined;
  const asked = new Map<string, number>();
  return (next) => async (exchange) => {
    const [, run, kind, name] = ROUTE.exec(exchange.path) ?? [];
    if (exchange.method !== 'GET' || run === undefined || name === undefined) return next(exchange);
    const isBare = archiveId === 'bare';
    if (isBare && kind !== undefined) return problemAnswer(405, 'Method Not Allowed');
    // A server of bare names archives what is sampled from.
    const wanted = isBare ? `${run}/sampler_weights/${name}/archive` : exchange.path;
    const times = asked.get(wanted) ?? 0;
    asked.set(wanted, times + 1);
    const status = archiveNotReady[times];
    if (status !== undefined) return problemAnswer(status, 'The checkpoint is not ready');
    if (archiveAnswer === 'gone') return problemAnswer(410, 'The checkpoint has expired');
    const answer = await next(withPath(exchange, wanted));
    return archiveAnswer === 'json' && answer.status === 302 ? asJson(answer) : answer;
  };
}

function withPath(exchange: Exchange, path: string): Exchange {
  return { ...exchange, path, url: exchange.url.replace(exchange.path, path) };
}

function asJson({ headers }: Answer): Answer {
  const expires = isoTime(Date.parse(headers.get('expires') ?? ''));
  return jsonAnswer({ url: headers.get('location'), expires });
}
