import { expect, it } from 'vitest';
import { isTinkerError, TinkerApiError } from '../../../src/kernel/errors.ts';
import { TinkerPartialError } from '../../../src/kernel/partial-error.ts';
import { TinkerUnsupportedError } from '../../../src/kernel/unsupported-error.ts';

it('an unsupported route is named', () => {
  const error = new TinkerUnsupportedError('GET /api/v1/sessions', { cause: 'a 404' });
  expect(error).toMatchObject({
    name: 'TinkerUnsupportedError',
    code: 'unsupported_by_server',
    category: 'server',
    retryable: false,
    route: 'GET /api/v1/sessions',
    message: 'This server does not have GET /api/v1/sessions',
    cause: 'a 404',
  });
  expect(isTinkerError(error, 'unsupported_by_server')).toBe(true);
});

it('a failure of some names them, and takes after them', () => {
  const busy = new TinkerApiError(503, 'busy', { retryable: true });
  const refused = new TinkerApiError(403, 'not yours');
  const error = new TinkerPartialError(
    'deleted',
    [
      { item: 'a', error: busy },
      { item: 'b', error: refused },
    ],
    ['c'],
  );
  expect(error).toMatchObject({
    name: 'TinkerPartialError',
    code: 'partly_failed',
    category: 'server',
    retryable: false,
    done: ['c'],
    message:
      '2 of 3 could not be deleted: a (busy), b (not yours). The others are done; failures holds the error of each',
    cause: busy,
  });
  expect(error.failures.map(({ item }) => item)).toEqual(['a', 'b']);
  expect(new TinkerPartialError('deleted', [{ item: 'a', error: busy }], []).retryable).toBe(true);
  expect(new TinkerPartialError('deleted', [{ item: 'a', error: refused }], []).category).toBe('user');
  const strange = new TinkerPartialError('deleted', [{ item: 'a', error: 'words' }], []);
  expect([strange.category, strange.retryable, strange.message]).toEqual([
    'server',
    false,
    '1 of 1 could not be deleted: a (words). failures holds the error of each',
  ]);
});
