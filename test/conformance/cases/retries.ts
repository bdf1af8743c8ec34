import { TinkerApiError, type TinkerError, TinkerInputError } from '../../../src/kernel/errors.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { resubmitDelay, retryDelay } from '../../../src/policy/backoff.ts';
import { retry } from '../../../src/policy/retry.ts';
import { readRetryAfter } from '../../../src/policy/retry-after.ts';
import { answerKind, STATUS_RULES } from '../../../src/policy/status-rules.ts';
import { withAttemptTimeout } from '../../../src/policy/timeout.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { assertAlike, assertEqual, assertFails, assertRejects, assertTrue, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { patientClock } from '../patience.ts';

const NOW = 784_111_777_000;

/** What is tried again, after how long, and for how long. */
export function retryCases(): readonly ConformanceCase[] {
  return [...delayCases(), ...loopCases(), ...timeoutCases()];
}

function delayCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'policy: delays double from half a second to ten, less up to a quarter',
      run() {
        const random = seededRandom(5);
        const delays = Array.from({ length: 40 }, (_, retries) => retryDelay(retries, undefined, random));
        for (const [retries, delay] of delays.entries()) {
          const whole = Math.min(500 * 2 ** retries, 10_000);
          assertTrue(`delay ${retries}`, delay > 0.75 * whole - 1e-6 && delay <= whole);
        }
        const again = Array.from({ length: 10 }, (_, count) => resubmitDelay(count, random));
        return textOf([delays, again]);
      },
    },
    {
      name: 'policy: a server’s hint is kept exactly up to a minute, and one of no time is none',
      run() {
        assertEqual(
          'a hint',
          retryDelay(0, 1_234.5, () => 0),
          1_234.5,
        );
        assertEqual(
          'a long one',
          retryDelay(0, 3_600_000, () => 0),
          60_000,
        );
        for (const none of [0, -5, undefined])
          assertEqual(
            `${none}`,
            retryDelay(0, none, () => 0),
            500,
          );
      },
    },
    {
      name: 'policy: every form of a wait hint is read the same way, and nonsense is none',
      run() {
        const forms: readonly Record<string, string>[] = [
          { 'retry-after': '7' },
          { 'retry-after': ' 1.5 ' },
          { 'retry-after': '0' },
          { 'retry-after': '-3' },
          { 'retry-after': '1e3' },
          { 'retry-after': '0x10' },
          { 'retry-after': 'Infinity' },
          { 'retry-after': '' },
          { 'retry-after': 'soon' },
          { 'retry-after': 'try 5' },
          { 'retry-after': 'Sun, 06 Nov 1994 08:49:47 GMT' },
          { 'retry-after': 'Sun, 06 Nov 1994 08:48:00 GMT' },
          { 'retry-after': 'Sun, 06 Nov 1994 09:49:37 +0100' },
          { 'retry-after-ms': '250.5', 'retry-after': '7' },
          { 'retry-after-ms': 'soon', 'retry-after': '7' },
          {},
        ];
        const hints = forms.map((headers) => readRetryAfter(new Headers(headers), NOW) ?? null);
        assertEqual('seconds', hints[0], 7_000);
        assertEqual('a date', hints[10], 10_000);
        assertEqual('milliseconds first', hints[13], 250.5);
        return textOf(hints);
      },
    },
    {
      name: 'policy: each answer of a server has its rule, whoever asked',
      run() {
        const statuses = [
          302, 400, 401, 402, 403, 404, 408, 409, 410, 422, 425, 429, 499, 500, 502, 503, 504, 529,
        ];
        const rows = Object.entries(STATUS_RULES).map(([layer, rules]) =>
          [layer, rules.connection, ...statuses.map((status) => rules[answerKind(status, false)])].join(' '),
        );
        assertEqual('a 400 without words', answerKind(400, true), '400_empty');
        assertEqual('a 408 of a poll', STATUS_RULES.poll['408'], 'poll_again');
        assertEqual('a 409', STATUS_RULES.request['409'], 'fail');
        return rows.join('\n');
      },
    },
  ];
}

/** Retry what fails so many times. */
async function retried(failures: number, budgetMs: number, error: () => TinkerError) {
  const clock = patientClock(0);
  const random = seededRandom(9);
  const trace: string[] = [];
  let attempts = 0;
  const work = retry(
    async () => {
      attempts += 1;
      if (attempts <= failures) throw error();
      return attempts;
    },
    {
      clock,
      random,
      budgetMs,
      signal: new AbortController().signal,
      onRetry: (_, count, delayMs) => trace.push(`${count}: ${clock.monotonic()} + ${delayMs}`),
    },
  );
  const outcome = await clock.drive(work.then(String, (reason: Error) => `${reason.name} ${reason.message}`));
  assertEqual('timers left', clock.pending, 0);
  return { trace, outcome, attempts, endedAt: clock.monotonic() };
}

const busy = (): TinkerError => new TinkerApiError(503, 'busy', { retryable: true });

function loopCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'policy: what fails is tried again until it succeeds, to the same millisecond everywhere',
      async run() {
        const result = await retried(7, 3_600_000, busy);
        assertEqual('attempts', result.outcome, '8');
        return textOf(result);
      },
    },
    {
      name: 'policy: retries end with their budget, whatever the last delay would have been',
      async run() {
        const result = await retried(Number.POSITIVE_INFINITY, 20_000, busy);
        assertEqual('outcome', result.outcome, 'TinkerApiError busy');
        assertTrue('the last attempt is at the end', result.endedAt === 20_000);
        return textOf(result);
      },
    },
    {
      name: 'policy: an error that is not retryable, or not ours, is thrown at once',
      async run() {
        const refused = await retried(1, 60_000, () => new TinkerInputError('rank', 'is wrong'));
        assertEqual('attempts of ours', refused.attempts, 1);
        const foreign = await retried(1, 60_000, () => new RangeError('theirs') as unknown as TinkerError);
        assertEqual('attempts of another', foreign.attempts, 1);
        assertEqual('outcome', foreign.outcome, 'RangeError theirs');
      },
    },
    {
      name: 'policy: an abort ends the wait for the next attempt at once, and leaves nothing',
      async run() {
        const clock = patientClock();
        const controller = new AbortController();
        const listeners = countListeners(controller.signal);
        const fails = async (): Promise<never> => {
          throw busy();
        };
        const options = { clock, random: () => 0, budgetMs: 60_000, signal: controller.signal };
        const work = retry(fails, options);
        await clock.advance(100);
        assertEqual('timers while it waits', clock.pending, 1);
        controller.abort('enough');
        await assertRejects('the work', work, 'enough');
        assertAlike('what is left', [clock.pending, listeners.left], [0, 0]);
      },
    },
  ];
}

function timeoutCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'policy: an attempt that takes too long is aborted with a time-out, and leaves nothing',
      async run() {
        const clock = patientClock();
        const controller = new AbortController();
        const listeners = countListeners(controller.signal);
        let given: AbortSignal | undefined;
        const hangs = (signal: AbortSignal): Promise<never> => {
          given = signal;
          return new Promise(() => {});
        };
        const work = withAttemptTimeout(clock, 500, controller.signal, hangs, 'a poll');
        const words = 'No result within 500 ms (attempt); a poll';
        await assertFails('the attempt', () => clock.drive(work), 'TinkerTimeoutError', words);
        assertEqual('it was told', given?.aborted, true);
        assertAlike('what is left', [clock.pending, listeners.left, clock.monotonic()], [0, 0, 500]);
      },
    },
    {
      name: 'policy: an attempt that ends in time settles as it does, and leaves nothing',
      async run() {
        const clock = patientClock();
        const { signal } = new AbortController();
        const listeners = countListeners(signal);
        assertEqual('its value', await withAttemptTimeout(clock, 500, signal, async () => 7), 7);
        const error = new Error('mine');
        const failing = withAttemptTimeout(clock, 500, signal, () => Promise.reject(error));
        await assertRejects('its error', failing, error);
        assertAlike('what is left', [clock.pending, listeners.left], [0, 0]);
      },
    },
  ];
}
