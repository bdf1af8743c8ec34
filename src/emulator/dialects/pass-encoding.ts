import type { EmulatorDialect } from './dialect.ts';
import type { Answer, Exchange, Layer } from './exchange.ts';
import { crashAnswer, problemAnswer } from './json-body.ts';

/** Refuses passes in protobuf, or packed, where a server does not read them. */
export function passEncoding({ fwdbwdRequest, zstd }: EmulatorDialect): Layer | undefined {
  if (fwdbwdRequest === 'both' && zstd === 'accepted') return undefined;
  return (next) => async (exchange) => {
    if (exchange.path !== 'forward_backward') return next(exchange);
    if (zstd !== 'accepted' && exchange.headers.has('content-encoding'))
      return refuse(zstd, 'The Content-Encoding is not supported');
    if (fwdbwdRequest !== 'both' && isProtobuf(exchange))
      return refuse(fwdbwdRequest, 'The Content-Type is not supported');
    return next(exchange);
  };
}

/** Whether a request says that it is protobuf. */
export function isProtobuf({ headers }: Exchange): boolean {
  return /application\/x-protobuf/i.test(headers.get('content-type') ?? '');
}

/** A binary body makes some frameworks crash while they say that it is wrong (servers.md 1.1). */
function refuse(status: number, detail: string): Answer {
  return status === 500 ? crashAnswer() : problemAnswer(status, detail);
}
