import { describe, expect, it } from 'vitest';
import { TinkerApiError, TinkerOperationError, TinkerResponseError } from '../../../src/kernel/errors.ts';
import { aboutResult, operationFailed, resultExpired } from '../../../src/operations/operation-errors.ts';
import type { RequestType } from '../../../src/operations/polling/poll-request.ts';

const target = (type: RequestType) => ({ requestId: 'r-1', type });

describe('a result that is gone', () => {
  const gone = new TinkerApiError(410, 'It answered 410', { body: { detail: 'evicted' } });
  const advice = (type: RequestType) => {
    const { retryable, hint, requestId, cause, code } = resultExpired(target(type), gone);
    expect([requestId, cause, code]).toEqual(['r-1', gone, 'result_expired']);
    return [retryable, hint];
  };

  it.each<RequestType>(['CreateModel', 'Forward', 'LoadWeights', 'Sample', 'UnloadModel'])(
    'may be asked for anew, of %s',
    (type) => {
      expect(advice(type)).toEqual([true, 'Submit it anew']);
    },
  );

  it.each<RequestType>(['ForwardBackward', 'OptimStep'])(
    'must not be asked for anew, of %s: it would be done twice',
    (type) => {
      expect(advice(type)).toEqual([false, expect.stringContaining('load the last checkpoint')]);
    },
  );

  it.each<RequestType>(['SaveWeights', 'SaveWeightsForSampler'])('may be there, of %s', (type) => {
    expect(advice(type)).toEqual([false, expect.stringContaining('listCheckpoints()')]);
  });
});

describe('an operation that failed', () => {
  it.each([
    ['user', 'no such loss', 'user', false, 'Correct what the server names, and submit it anew'],
    ['server', 'CUDA', 'server', true, 'It may succeed when it is submitted anew'],
    ['unknown', '?', 'server', true, 'It may succeed when it is submitted anew'],
    ['user', 'Rate limit exceeded', 'user', true, 'Submit it anew, later'],
  ] as const)('by the %s, %s', (category, said, whose, retryable, hint) => {
    expect(operationFailed(target('OptimStep'), said, category)).toMatchObject({
      code: 'operation_failed',
      category: whose,
      retryable,
      hint,
      requestId: 'r-1',
      message: `OptimStep failed on the server: ${said}. ${hint}`,
    });
  });

  it('without a word says so', () => {
    const { message } = operationFailed(target('Sample'), '', 'unknown');
    expect(message).toMatch(/^Sample failed on the server, which does not say why\./);
  });
});

describe('a result that cannot be read', () => {
  it('is told with the operation it is of', () => {
    const error = new TinkerResponseError('sequences[0] is not a list', { hint: 'Look', retryable: true });
    expect(aboutResult(target('Sample'), error)).toMatchObject({
      code: 'response_invalid',
      requestId: 'r-1',
      retryable: true,
      message: 'Sample gave a result that cannot be read: sequences[0] is not a list. Look',
      cause: error,
    });
  });

  it('is left alone where it is told already, and so is every other error', () => {
    const told = new TinkerResponseError('cut', { requestId: 'r-0' });
    const other = new TinkerOperationError('operation_failed', 'user', 'no');
    for (const error of [told, other, new Error('bug'), 'thrown'])
      expect(aboutResult(target('Sample'), error)).toBe(error);
  });
});
