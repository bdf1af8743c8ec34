import { describe, expect, it } from 'vitest';
import { TinkerBudgetError } from '../../../src/kernel/budget-error.ts';
import {
  TinkerApiError,
  TinkerClosedError,
  TinkerInputError,
  TinkerOperationError,
  TinkerResponseError,
  TinkerTimeoutError,
} from '../../../src/kernel/errors.ts';
import { TinkerLimitError } from '../../../src/kernel/limit-errors.ts';
import { TinkerAmbiguousSubmitError } from '../../../src/kernel/submission-errors.ts';
import { failureNews, isTold } from '../../../src/operations/telemetry/telemetry-errors.ts';

const api = (status: number, body?: unknown): TinkerApiError =>
  new TinkerApiError(status, `/api/v1/x answered ${status}`, { body });
const wrapped = (cause: unknown): Error => new Error('private words', { cause });
const isUserError = (error: unknown): boolean => failureNews(error, 'ERROR').news.event === 'GENERIC_EVENT';
const dataOf = (error: unknown): unknown => {
  const { news } = failureNews(error, 'ERROR');
  return news.event === 'GENERIC_EVENT' ? news.eventData : undefined;
};

describe('what is told of a failure', () => {
  it.each([
    [400, true],
    [401, true],
    [402, true],
    [404, true],
    [408, false],
    [409, true],
    [429, true],
    [499, true],
    [500, false],
    [503, false],
    [302, false],
    [0, false],
  ])('a %d is the user’s doing: %s', (status, isUsers) => {
    expect(isUserError(api(status))).toBe(isUsers);
    expect(isUserError(wrapped(wrapped(api(status))))).toBe(isUsers);
  });

  it.each([
    [
      'an operation that failed for its user',
      new TinkerOperationError('operation_failed', 'user', 'x'),
      true,
    ],
    ['one that failed for the server', new TinkerOperationError('operation_failed', 'server', 'x'), false],
    ['a wrong argument', new TinkerInputError('data', 'must be'), true],
    ['a 429 that became a limit', new TinkerLimitError('rate', 'busy', { cause: api(429) }), true],
    ['a limit by itself', new TinkerLimitError('requests', 'full'), false],
    ['a stranger', new Error('x'), false],
    ['no error at all', 'x', false],
  ])('%s: %s', (_, error, isUsers) => {
    expect(isUserError(error)).toBe(isUsers);
  });

  it('survives causes in a ring', () => {
    const first = new Error('first');
    first.cause = new Error('second', { cause: first });
    expect(isUserError(first)).toBe(false);
  });

  it('is a user error with the answer that shows it, always a warning', () => {
    const inner = api(409, { detail: 'exists', code: 7 });
    const outer = new TinkerOperationError('operation_failed', 'server', 'outer words', { cause: inner });
    expect(failureNews(outer, 'CRITICAL')).toEqual({
      severity: 'WARNING',
      news: {
        event: 'GENERIC_EVENT',
        eventName: 'user_error',
        eventData: {
          error_type: 'TinkerOperationError',
          message: 'outer words',
          status_code: 409,
          body: { detail: 'exists', code: 7 },
        },
      },
    });
    expect(dataOf(new TinkerOperationError('operation_failed', 'user', 'bad loss'))).toEqual({
      error_type: 'TinkerOperationError',
      message: 'bad loss',
    });
  });

  it('is an exception otherwise, as severe as it is said to be', () => {
    expect(failureNews(api(500, { detail: 'x' }), 'CRITICAL')).toEqual({
      severity: 'CRITICAL',
      news: {
        event: 'UNHANDLED_EXCEPTION',
        errorType: 'TinkerApiError',
        errorMessage: '/api/v1/x answered 500',
      },
    });
  });

  const messageOf = (error: unknown): unknown => {
    const { news } = failureNews(error, 'ERROR');
    if (news.event === 'UNHANDLED_EXCEPTION') return news.errorMessage;
    return news.event === 'GENERIC_EVENT' ? news.eventData['message'] : undefined;
  };

  it.each([
    [new TinkerInputError('prompt', 'must be token ids, got "secret"'), 'input_invalid: prompt'],
    [new TinkerTimeoutError('operation', 5, 'Could not reach secret'), 'timed_out: operation, 5 ms'],
    [new TinkerAmbiguousSubmitError(3, 2, new Error('secret')), 'submit_ambiguous'],
    [new TinkerLimitError('rate', 'secret'), 'limit_reached'],
    [new TinkerResponseError('The answer does not follow'), 'The answer does not follow'],
    [api(500), '/api/v1/x answered 500'],
    [new Error('secret'), 'not an error of this library; its message is kept back'],
    ['secret', 'not an error of this library; its message is kept back'],
    [new TinkerResponseError('y'.repeat(501)), `${'y'.repeat(500)}…`],
  ])('says of %s only: %s', (error, words) => {
    expect(messageOf(error)).toBe(words);
  });

  it.each([
    [Object.assign(new Error('x'), { name: 'LossError' }), 'LossError'],
    [Object.assign(new Error('x'), { name: 'my secret text' }), 'Error'],
    [Object.assign(new Error('x'), { name: 'x'.repeat(81) }), 'Error'],
    [new TypeError('x'), 'TypeError'],
    [7, 'number'],
  ])('calls %s %s', (error, name) => {
    expect(failureNews(error, 'ERROR').news).toMatchObject({ errorType: name });
  });

  it.each([
    ['too big', 'too big'],
    [`${'x'.repeat(600)}`, `${'x'.repeat(500)}…`],
    [undefined, undefined],
    ['', undefined],
    [{}, undefined],
    [{ input: 'secret', headers: { a: 'secret' } }, undefined],
    [{ error: { message: 'm', input: 'secret', code: 'c' } }, { error: { message: 'm', code: 'c' } }],
    [
      { detail: [{ loc: ['body', 0], msg: 'm', type: 't', input: 'secret', ctx: { secret: 1 } }] },
      { detail: [{ loc: ['body', 0], msg: 'm', type: 't' }] },
    ],
    [{ detail: Array.from({ length: 30 }, () => 'x') }, { detail: Array.from({ length: 10 }, () => 'x') }],
    [{ detail: { detail: { detail: { detail: { detail: 'deep' } } } } }, undefined],
    [{ detail: null, code: false }, { code: false }],
    [Object.create({ detail: 'inherited' }), undefined],
  ])('keeps of the body %j: %j', (body, kept) => {
    const data = dataOf(api(400, body)) as Record<string, unknown>;
    expect(data['body']).toEqual(kept);
    expect('body' in data).toBe(kept !== undefined);
  });
});

describe('what is not told', () => {
  it('is what was decided here', () => {
    expect(isTold(new TinkerClosedError())).toBe(false);
    expect(isTold(new TinkerBudgetError({ limit: 1, used: 1, reserved: 0, requested: 1 }))).toBe(false);
    expect(isTold(new DOMException('stop', 'AbortError'))).toBe(false);
    expect(isTold(new Error('x'))).toBe(true);
    expect(isTold(api(500))).toBe(true);
  });
});
