import type { EmulatorDialect } from './dialect.ts';
import type { Layer } from './exchange.ts';
import { problemAnswer } from './json-body.ts';

/** Answers for the routes that a server does not have, as its framework does. */
export function absentRoutes({
  absentRoutes: absent,
  forwardRoute,
  heartbeat,
}: EmulatorDialect): Layer | undefined {
  const entries = [
    ...Object.entries(absent),
    ...(forwardRoute ? [] : [['POST forward', 404] as const]),
    ...(heartbeat === 'absent' ? [['POST session_heartbeat', 404] as const] : []),
  ];
  if (entries.length === 0) return undefined;
  const routes = entries.map(([route, status]) => ({ pattern: patternOf(route), status }));
  return (next) => async (exchange) => {
    const found = routes.find(({ pattern }) => pattern.test(`${exchange.method} ${exchange.path}`));
    if (found === undefined) return next(exchange);
    return problemAnswer(found.status, found.status === 405 ? 'Method Not Allowed' : 'Not Found');
  };
}

function patternOf(route: string): RegExp {
  const source = route.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${source}$`);
}
