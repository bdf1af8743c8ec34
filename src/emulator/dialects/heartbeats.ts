import type { EmulatorDialect } from './dialect.ts';
import type { Layer } from './exchange.ts';
import { jsonAnswer } from './json-body.ts';
import { silence } from './silence.ts';

/** What a heartbeat of a session gets that is not alive, or any heartbeat at all. */
export function heartbeats({ heartbeat }: EmulatorDialect): Layer | undefined {
  if (heartbeat === 404 || heartbeat === 'absent') return undefined;
  return (next) => async (exchange) => {
    if (exchange.path !== 'session_heartbeat') return next(exchange);
    if (heartbeat === 'silent') return silence(exchange.signal);
    const answer = await next(exchange);
    if (answer.status !== 404) return answer;
    return heartbeat === 'ok' ? jsonAnswer({ type: 'session_heartbeat' }) : { ...answer, status: 410 };
  };
}
