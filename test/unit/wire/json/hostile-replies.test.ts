import { describe, expect, it } from 'vitest';
import {
  describeProblem,
  readPending,
  readPolled,
  readSubmitted,
} from '../../../../src/wire/json/futures.ts';
import { parseWire } from '../../../../src/wire/json/parse.ts';
import { readTrainingRun } from '../../../../src/wire/json/rest-runs.ts';
import { readSamplingSession, readSession } from '../../../../src/wire/json/sessions.ts';
import {
  readForwardBackward,
  readSaved,
  readSavedSamplerSession,
} from '../../../../src/wire/json/training.ts';
import { thrown } from '../../../support/settled.ts';

// What mutated replies have shown: nothing that a reply holds ends a call with an error of another kind.

const deep = (): unknown => JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
/** What `String` cannot make text of. */
const TEXTLESS = { toString: 1, valueOf: 1 };

const INVALID = { code: 'response_invalid' };

describe('a submission', () => {
  it.each([[1e300], [2 ** 53], [1.5], [Number.POSITIVE_INFINITY], ['x'.repeat(1_001)], [TEXTLESS], [true]])(
    'that is no id, %s, is refused rather than taken for another’s',
    (id) => {
      expect(thrown(() => readSubmitted({ request_id: id }))).toMatchObject(INVALID);
      expect(thrown(() => readSubmitted({ future_id: id }))).toMatchObject(INVALID);
    },
  );

  it.each([
    [0, '0'],
    [-7, '-7'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    ['x'.repeat(1_000), 'x'.repeat(1_000)],
  ])('that is one, %s, is read', (id, read) => {
    expect(readSubmitted({ request_id: id })).toEqual({ requestId: read });
  });

  it('is refused however deep it is, and shown by its length where it is bytes', () => {
    expect(thrown(() => readSubmitted({ x: deep() }))).toMatchObject(INVALID);
    expect((thrown(() => readSubmitted(new Uint8Array(9))) as Error).message).toMatch(
      /can be read: 9 bytes$/,
    );
  });

  it('keeps ids of sequences that can be read, all or none', () => {
    const ids = (sample_sequence_ids: unknown) => readSubmitted({ request_id: 'r', sample_sequence_ids });
    expect(ids(['a', 5])).toEqual({ requestId: 'r', sequenceIds: ['a', '5'] });
    for (const broken of [[TEXTLESS], ['a', null], [deep()], ['']])
      expect(ids(broken)).toEqual({ requestId: 'r' });
  });
});

describe('words about a failure', () => {
  it.each([
    ['nested deep', { error: deep() }],
    ['nested deep, in a list', { detail: [deep()] }],
    ['nested deep, as a place', { detail: [{ loc: [deep(), 'x'], msg: 'no' }] }],
    ['without text, as a place', { detail: [{ loc: ['body', TEXTLESS, 3], msg: 'no' }] }],
    ['without text', { detail: [TEXTLESS] }],
    ['long', { error: 'x'.repeat(100_000) }],
    ['deep itself', deep()],
  ])('are short text, though they are %s', (_, body) => {
    const words = describeProblem(body);
    expect(typeof words).toBe('string');
    expect(words.length).toBeLessThanOrEqual(501);
  });

  it('name the parts of a place that are names', () => {
    expect(describeProblem({ detail: [{ loc: ['body', TEXTLESS, 3], msg: 'no' }] })).toBe('body.3: no');
    expect(describeProblem({ detail: [{ loc: [TEXTLESS], msg: 'no' }] })).toBe('no');
  });

  it.each([
    [{ error: null }],
    [{ error: '', category: 'server' }],
    [{ error: {}, status: 'failed' }],
    [{ error: false, request_id: 'r' }],
  ])('are none where there is only a kind: %j', (body) => {
    expect(readPolled(body)).toMatchObject({ kind: 'failed', message: '' });
  });

  it('may be beside the error', () => {
    expect(readPolled({ error: null, message: 'out of memory' })).toMatchObject({ message: 'out of memory' });
  });
});

it('a queue’s words are kept short', () => {
  const long = 'x'.repeat(100_000);
  const { queueState = '', reason = '' } = readPending({ queue_state: long, queue_state_reason: long });
  expect([queueState.length, reason.length]).toEqual([501, 501]);
});

it('metadata that have no text do not take the others with them', () => {
  const run = { training_run_id: 'r', base_model: 'm', user_metadata: { deep: deep(), five: 5, text: 't' } };
  expect(readTrainingRun(run).userMetadata).toEqual({ deep: '', five: '5', text: 't' });
});

it.each<readonly [string, () => unknown]>([
  ['a session', () => readSession({ session_id: '' })],
  ['a sampling session', () => readSamplingSession({ sampling_session_id: '' })],
  ['the sampling session of a save', () => readSavedSamplerSession({ sampling_session_id: '' })],
  ['a save', () => readSaved({ path: '' })],
])('an id that is empty is none: %s', (_, read) => {
  expect(thrown(read)).toMatchObject({ ...INVALID, message: expect.stringMatching(/is empty$/) });
});

it('a save whose path is empty is where such saves are', () => {
  expect(readSaved({ path: '' }, 'tinker://m/weights/n')).toEqual({ path: 'tinker://m/weights/n' });
});

it('names of the server’s own are cut in messages', () => {
  const name = 'n'.repeat(50_000);
  const read = [
    () => readForwardBackward({ metrics: { [name]: 'x' } }),
    () => readForwardBackward({ loss_fn_outputs: [{ [name]: 5 }] }),
  ];
  for (const one of read) expect((thrown(one) as Error).message.length).toBeLessThan(300);
});

it('names that objects have anyway are only names', () => {
  const body = JSON.parse(
    '{"metrics": {"constructor": 1, "toString": 2}, "loss_fn_outputs": [{"valueOf": {"data": [1]}}]}',
  );
  const { metrics, lossFnOutputs } = readForwardBackward(body);
  expect(Object.entries(metrics)).toEqual([
    ['constructor', 1],
    ['toString', 2],
  ]);
  expect(Object.keys(lossFnOutputs[0] ?? {})).toEqual(['valueOf']);
  const polluted = JSON.parse(
    '{"metrics": {"__proto__": {"x": 1}}, "loss_fn_outputs": [{"__proto__": {"data": [1]}}]}',
  );
  const read = readForwardBackward(polluted);
  for (const object of [read.metrics, ...read.lossFnOutputs])
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
  expect(({} as { x?: unknown }).x).toBeUndefined();
});

it('what stands in a wrong place is told by its kind, through whatever is around it', () => {
  const message = (schema: Parameters<typeof parseWire>[0], value: unknown): string =>
    (thrown(() => parseWire(schema, value, 'thing')) as Error).message;
  const refuse = (path: PropertyKey[]) => () =>
    ({ safeParse: () => ({ success: false, error: { issues: [{ path }] } }) }) as never;
  expect(message(refuse(['a', 'b', 'c']), { a: null })).toMatch(/"a\.b\.c" is missing$/);
  expect(message(refuse([]), 5)).toMatch(/the body is a number, which was not expected$/);
});
