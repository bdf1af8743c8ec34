/** What came back, as far as the rules tell answers apart. */
export type AnswerKind =
  | 'connection'
  | 'attempt_timeout'
  | 'unreadable'
  | '400_empty'
  | '400'
  | '402'
  | '404'
  | '408'
  | '409'
  | '410'
  | '429'
  | '500'
  | '5xx'
  | 'other';

/** Who asks: any submission or REST call, a sample's submission, a poll of a future, a heartbeat. */
export type RuleLayer = 'request' | 'sample' | 'poll' | 'heartbeat';

/** What the asker does. The README's table gives the numbers, and is tested against {@link STATUS_RULES}. */
export type RuleAction =
  | 'retry'
  | 'retry_thrice'
  | 'pause_account'
  | 'pause_billing'
  | 'poll_again'
  | 'slow_down'
  | 'back_off'
  | 'ask_twice'
  | 'ask_thrice'
  | 'operation_failed'
  | 'expired'
  | 'session_lost'
  | 'next_beat'
  | 'fail';

type Rules = Readonly<Record<AnswerKind, RuleAction>>;

/** Layer by answer: the one place that says what happens. `x-should-retry` overrules it for submissions. */
export const STATUS_RULES: Readonly<Record<RuleLayer, Rules>> = {
  request: {
    connection: 'retry',
    attempt_timeout: 'retry',
    unreadable: 'retry',
    '400_empty': 'retry',
    '400': 'fail',
    '402': 'pause_billing',
    '404': 'fail',
    '408': 'retry',
    // Permanent on the servers that send it (servers.md 2.1 item 34); `x-should-retry: true` overrules.
    '409': 'fail',
    '410': 'fail',
    '429': 'retry',
    // A handler that crashed on this very body crashes again (item 31).
    '500': 'retry_thrice',
    '5xx': 'retry',
    other: 'fail',
  },
  // As a request, but for its backpressure (protocol 5.7).
  sample: {
    connection: 'retry',
    attempt_timeout: 'retry',
    unreadable: 'retry',
    '400_empty': 'retry',
    '400': 'fail',
    '402': 'pause_billing',
    '404': 'fail',
    '408': 'retry',
    '409': 'fail',
    '410': 'fail',
    '429': 'pause_account',
    '500': 'retry_thrice',
    '5xx': 'retry',
    other: 'fail',
  },
  poll: {
    connection: 'back_off',
    attempt_timeout: 'poll_again',
    unreadable: 'ask_twice',
    '400_empty': 'ask_thrice',
    // A failed operation, on servers that say so with a status (item 29).
    '400': 'operation_failed',
    '402': 'pause_billing',
    '404': 'fail',
    '408': 'poll_again',
    '409': 'fail',
    '410': 'expired',
    '429': 'back_off',
    '500': 'slow_down',
    '5xx': 'slow_down',
    other: 'fail',
  },
  heartbeat: {
    connection: 'next_beat',
    attempt_timeout: 'next_beat',
    unreadable: 'next_beat',
    '400_empty': 'next_beat',
    '400': 'next_beat',
    '402': 'next_beat',
    '404': 'session_lost',
    '408': 'next_beat',
    '409': 'next_beat',
    '410': 'session_lost',
    '429': 'next_beat',
    '500': 'next_beat',
    '5xx': 'next_beat',
    other: 'next_beat',
  },
};

/** The kind of an HTTP status other than 2xx. @param isEmpty - Whether nothing came with it. */
export function answerKind(status: number, isEmpty: boolean): AnswerKind {
  if (status === 400 && isEmpty) return '400_empty';
  if (status === 500) return '500';
  if (status > 500) return '5xx';
  const own = [400, 402, 404, 408, 409, 410, 429] as const;
  const found = own.find((one) => one === status);
  return found === undefined ? 'other' : `${found}`;
}

/**
 * When an identical 500 is permanent (item 31). A numbered request is given longer: to lose one costs the client that
 * trains. A poll's other 5xx are an outage, which is waited out for half an hour.
 */
export const PERMANENT = {
  request: { count: 3, lastingMs: 0 },
  patient: { count: 10, lastingMs: 0 },
  poll500: { count: 10, lastingMs: 20_000 },
  poll5xx: { count: 10, lastingMs: 1_800_000 },
} as const;
