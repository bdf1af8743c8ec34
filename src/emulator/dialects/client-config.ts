import type { EmulatorDialect } from './dialect.ts';
import type { Layer } from './exchange.ts';
import { problemAnswer } from './json-body.ts';

/** `client/config` where there is none, or where it wants a body. @param isOwn - The emulator's option says what it answers. */
export function configRoute(
  { clientConfig, needsConfigBody }: EmulatorDialect,
  isOwn: boolean,
): Layer | undefined {
  const isAbsent = clientConfig === 404 && !isOwn;
  if (!isAbsent && !needsConfigBody) return undefined;
  return (next) => async (exchange) => {
    if (exchange.path !== 'client/config') return next(exchange);
    if (isAbsent) return problemAnswer(404, 'Not Found');
    return exchange.bytes.length === 0 ? problemAnswer(422, 'Field required') : next(exchange);
  };
}
