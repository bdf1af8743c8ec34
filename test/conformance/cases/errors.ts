import {
  isTinkerError,
  TinkerApiError,
  TinkerClosedError,
  TinkerConnectionError,
  type TinkerError,
  TinkerInputError,
  TinkerOperationError,
  TinkerResponseError,
  TinkerTimeoutError,
} from '../../../src/kernel/errors.ts';
import { jsonText } from '../../../src/kernel/json-text.ts';
import { TinkerCircuitOpenError, TinkerLimitError } from '../../../src/kernel/limit-errors.ts';
import { TinkerAmbiguousSubmitError, TinkerPoisonedError } from '../../../src/kernel/submission-errors.ts';
import { assertEqual, assertTrue, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** Errors know themselves across copies of the package, and survive being sent. */
export function errorCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'kernel: an error of another copy of the package is recognised, both ways',
      async run() {
        const copy = (await import(
          '../../../src/kernel/errors.ts?copy' as string
        )) as typeof import('../../../src/kernel/errors.ts');
        const foreign = new copy.TinkerInputError('rank', 'is wrong');
        assertEqual('it is of the same class', foreign instanceof TinkerInputError, false);
        assertTrue('theirs, here', isTinkerError(foreign, 'input_invalid'));
        assertTrue('ours, there', copy.isTinkerError(new TinkerClosedError(), 'client_closed'));
      },
    },
    {
      name: 'kernel: nothing else is taken for an error of ours',
      run() {
        const error = new TinkerClosedError();
        assertTrue('it is', isTinkerError(error) && isTinkerError(error, 'client_closed'));
        assertEqual('by another code', isTinkerError(error, 'timed_out'), false);
        const others = [
          undefined,
          null,
          'client_closed',
          new Error('x'),
          { code: 'client_closed' },
          () => {},
        ];
        for (const other of others) assertEqual(String(other), isTinkerError(other, 'client_closed'), false);
      },
    },
    {
      name: 'kernel: errors as JSON are the same in every engine',
      run() {
        const texts = anyErrors().map((error) => JSON.stringify(error));
        for (const [i, text] of texts.entries()) {
          const { name, code, message } = JSON.parse(text) as TinkerError;
          assertEqual(
            'what it keeps',
            [name, code, message].join(),
            summaryOf(anyErrors()[i] as TinkerError),
          );
        }
        return texts.join('\n');
      },
    },
    {
      name: 'kernel: errors sent to another thread keep their words, and are never taken for others',
      run() {
        for (const error of anyErrors()) {
          const copy = structuredClone(error) as TinkerError;
          assertEqual('message', copy.message, error.message);
          // Engines differ in whether a copy keeps its mark; what is no error of ours then must not be taken for one.
          if (isTinkerError(copy)) assertEqual('code', copy.code, error.code);
        }
      },
    },
    {
      name: 'kernel: errors are thrown with a stack, a name that a minifier leaves alone, and an unseen mark',
      run() {
        const Renamed = class extends TinkerInputError {};
        assertEqual('name', new Renamed('a', 'b').name, 'TinkerInputError');
        for (const error of anyErrors()) {
          assertTrue('it is an Error', error instanceof Error);
          assertTrue('its stack', typeof error.stack === 'string' && error.stack.length > 0);
          assertTrue(
            'its mark is not listed',
            Object.keys(error).every((key) => !key.includes('isotinker')),
          );
        }
        return anyErrors().map(summaryOf).join('\n');
      },
    },
    {
      name: 'kernel: a value nested too deep for the engine’s stack has no JSON text or all of it, and throws nothing',
      run() {
        let deep: unknown = 1;
        for (let i = 0; i < 20_000; i++) deep = [deep];
        const length = jsonText(deep)?.length;
        assertTrue(`${length} characters of it`, length === undefined || length === 40_001);
        assertEqual('a text of a bigint', jsonText({ a: 1n }), undefined);
        return textOf(jsonText({ a: [1, 'ü', null], '': undefined }));
      },
    },
  ];
}

function summaryOf({ name, code, message }: TinkerError): string {
  return [name, code, message].join();
}

/** One of each kind. */
function anyErrors(): readonly TinkerError[] {
  return [
    new TinkerInputError('data[3].weights', 'must be finite, got NaN'),
    new TinkerConnectionError('Could not reach it', { cause: new TypeError('cut'), isUnsent: true }),
    new TinkerTimeoutError('operation', 50, 'request r, running', { lastStatus: 503, polls: 7 }),
    new TinkerApiError(429, 'It answered 429', { retryable: true, retryAfterMs: 5, body: { a: ['ü'] } }),
    new TinkerResponseError('Not JSON.', { hint: 'Try again', requestId: 'r-1' }),
    new TinkerOperationError('result_expired', 'expired', 'Gone'),
    new TinkerClosedError(),
    new TinkerLimitError('rate', 'Too many', { retryAfterMs: 5 }),
    new TinkerCircuitOpenError('https://h (sample)', 7.2),
    new TinkerAmbiguousSubmitError(4, 3, new Error('cut')),
    new TinkerPoisonedError(1, 0, new Error('cut')),
  ];
}
