import type { TimeoutDetails, TinkerTimeoutError } from './errors.ts';

/** What to do where a time limit ran out. */
export function timeoutHint(
  scope: TinkerTimeoutError['scope'],
  { mayContinue = false, requestId }: TimeoutDetails,
): string {
  switch (scope) {
    case 'attempt':
      return 'Is the server busy? Give it a longer attemptTimeoutMs';
    case 'wait':
      return 'The operation goes on: call result() again, or cancel() it';
    case 'progress':
      return 'Is the server in trouble? Where samples take so long, give it a longer progressTimeoutMs';
    case 'operation':
      if (!mayContinue) return 'Give it a longer timeoutMs';
      return requestId === undefined
        ? 'The server may carry it out nevertheless; give it a longer timeoutMs'
        : 'The server may carry it out nevertheless; resume its handle to read the result, or give it a longer timeoutMs';
  }
}
