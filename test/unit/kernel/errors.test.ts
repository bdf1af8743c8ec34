import { describe, expect, it } from 'vitest';
import {
  isTinkerError,
  TinkerApiError,
  TinkerClosedError,
  TinkerConnectionError,
  TinkerError,
  TinkerInputError,
  TinkerOperationError,
  TinkerResponseError,
  TinkerTimeoutError,
} from '../../../src/kernel/errors.ts';
import { TinkerCircuitOpenError, TinkerLimitError } from '../../../src/kernel/limit-errors.ts';
import { TinkerAmbiguousSubmitError, TinkerPoisonedError } from '../../../src/kernel/submission-errors.ts';

interface Row {
  readonly error: TinkerError;
  readonly name: string;
  readonly code: string;
  readonly category: string;
  readonly retryable: boolean;
  readonly message: string;
}

const ROWS: readonly Row[] = [
  {
    error: new TinkerError('http_status', 'server', 'It broke'),
    name: 'TinkerError',
    code: 'http_status',
    category: 'server',
    retryable: false,
    message: 'It broke',
  },
  {
    error: new TinkerInputError('data[3].weights', 'must be finite, got NaN'),
    name: 'TinkerInputError',
    code: 'input_invalid',
    category: 'user',
    retryable: false,
    message: '"data[3].weights" must be finite, got NaN',
  },
  {
    error: new TinkerConnectionError('Could not reach it'),
    name: 'TinkerConnectionError',
    code: 'connection_failed',
    category: 'network',
    retryable: true,
    message: 'Could not reach it',
  },
  {
    error: new TinkerTimeoutError('attempt', 50),
    name: 'TinkerTimeoutError',
    code: 'timed_out',
    category: 'network',
    retryable: true,
    message: 'No result within 50 ms (attempt). Is the server busy? Give it a longer attemptTimeoutMs',
  },
  {
    error: new TinkerTimeoutError('operation', 50, 'request r, running'),
    name: 'TinkerTimeoutError',
    code: 'timed_out',
    category: 'network',
    retryable: false,
    message: 'No result within 50 ms (operation); request r, running. Give it a longer timeoutMs',
  },
  {
    error: new TinkerTimeoutError('wait', 50),
    name: 'TinkerTimeoutError',
    code: 'timed_out',
    category: 'network',
    retryable: false,
    message: 'No result within 50 ms (wait). The operation goes on: call result() again, or cancel() it',
  },
  {
    error: new TinkerApiError(503, 'It answered 503', { retryable: true, hint: 'Wait' }),
    name: 'TinkerApiError',
    code: 'http_status',
    category: 'server',
    retryable: true,
    message: 'It answered 503. Wait',
  },
  {
    error: new TinkerResponseError('Not JSON'),
    name: 'TinkerResponseError',
    code: 'response_invalid',
    category: 'protocol',
    retryable: false,
    message: 'Not JSON',
  },
  {
    error: new TinkerOperationError('result_expired', 'expired', 'Gone', { hint: 'Submit again' }),
    name: 'TinkerOperationError',
    code: 'result_expired',
    category: 'expired',
    retryable: false,
    message: 'Gone. Submit again',
  },
  {
    error: new TinkerClosedError(),
    name: 'TinkerClosedError',
    code: 'client_closed',
    category: 'closed',
    retryable: false,
    message: 'The client is closed. Create another one to go on',
  },
  {
    error: new TinkerTimeoutError('progress', 50, 'stuck'),
    name: 'TinkerTimeoutError',
    code: 'timed_out',
    category: 'network',
    retryable: false,
    message:
      'No result within 50 ms (progress); stuck. Is the server in trouble? Where samples take so long, give it a longer progressTimeoutMs',
  },
  {
    error: new TinkerLimitError('rate', 'Too many', { retryAfterMs: 5 }),
    name: 'TinkerLimitError',
    code: 'limit_reached',
    category: 'limit',
    retryable: true,
    message: 'Too many. Try again in 5 ms, or wait with onLimit: "wait"',
  },
  {
    error: new TinkerCircuitOpenError('https://h (sample)', 7.2),
    name: 'TinkerCircuitOpenError',
    code: 'circuit_open',
    category: 'server',
    retryable: false,
    message:
      'The circuit of https://h (sample) is open after failures in a row; it lets a probe through in 8 ms. The server failed several times in a row: try again then',
  },
  {
    error: new TinkerAmbiguousSubmitError(4, 3, new Error('cut')),
    name: 'TinkerAmbiguousSubmitError',
    code: 'submit_ambiguous',
    category: 'protocol',
    retryable: false,
    message:
      'Training request 4 may or may not have reached the server (the last one accepted is 3): cut. Continue from the last checkpoint with a new training client',
  },
  {
    error: new TinkerPoisonedError(1, 0, new Error('cut')),
    name: 'TinkerPoisonedError',
    code: 'client_poisoned',
    category: 'protocol',
    retryable: false,
    message:
      'Not sent: the fate of training request 1 is unknown (none before it was accepted). Continue from the last checkpoint with a new training client',
  },
];

describe.each(ROWS)('$name ($message)', ({ error, ...row }) => {
  it('has its literal name, code, category and message', () => {
    const { name, code, category, retryable, message } = error;
    expect({ name, code, category, retryable, message }).toEqual(row);
    expect(error.attempts).toBe(1);
  });

  it('is an Error with a stack that shows the message', () => {
    expect(error).toBeInstanceOf(TinkerError);
    expect(error).toBeInstanceOf(Error);
    expect(error.stack).toContain(row.message);
  });

  it('is recognised, by its own code only', () => {
    expect(isTinkerError(error)).toBe(true);
    expect(isTinkerError(error, error.code)).toBe(true);
    expect(isTinkerError(error, error.code === 'timed_out' ? 'http_status' : 'timed_out')).toBe(false);
  });

  it('survives JSON and structured cloning', () => {
    const { name, code, category, retryable, message } = row;
    const kept = JSON.parse(JSON.stringify(error));
    expect(kept).toMatchObject({ name, code, category, retryable, message });
    expect(kept.cause).toBe(error.cause === undefined ? undefined : 'Error: cut');
    expect(structuredClone(error).message).toBe(row.message);
  });
});

describe('TinkerError', () => {
  it('names no class: a minifier may rename those', () => {
    const Renamed = class extends TinkerInputError {};
    expect(new Renamed('a', 'b').name).toBe('TinkerInputError');
  });

  it('keeps cause, requestId and hint', () => {
    const cause = new Error('inner');
    const error = new TinkerResponseError('It broke', { cause, requestId: 'r-1', hint: 'Try this' });
    expect(error.cause).toBe(cause);
    expect(error).toMatchObject({ requestId: 'r-1', hint: 'Try this' });
  });

  it('ends its words with one full stop, also those of a server that has set it', () => {
    for (const words of ['It broke', 'It broke.'])
      expect(new TinkerResponseError(words, { hint: 'Try this' }).message).toBe('It broke. Try this');
    expect(new TinkerResponseError('It broke.').message).toBe('It broke.');
  });

  it('has no cause where none was given, so that inspectors print none', () => {
    expect('cause' in new TinkerResponseError('It broke')).toBe(false);
  });

  it('keeps the fields of its kind', () => {
    expect(new TinkerInputError('rank', 'is wrong').field).toBe('rank');
    expect(new TinkerTimeoutError('wait', 5)).toMatchObject({ scope: 'wait', limitMs: 5 });
    expect(new TinkerPoisonedError(7, 5, undefined)).toMatchObject({ sequenceId: 7, lastAcceptedId: 5 });
    expect(new TinkerConnectionError('no')).toMatchObject({ isUnsent: false });
    expect(new TinkerConnectionError('no', { isUnsent: true })).toMatchObject({ isUnsent: true });
    expect(new TinkerApiError(429, 'slow', { retryAfterMs: 5, body: { a: 1 } })).toMatchObject({
      status: 429,
      retryAfterMs: 5,
      body: { a: 1 },
    });
  });

  it.each([
    [400, 'user'],
    [401, 'user'],
    [402, 'limit'],
    [404, 'user'],
    [408, 'server'],
    [429, 'limit'],
    [302, 'user'],
    [499, 'user'],
    [500, 'server'],
    [599, 'server'],
  ])('puts status %d into category %s', (status, category) => {
    expect(new TinkerApiError(status, '').category).toBe(category);
  });
});

describe('isTinkerError', () => {
  it('recognises errors of another copy of the module', async () => {
    const copy: typeof import('../../../src/kernel/errors.ts') = await import(
      '../../../src/kernel/errors.ts?copy' as string
    );
    const foreign = new copy.TinkerInputError('rank', 'is wrong');
    expect(foreign).not.toBeInstanceOf(TinkerInputError);
    expect(isTinkerError(foreign)).toBe(true);
    expect(isTinkerError(foreign, 'input_invalid')).toBe(true);
    expect(copy.isTinkerError(new TinkerClosedError(), 'client_closed')).toBe(true);
  });

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a string', 'input_invalid'],
    ['a plain Error', new Error('x')],
    ['an object with a code', { code: 'input_invalid' }],
    ['a function', () => {}],
  ])('does not take %s for one', (_, value) => {
    expect(isTinkerError(value)).toBe(false);
    expect(isTinkerError(value, 'input_invalid')).toBe(false);
  });

  it('leaves no visible mark on the error', () => {
    const error = new TinkerClosedError();
    expect(Reflect.ownKeys(error)).toContain(Symbol.for('isotinker.error'));
    expect(Object.getOwnPropertyDescriptor(error, Symbol.for('isotinker.error'))?.enumerable).toBe(false);
  });
});
