import { type AnswerKind, PERMANENT, type RuleAction, STATUS_RULES } from '../../src/policy/status-rules.ts';

/** Answers in the table's order, as it names them. */
const ANSWERS: readonly (readonly [AnswerKind, string])[] = [
  ['connection', 'no connection'],
  ['attempt_timeout', 'time-out of the exchange'],
  ['unreadable', 'a 2xx with broken JSON'],
  ['400_empty', '400 with nothing in it (a proxy)'],
  ['400', '400'],
  ['402', '402'],
  ['404', '404'],
  ['408', '408'],
  ['409', '409'],
  ['410', '410'],
  ['429', '429'],
  ['500', '500'],
  ['5xx', 'other 5xx'],
  ['other', 'any other status'],
];

/** An action, in a few words; the legend below the table says them in full. */
const ACTIONS: Readonly<Record<RuleAction, string>> = {
  retry: 'retry',
  retry_thrice: 'retry ¹',
  pause_account: 'all samples of the account pause, then retry',
  pause_billing: 'wait for payment',
  poll_again: 'ask again',
  slow_down: 'ask again, slower ¹',
  back_off: 'back off',
  ask_twice: 'ask again, twice',
  ask_thrice: 'ask again, 3 times',
  operation_failed: '`operation_failed`',
  expired: '`result_expired`; samples are submitted anew',
  session_lost: 'event `session_lost`, the end',
  next_beat: 'go on',
  fail: 'fail',
};

/** Where the official SDK does something else (protocol 1.5, 1.6, 3.3, 5.1, 5.8). */
const DEVIATIONS: ReadonlySet<`${keyof typeof STATUS_RULES} ${AnswerKind}`> = new Set([
  // It goes on with a sample for as long as none is stuck; here `retryBudgetMs` bounds every outage.
  ...(['connection', 'attempt_timeout', '408', '5xx'] as const).map((kind) => `sample ${kind}` as const),
  // It does not retry what it cannot read, and retries a 409 and the same 500 for minutes.
  ...(['request', 'sample'] as const).flatMap((layer) =>
    (['unreadable', '409', '500'] as const).map((kind) => `${layer} ${kind}` as const),
  ),
  // It takes its own time-out and an empty 400 for a lost connection, asks thrice after any 400, and never slows down.
  ...(['attempt_timeout', 'unreadable', '400_empty', '400', '500', '5xx'] as const).map(
    (kind) => `poll ${kind}` as const,
  ),
  // It never gives a session up.
  'heartbeat 404',
  'heartbeat 410',
]);

/** The README's table "answer × who asks", from the constants the code uses. A star marks a deviation. */
export function renderStatusTable(): string {
  const layers = ['request', 'sample', 'poll', 'heartbeat'] as const;
  const head = '| answer | requests | samples | polls | heartbeats |\n|---|---|---|---|---|';
  const rows = ANSWERS.map(([kind, name]) => {
    const cells = layers.map(
      (layer) => ACTIONS[STATUS_RULES[layer][kind]] + (DEVIATIONS.has(`${layer} ${kind}`) ? ' *' : ''),
    );
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  const { request, patient, poll500, poll5xx } = PERMANENT;
  const note =
    '¹ The same answer (status and body) so often in a row is permanent, and fails: a 500 ' +
    `${request.count} times (${patient.count} for a numbered request), a poll's 500 ${poll500.count} times over ` +
    `${poll500.lastingMs / 1_000} s, its other 5xx for ${poll5xx.lastingMs / 60_000} minutes.`;
  return [head, ...rows, '', note].join('\n');
}
