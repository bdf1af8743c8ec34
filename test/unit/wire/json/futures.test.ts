import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeProblem,
  readPending,
  readPolled,
  readSubmitted,
} from '../../../../src/wire/json/futures.ts';
import { thrown } from '../../../support/settled.ts';

describe('readSubmitted', () => {
  it.each<readonly [string, unknown, string]>([
    ['the protocol’s', { request_id: 'req-1', model_id: null }, 'req-1'],
    ['a number', { request_id: 17 }, '17'],
    ['zero', { request_id: '0' }, '0'],
    ['the number zero', { request_id: 0 }, '0'],
    ['odd characters', { request_id: 'a:b/c@d' }, 'a:b/c@d'],
    ['future_id', { future_id: 'f-1' }, 'f-1'],
    ['id', { id: 5 }, '5'],
    ['null and an alias', { request_id: null, future_id: 'f-2' }, 'f-2'],
    ['the id before its aliases', { request_id: 'r', future_id: 'f', id: 'i' }, 'r'],
    ['with more around it', { status: 'queued', request_id: 'r', extra: [1] }, 'r'],
  ])('reads %s', (_, body, requestId) => {
    expect(readSubmitted(body)).toEqual({ requestId });
  });

  it('item 15, item 20: keeps the model and the sequences it names', () => {
    const body = { request_id: 'r', model_id: 'm', sample_sequence_ids: [1, 'b'] };
    expect(readSubmitted(body)).toEqual({ requestId: 'r', modelId: 'm', sequenceIds: ['1', 'b'] });
    const none = { request_id: 'r', model_id: null, sample_sequence_ids: null };
    expect(readSubmitted(none)).toEqual({ requestId: 'r' });
  });

  it.each<readonly [unknown, string]>([
    [{ model_id: 'm' }, '{"model_id":"m"}'],
    [{ request_id: '' }, '{"request_id":""}'],
    [{ request_id: { a: 1 } }, '{"request_id":{"a":1}}'],
    [undefined, 'undefined'],
    [null, 'null'],
    ['req-1', '"req-1"'],
    [[], '[]'],
  ])('refuses %j, and shows it', (body, shown) => {
    expect(thrown(() => readSubmitted(body))).toMatchObject({
      code: 'response_invalid',
      retryable: false,
      message: `The server accepted the request without a request_id that can be read: ${shown}`,
    });
  });

  it('shows the beginning of a long body only', () => {
    const error = thrown(() => readSubmitted({ a: 'x'.repeat(5_000) })) as Error;
    expect(error.message.length).toBeLessThan(300);
  });
});

describe('readPolled', () => {
  it.each<readonly [string, unknown, object]>([
    ['try_again', { type: 'try_again' }, { kind: 'pending' }],
    [
      'try_again in full',
      { type: 'try_again', request_id: 'r', queue_state: 'paused_capacity', queue_state_reason: 'full' },
      { kind: 'pending', queueState: 'paused_capacity', reason: 'full' },
    ],
    [
      'a queue state in capitals, and a hint',
      { type: 'try_again', queue_state: 'ACTIVE', retry_after_ms: 250 },
      { kind: 'pending', queueState: 'active', hintMs: 250 },
    ],
    [
      'an unknown queue state, and nulls',
      { type: 'try_again', queue_state: 'resting', queue_state_reason: null, retry_after_ms: null },
      { kind: 'pending', queueState: 'resting' },
    ],
    [
      'metadata of a large result',
      { status: 'complete_metadata', response_payload_size: 5 },
      { kind: 'metadata', bytes: 5 },
    ],
    ...[undefined, null, -1, 1.5, '5', 2 ** 60].map((size) => {
      const body = { status: 'complete_metadata', response_payload_size: size };
      return [`metadata with the size ${size}`, body, { kind: 'metadata', bytes: 0 }] as const;
    }),
    [
      'an error',
      { error: 'no such loss', category: 'user' },
      { kind: 'failed', message: 'no such loss', category: 'user' },
    ],
    ['an error of unknown category', { error: 'x' }, { kind: 'failed', message: 'x', category: 'unknown' }],
    [
      'an error in capitals',
      { error: 'x', category: 'Server' },
      { kind: 'failed', message: 'x', category: 'server' },
    ],
    [
      'an error of the system',
      { error: 'x', category: 'system' },
      { kind: 'failed', message: 'x', category: 'server' },
    ],
    [
      'an error of no category',
      { error: 'x', category: 5 },
      { kind: 'failed', message: 'x', category: 'unknown' },
    ],
    [
      'an error that is an object',
      { error: { message: 'x' } },
      { kind: 'failed', message: 'x', category: 'unknown' },
    ],
    ['pending before error', { type: 'try_again', error: 'x' }, { kind: 'pending' }],
  ])('reads %s', (_, body, expected) => {
    expect(readPolled(body)).toEqual(expected);
  });

  it.each<readonly [unknown]>([
    [{ metrics: {} }],
    [{ type: 'optim_step', metrics: {} }],
    [{ status: 'complete' }],
    [{ queue_state: 'active' }],
    [[]],
    [null],
    [undefined],
    ['text'],
  ])('takes %j for the result itself', (body) => {
    const polled = readPolled(body);
    expect(polled.kind).toBe('done');
    expect((polled as { body: unknown }).body).toBe(body);
  });

  it('answers any JSON with one of three', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        expect(['pending', 'failed', 'done']).toContain(readPolled(body).kind);
      }),
      { numRuns: 500 },
    );
    const suspicious = fc.record(
      {
        type: fc.oneof(fc.constant('try_again'), fc.jsonValue()),
        status: fc.oneof(fc.constant('complete_metadata'), fc.jsonValue()),
        error: fc.jsonValue(),
        category: fc.jsonValue(),
        queue_state: fc.jsonValue(),
        queue_state_reason: fc.jsonValue(),
        retry_after_ms: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(suspicious, (body) => {
        const polled = readPolled(body);
        if (polled.kind === 'failed') expect(polled.message.length).toBeLessThanOrEqual(501);
        if (polled.kind === 'pending' && polled.hintMs !== undefined) {
          expect(polled.hintMs).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('readPending', () => {
  it.each([[undefined], [null], [''], ['still working'], [[]], [{}], [{ detail: 'pending' }]])(
    'makes do with %j',
    (body) => {
      expect(readPending(body)).toEqual({ kind: 'pending' });
    },
  );

  it('passes no nonsense on', () => {
    expect(readPending({ queue_state: 5, queue_state_reason: [], retry_after_ms: -1 })).toEqual({
      kind: 'pending',
    });
    expect(readPending({ retry_after_ms: '5' })).toEqual({ kind: 'pending' });
    expect(readPending({ retry_after_ms: 0 })).toEqual({ kind: 'pending', hintMs: 0 });
  });
});

describe('describeProblem', () => {
  it.each<readonly [unknown, string]>([
    [{ error: { message: 'inner' }, detail: 'outer' }, 'inner'],
    [{ error: 'e', detail: 'd', error_message: 'em', message: 'm' }, 'e'],
    [{ detail: 'd', error_message: 'em', message: 'm' }, 'd'],
    [{ error_message: 'em', message: 'm' }, 'em'],
    [{ message: 'm' }, 'm'],
    [{ error: '', detail: 'd' }, 'd'],
    [{ error: null, detail: ' d\n' }, 'd'],
    [{ error: { code: 5 } }, '{"code":5}'],
    [{ detail: { reason: 'x' } }, '{"reason":"x"}'],
    [
      { detail: [{ loc: ['body', 'data', 0], msg: 'Field required', type: 'missing' }] },
      'body.data.0: Field required',
    ],
    [{ detail: [{ msg: 'a' }, { loc: ['b'], msg: 'b' }] }, 'a; b: b'],
    [{ detail: ['a', { x: 1 }] }, '"a"; {"x":1}'],
    [{ detail: [] }, '{"detail":[]}'],
    ['Internal Server Error\n', 'Internal Server Error'],
    ['', ''],
    [undefined, ''],
    [null, ''],
    [{}, ''],
    [[], ''],
    [5, ''],
    [{ error: 'Internal Server Error', detail: null }, 'Internal Server Error'],
  ])('finds in %j: %s', (body, words) => {
    expect(describeProblem(body)).toBe(words);
  });

  it('cuts long words', () => {
    expect(describeProblem('x'.repeat(500))).toBe('x'.repeat(500));
    expect(describeProblem('x'.repeat(501))).toBe(`${'x'.repeat(500)}…`);
  });

  it('never throws, and never says more than 501 characters, whatever the JSON', () => {
    const words = fc.oneof(fc.jsonValue(), fc.string({ minLength: 450, maxLength: 2_000 }));
    const body = fc.oneof(
      words,
      fc.record({ error: words, detail: words, error_message: words, message: words }, { requiredKeys: [] }),
      fc.record({ detail: fc.array(fc.record({ loc: words, msg: words }, { requiredKeys: [] })) }),
    );
    fc.assert(
      fc.property(body, (value) => {
        const said = describeProblem(value);
        expect(typeof said).toBe('string');
        expect(said.length).toBeLessThanOrEqual(501);
      }),
      { numRuns: 1_000 },
    );
  });
});
