import { expect, it } from 'vitest';
import { TinkerBatchError } from '../../../src/kernel/batch-error.ts';
import { isTinkerError, TinkerApiError } from '../../../src/kernel/errors.ts';

it('a pass that was taken in part says how much of it, why, and what to do', () => {
  const cause = new TinkerApiError(400, 'no such loss');
  const error = new TinkerBatchError(3, 2, cause);
  expect(error).toMatchObject({
    code: 'batch_incomplete',
    category: 'protocol',
    retryable: false,
    chunks: 3,
    acceptedChunks: 2,
    cause,
  });
  expect(error.message).toMatch(/2 of the 3 chunks.*no such loss.*Load the last checkpoint/);
  expect(isTinkerError(error, 'batch_incomplete')).toBe(true);
  expect(new TinkerBatchError(2, 1, 'a word').message).toMatch(/has accumulated/);
});
