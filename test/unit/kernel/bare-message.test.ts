import { expect, it } from 'vitest';
import { bareMessage } from '../../../src/kernel/bare-message.ts';
import { TinkerApiError, TinkerTimeoutError } from '../../../src/kernel/errors.ts';

it.each<readonly [string, unknown, string]>([
  ['advice', new TinkerApiError(503, 'It answered 503', { hint: 'Wait' }), 'It answered 503'],
  ['advice with dots', new TinkerApiError(503, 'a. b', { hint: 'c. d' }), 'a. b'],
  ['no advice', new TinkerApiError(503, 'It answered 503. Wait'), 'It answered 503. Wait'],
  ['another library’s hint', Object.assign(new Error('no. 5'), { hint: 5 }), 'no. 5'],
  ['a hint that it does not end with', Object.assign(new Error('no'), { hint: 'Wait' }), 'no'],
  ['no error', 'thrown', 'thrown'],
  ['nothing', undefined, 'undefined'],
])('what is said without advice: %s', (_, error, words) => {
  expect(bareMessage(error)).toBe(words);
});

it('a time-out advises by what ran out, and by what may go on', () => {
  const hintOf = (...details: ConstructorParameters<typeof TinkerTimeoutError>): string | undefined =>
    new TinkerTimeoutError(...details).hint;
  expect(hintOf('attempt', 5)).toContain('attemptTimeoutMs');
  expect(hintOf('wait', 5)).toContain('result()');
  expect(hintOf('progress', 5)).toContain('progressTimeoutMs');
  expect(hintOf('operation', 5)).toBe('Give it a longer timeoutMs');
  expect(hintOf('operation', 5, '', { mayContinue: true })).toMatch(
    /^The server may carry it out .*timeoutMs$/,
  );
  expect(hintOf('operation', 5, '', { mayContinue: true, requestId: 'r' })).toContain('resume its handle');
  expect(hintOf('operation', 5, '', { hint: 'own' })).toBe('own');
});
