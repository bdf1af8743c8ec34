import { TinkerError, type TinkerErrorDetails } from './errors.ts';

/** Which limit a call met: permits for requests, bytes under way, a pause the server asked for, or its billing. */
export type LimitScope = 'requests' | 'bytes' | 'rate' | 'billing';

/** What to do where a limit was met. */
function limitHint(scope: LimitScope, retryAfterMs: number | undefined): string {
  if (scope === 'billing') return 'Check the billing of the account';
  if (scope !== 'rate') return 'Try again when others have ended, or wait with onLimit: "wait"';
  const when = retryAfterMs === undefined ? 'later' : `in ${Math.ceil(retryAfterMs)} ms`;
  return `Try again ${when}, or wait with onLimit: "wait"`;
}

/** A limit would have made the call wait, and `onLimit: 'throw'` forbids it: `limit_reached`. Nothing was accepted. */
export class TinkerLimitError extends TinkerError {
  override readonly name = 'TinkerLimitError';
  /** Which limit it was. */
  readonly scope: LimitScope;
  /** When a place may be free, in milliseconds from now; `undefined` where nobody can know. */
  readonly retryAfterMs: number | undefined;

  /** @internal */
  constructor(
    scope: LimitScope,
    message: string,
    details: TinkerErrorDetails & { readonly retryAfterMs?: number | undefined } = {},
  ) {
    super('limit_reached', 'limit', message, {
      retryable: true,
      hint: limitHint(scope, details.retryAfterMs),
      ...details,
    });
    this.scope = scope;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** The circuit breaker is open: `circuit_open`. Nothing was sent. */
export class TinkerCircuitOpenError extends TinkerError {
  override readonly name = 'TinkerCircuitOpenError';
  /** Which circuit it is: the address, and the kind of request. */
  readonly circuit: string;
  /** When it lets a probe through, in milliseconds from now. */
  readonly retryAfterMs: number;

  /** @internal */
  constructor(circuit: string, retryAfterMs: number, details: TinkerErrorDetails = {}) {
    super(
      'circuit_open',
      'server',
      `The circuit of ${circuit} is open after failures in a row; it lets a probe through in ${Math.ceil(retryAfterMs)} ms`,
      { hint: 'The server failed several times in a row: try again then', ...details },
    );
    this.circuit = circuit;
    this.retryAfterMs = retryAfterMs;
  }
}
