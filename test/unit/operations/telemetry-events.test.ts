import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  genericNews,
  sessionDuration,
  type TelemetryData,
} from '../../../src/operations/telemetry/telemetry-events.ts';

describe('genericNews', () => {
  it('has the wire’s names for what it may carry', () => {
    const news = genericNews('APIFuture.result_async.application_error', {
      operation: 'result',
      requestId: 'r-1',
      requestType: 'Sample',
      status: 0,
      kind: 'fatal',
      errorType: 'TinkerOperationError',
      errorCategory: 'user',
      isUserError: true,
      isRetryable: false,
      attempts: 2,
      iteration: 3,
      elapsedMs: 1_500,
    });
    expect(news).toEqual({
      event: 'GENERIC_EVENT',
      eventName: 'APIFuture.result_async.application_error',
      eventData: {
        func: 'result',
        request_id: 'r-1',
        request_type: 'Sample',
        status_code: 0,
        kind: 'fatal',
        exception_type: 'TinkerOperationError',
        error_category: 'User',
        is_user_error: true,
        is_retryable: false,
        attempt_count: 2,
        iteration: 3,
        elapsed_time: 1.5,
      },
    });
  });

  it('leaves out every other field, and what is not of its type', () => {
    const data = { prompt: 'secret', operation: { secret: 1 }, attempts: Number.NaN, isUserError: 'yes' };
    expect(genericNews('x', data as unknown as TelemetryData)).toMatchObject({ eventData: {} });
    const long = 'x'.repeat(300);
    expect(genericNews(long, { kind: long })).toEqual({
      event: 'GENERIC_EVENT',
      eventName: 'x'.repeat(200),
      eventData: { kind: 'x'.repeat(200) },
    });
  });
});

describe('sessionDuration', () => {
  it.each([
    [0, '0:00:00'],
    [-5, '0:00:00'],
    [1_000, '0:00:01'],
    [61_001, '0:01:01.001000'],
    [3_600_000, '1:00:00'],
    [86_399_999.9996, '1 day, 0:00:00'],
    [86_400_000, '1 day, 0:00:00'],
    [2 * 86_400_000 + 0.25, '2 days, 0:00:00.000250'],
    [36_000_000, '10:00:00'],
  ])('%d ms is %s', (ms, text) => {
    expect(sessionDuration(ms)).toBe(text);
  });

  it('can be read back, to the microsecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 15 }), (microseconds) => {
        const text = sessionDuration(microseconds / 1_000);
        const [, days = '0', h, m, s, fraction = '0'] =
          /^(?:(\d+) days?, )?(\d+):(\d\d):(\d\d)(?:\.(\d{6}))?$/.exec(text) ?? [];
        const seconds = ((Number(days) * 24 + Number(h)) * 60 + Number(m)) * 60 + Number(s);
        expect(seconds * 1_000_000 + Number(fraction)).toBe(microseconds);
        expect([Number(h) < 24, Number(m) < 60, Number(s) < 60]).toEqual([true, true, true]);
      }),
    );
  });
});
