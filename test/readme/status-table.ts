import {
  type AnswerKind,
  IDENTICAL_5XX,
  IDENTICAL_500,
  type RuleAction,
  STATUS_RULES,
} from '../../src/policy/status-rules.ts';

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
  ask_thrice: 'ask again, 3 times',
  operation_failed: '`operation_failed`',
  expired: '`result_expired`; samples are submitted anew',
  session_lost: 'event `session_lost`, the end',
  next_beat: 'go on',
  fail: 'fail',
};

/** Where the rules differ from the official SDK on purpose. */
const DEVIATIONS: Readonly<Partial<Record<`${keyof typeof STATUS_RULES} ${AnswerKind}`, true>>> = {
  'request 409': true,
  'sample 409': true,
  'request 500': true,
  'sample 500': true,
  'poll 500': true,
  'poll 5xx': true,
  'poll unreadable': true,
};

/** The README's table "answer × who asks", from the constants the code uses. A star marks a deviation. */
export function renderStatusTable(): string {
  const layers = ['request', 'sample', 'poll', 'heartbeat'] as const;
  const head = '| answer | requests | samples | polls | heartbeats |\n|---|---|---|---|---|';
  const rows = ANSWERS.map(([kind, name]) => {
    const cells = layers.map(
      (layer) => ACTIONS[STATUS_RULES[layer][kind]] + (DEVIATIONS[`${layer} ${kind}`] ? ' *' : ''),
    );
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  const { request, numbered, poll } = IDENTICAL_500;
  const note =
    `¹ The same answer (status and body) so often in a row is permanent, and fails: a 500 ${request} times (${numbered} for ` +
    `a numbered request), a poll's 500 ${poll} times, its other 5xx ${IDENTICAL_5XX} times.`;
  return [head, ...rows, '', note].join('\n');
}
