import { describe, expect, it } from 'vitest';
import { TinkerApiError, TinkerConnectionError } from '../../../src/kernel/errors.ts';
import { TinkerCircuitOpenError } from '../../../src/kernel/limit-errors.ts';
import { createRepetition } from '../../../src/policy/repetition.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';

const clock = createVirtualClock();
const times = (count: number, lastingMs = 0) => ({ count, lastingMs });

const answer = (status: number, body: unknown = 'Internal Server Error'): TinkerApiError =>
  new TinkerApiError(status, `answered ${status}`, {
    body,
    requestId: 'r',
    retryAfterMs: 5,
    retryable: true,
  });

describe('createRepetition', () => {
  it('takes the same 500 for permanent when it came often enough in a row', () => {
    const repetition = createRepetition(clock, { '500': times(3), '5xx': times(5) });
    expect([repetition.heard(answer(500)), repetition.heard(answer(500))]).toEqual([undefined, undefined]);
    const last = answer(500);
    const permanent = repetition.heard(last);
    expect(permanent).toMatchObject({
      status: 500,
      message:
        'answered 500; the same answer 3 times in a row. To repeat it does not mend it: ask those who run the server',
      attempts: 3,
      retryable: false,
      requestId: 'r',
      retryAfterMs: 5,
      cause: last,
    });
  });

  it('gives other 5xx their own limit', () => {
    const repetition = createRepetition(clock, { '500': times(2), '5xx': times(4) });
    const heard = Array.from({ length: 4 }, () => repetition.heard(answer(503)));
    expect(heard.map((error) => error?.status)).toEqual([undefined, undefined, undefined, 503]);
  });

  it.each([
    ['another status', answer(502)],
    ['another body', answer(500, { detail: 'other' })],
    ['a lost connection', new TinkerConnectionError('refused')],
    ['a limit', answer(429)],
  ])('counts from the start after %s', (_, other) => {
    const repetition = createRepetition(clock, { '500': times(3), '5xx': times(3) });
    repetition.heard(answer(500));
    repetition.heard(answer(500));
    expect(repetition.heard(other)).toBeUndefined();
    expect([repetition.heard(answer(500)), repetition.heard(answer(500))]).toEqual([undefined, undefined]);
    expect(repetition.heard(answer(500))).toBeDefined();
  });

  it('counts from the start after a success, and never counts what is no 5xx', () => {
    const repetition = createRepetition(clock, { '500': times(2), '5xx': times(2) });
    repetition.heard(answer(500));
    repetition.reset();
    expect(repetition.heard(answer(500))).toBeUndefined();
    for (let i = 0; i < 5; i++) expect(repetition.heard(answer(429))).toBeUndefined();
    for (let i = 0; i < 5; i++) expect(repetition.heard(new TinkerConnectionError('x'))).toBeUndefined();
  });

  it('wants it to last as well, where it is told how long', async () => {
    const repetition = createRepetition(clock, { '5xx': times(2, 60_000) });
    for (let i = 0; i < 50; i++) expect(repetition.heard(answer(503))).toBeUndefined();
    await clock.advance(59_999);
    expect(repetition.heard(answer(503))).toBeUndefined();
    await clock.advance(1);
    expect(repetition.heard(answer(503))?.attempts).toBe(52);
    expect(repetition.heard(answer(502))).toBeUndefined();
  });

  it('takes the refusal of an open circuit for no answer', () => {
    const repetition = createRepetition(clock, { '500': times(2) });
    repetition.heard(answer(500));
    expect(repetition.heard(new TinkerCircuitOpenError('c', 5))).toBeUndefined();
    expect(repetition.heard(answer(500))).toBeDefined();
  });

  it('never gives up where there is no limit', () => {
    const repetition = createRepetition(clock, {});
    for (let i = 0; i < 500; i++) expect(repetition.heard(answer(500 + (i % 1)))).toBeUndefined();
  });
});
