import { describe, expect, it } from 'vitest';
import { checkHandle, type FutureHandle } from '../../../src/operations/future-handle.ts';
import { thrown } from '../../support/settled.ts';

const KINDS = [
  'create_model',
  'forward',
  'forward_backward',
  'optim_step',
  'sample',
  'compute_logprobs',
] as const;

const handle = { version: 1, kind: 'forward_backward', requestIds: ['a', 'b'] };

describe('a handle', () => {
  it.each<readonly [FutureHandle]>([
    [{ version: 1, kind: 'optim_step', requestIds: ['r'] }],
    [{ version: 1, kind: 'forward', requestIds: ['a', 'b', 'c'] }],
    [{ version: 1, kind: 'sample', requestIds: ['r'], promptLength: 3 }],
    [{ version: 1, kind: 'compute_logprobs', requestIds: ['r'], promptLength: 1 }],
    // A prompt with images may not tell its length.
    [{ version: 1, kind: 'sample', requestIds: ['r'] }],
    [{ version: 1, kind: 'forward_backward', requestIds: ['r'], metrics: { custom_loss: 1.5, mine: -2 } }],
  ])('is what it was after a way through JSON: %j', (given) => {
    expect(checkHandle(JSON.parse(JSON.stringify(given)), KINDS)).toEqual(given);
  });

  it('keeps metrics that are not a number, which JSON cannot', () => {
    const metrics = { custom_loss: Number.NaN, fine: 1 };
    const through = JSON.parse(JSON.stringify({ ...handle, metrics }));
    expect(through.metrics.custom_loss).toBeNull();
    expect(checkHandle(through, KINDS)).toEqual({ ...handle, metrics });
  });

  it('is a copy, of what it needs to be and no more', () => {
    const given = {
      ...handle,
      kind: 'optim_step',
      requestIds: ['r'],
      promptLength: 3,
      apiKey: 'x',
      metrics: { a: 1 },
    };
    const checked = checkHandle(given, KINDS);
    given.requestIds[0] = 'other';
    given.metrics.a = 2;
    expect(checked).toEqual({ version: 1, kind: 'optim_step', requestIds: ['r'], metrics: { a: 1 } });
  });

  it.each<readonly [unknown, string, RegExp]>([
    [undefined, 'handle', /toJSON\(\) gave, got undefined/],
    [null, 'handle', /got null/],
    ['r-1', 'handle', /got "r-1"/],
    [{}, 'handle.version', /must be 1, got undefined/],
    [{ ...handle, version: 2 }, 'handle.version', /must be 1, got 2/],
    [{ ...handle, version: '1' }, 'handle.version', /must be 1, got "1"/],
    [{ ...handle, kind: 'unknown' }, 'handle.kind', /one of create_model, .*got "unknown"/],
    [{ ...handle, kind: 'toString' }, 'handle.kind', /one of/],
    [{ ...handle, kind: undefined }, 'handle.kind', /got undefined/],
    [
      { ...handle, requestIds: [] },
      'handle.requestIds',
      /at least one id, got none.*after the server has accepted/,
    ],
    [{ ...handle, requestIds: 'r' }, 'handle.requestIds', /at least one id/],
    [{ ...handle, requestIds: ['a', ''] }, 'handle.requestIds[1]', /non-empty string, got ""/],
    [{ ...handle, requestIds: [5] }, 'handle.requestIds[0]', /non-empty string, got 5/],
    [{ ...handle, kind: 'sample', promptLength: 0 }, 'handle.promptLength', /integer >= 1, got 0/],
    [{ ...handle, kind: 'sample', promptLength: '3' }, 'handle.promptLength', /integer >= 1, got "3"/],
    [{ ...handle, kind: 'compute_logprobs', promptLength: 1.5 }, 'handle.promptLength', /integer/],
    [{ ...handle, metrics: 5 }, 'handle.metrics', /object of numbers, got 5/],
    [{ ...handle, metrics: null }, 'handle.metrics', /object of numbers, got null/],
    [{ ...handle, metrics: [1] }, 'handle.metrics', /object of numbers, got an array of 1/],
    [{ ...handle, metrics: { a: '1' } }, 'handle.metrics.a', /must be a number, got "1"/],
    [{ ...handle, metrics: { a: undefined } }, 'handle.metrics.a', /must be a number, got undefined/],
  ])('that cannot be one is refused by the field: %j', (value, field, words) => {
    const error = thrown(() => checkHandle(value, KINDS));
    expect(error).toMatchObject({ code: 'input_invalid', field });
    expect((error as Error).message).toMatch(words);
  });
});
