import { describe, expect, it } from 'vitest';
import { delimited, join, varint } from '../unit/wire/proto/raw-fields.ts';
import { compareNumbers, difference, fallingLoss } from './compare-numbers.ts';
import { comparePasses } from './compare-passes.ts';
import { compareRequests } from './compare-requests.ts';
import { createRecorder } from './ours/record.ts';
import { readPass } from './protobuf-bytes.ts';
import { cleanRequest, keysOf } from './requests.ts';
import { createTally } from './tally.ts';
import type { Exchange, SentBody } from './traffic.ts';

// The judge of the interop run must be able to say no.

function tally() {
  const lines: string[] = [];
  return { lines, tally: createTally((line) => lines.push(line)) };
}

function exchange(path: string, body: SentBody | object, rest: Partial<Exchange> = {}): Exchange {
  return {
    server: 'main',
    method: 'POST',
    path,
    headers: { accept: 'application/json' },
    body: 'kind' in body ? (body as SentBody) : { kind: 'json', text: JSON.stringify(body) },
    status: 200,
    answerType: 'application/json',
    answer: undefined,
    ...rest,
  };
}

/** What fails between two lists of exchanges, but for differences that are not met in so short ones. */
function failures(official: readonly Exchange[], ours: readonly Exchange[]): string[] {
  const { lines, tally: checks } = tally();
  compareRequests(checks, 'x', { official, ours }, 'auto');
  return lines.filter((line) => line.startsWith('FAILED') && !line.includes('was not met'));
}

describe('numbers', () => {
  const float = (bits: string) => ({ kind: 'float32', rows: [['3f800000', bits]] }) as const;

  it('are the same only to the last bit', () => {
    expect(difference(float('3f000000'), float('3f000000'))).toBe(undefined);
    expect(difference(float('3f000000'), float('3f000001'))).toBe(
      '[0][1] is 3f000000 (0.5) there, 3f000001 (0.5000000596046448) here',
    );
  });

  it.each([
    ['a row more', { kind: 'whole', rows: [['1'], ['2']] }, { kind: 'whole', rows: [['1']] }],
    ['a row less', { kind: 'whole', rows: [['1']] }, { kind: 'whole', rows: [['1'], ['2']] }],
    ['a shorter row', { kind: 'whole', rows: [['1', '2']] }, { kind: 'whole', rows: [['1']] }],
    ['another kind', { kind: 'whole', rows: [['1']] }, { kind: 'words', rows: [['1']] }],
    ['nothing on either side', { kind: 'whole', rows: [] }, { kind: 'whole', rows: [] }],
    ['nothing here', { kind: 'whole', rows: [['1']] }, undefined],
    ['nothing there', undefined, { kind: 'whole', rows: [['1']] }],
  ] as const)('differ by %s', (_, official, ours) => {
    expect(difference(official, ours)).toEqual(expect.any(String));
  });

  it('are compared by every name of either side', () => {
    const { lines, tally: checks } = tally();
    const same = { kind: 'whole', rows: [['1']] } as const;
    compareNumbers(checks, 'x', { both: same, there: same }, { both: same, here: same });
    expect([checks.passed, checks.failed]).toEqual([1, 2]);
    expect(lines.map((line) => line.split('\n')[0])).toEqual([
      'ok      x: both',
      'FAILED  x: there',
      'FAILED  x: here',
    ]);
  });

  it('have fallen when the last loss is well below the first', () => {
    const losses = (last: number) => {
      const rows = Array.from({ length: 50 }, (_, i) => {
        const bits = Buffer.alloc(8);
        bits.writeDoubleBE(i === 49 ? last : 10);
        return [bits.toString('hex')];
      });
      return { 'train/losses': { kind: 'float64', rows } } as const;
    };
    expect(fallingLoss(losses(5.9))).toBe(undefined);
    expect(fallingLoss(losses(6.1))).toContain('from 10 to 6.1');
    expect(fallingLoss({})).toContain('0 losses');
  });

  it('are recorded once a name', () => {
    const recorder = createRecorder();
    recorder.floats('name', [[1]]);
    expect(() => recorder.words('name', [])).toThrow('recorded twice');
  });
});

describe('passes', () => {
  const entry = (key: string, value: string) => delimited(2, join(delimited(1, key), delimited(2, value)));
  const request = (inputs: Uint8Array, model = 'session-0123456789ab:train:0') =>
    join(delimited(1, model), varint(2, 300), delimited(3, join(delimited(1, 'text'), inputs)), varint(6, 1));

  it('are the same whatever the order of their maps, and in nothing else', () => {
    const [a, b] = [entry('a', '1'), entry('b', '2')];
    const one = readPass(request(join(a, b)));
    expect(one).toMatchObject({ modelId: 'session-0123456789ab:train:0', sequenceId: 300 });
    expect(readPass(request(join(b, a))).hex).toBe(one.hex);
    expect(readPass(request(join(a, entry('b', '3')))).hex).not.toBe(one.hex);
    expect(readPass(request(a)).hex).not.toBe(one.hex);
  });

  it('keep every byte', () => {
    const bytes = request(join(entry('a', '1'), entry('b', '2')));
    expect(readPass(bytes).hex).toBe(Buffer.from(bytes).toString('hex'));
  });

  it('are compared without the id of the session, which is drawn', () => {
    const body = (bytes: Uint8Array) =>
      ({ kind: 'protobuf', base64: Buffer.from(bytes).toString('base64') }) as const;
    const [a, b] = [entry('a', '1'), entry('b', '2')];
    const there = exchange('forward_backward', body(request(join(a, b))));
    const other = 'session-ba9876543210:train:0';
    const verdict = (bytes: Uint8Array): string => {
      const { lines, tally: checks } = tally();
      comparePasses(checks, 'x', [there], [exchange('forward_backward', body(bytes))]);
      return lines.join();
    };
    expect(verdict(request(join(b, a), other))).toMatch(/^ok/);
    expect(verdict(request(join(b, entry('a', '2')), other))).toContain('number 300 differs at byte');
    expect(verdict(request(join(a, b), 'session-ba9876543210:train:1'))).toContain('FAILED');
    expect(verdict(join(request(join(a, b), other), varint(7, 1)))).toMatch(/differs at byte [1-9]/);
  });
});

describe('requests', () => {
  it('lose what no two runs have in common', () => {
    const text =
      '{"id":"session-0123456789ab:train:0","at":"2026-01-02T03:04:05.678Z","seed":4611686018427387905}';
    expect(
      cleanRequest(
        exchange('training_runs/session-0123456789ab%3Atrain%3A0/checkpoints/weights/x/ttl?b=2&a=1', {
          kind: 'json',
          text,
        }),
      ),
    ).toMatchObject({
      endpoint: 'POST training_runs/:run/checkpoints/:checkpoint/ttl',
      query: ['a=1', 'b=2'],
      body: { id: 'SESSION:train:0', at: 'TIME', seed: '4611686018427387905' },
    });
  });

  it('have keys by their places', () => {
    expect(keysOf({ a: 1, b: [{ c: null }], d: { e: [] } })).toEqual(['a', 'b', 'b[].c', 'd', 'd.e']);
  });

  const step = { model_id: 'm', seq_id: 1, adam_params: { eps: 1e-12 } };

  it('may differ in the order of keys, and in how often they are sent', () => {
    const turned = { adam_params: { eps: 1e-12 }, seq_id: 1, model_id: 'm' };
    const [one, other] = [exchange('optim_step', step), exchange('optim_step', turned)];
    expect(failures([one], [other, other])).toEqual([]);
  });

  it.each([
    ['a key less', { model_id: 'm', adam_params: { eps: 1e-12 } }, 'keys'],
    ['a key more', { ...step, type: 'optim_step' }, 'keys'],
    ['another value', { ...step, adam_params: { eps: 1e-8 } }, 'bodies'],
  ])('must not differ by %s', (_, body, part) => {
    const [one, other] = [exchange('optim_step', step), exchange('optim_step', body)];
    expect(failures([one], [other]).join()).toContain(`optim_step, ${part}`);
    expect(failures([other], [one]).join()).toContain(`optim_step, ${part}`);
  });

  it.each([
    ['endpoints', exchange('get_info', step)],
    ['headers', exchange('optim_step', step, { headers: { accept: '*/*' } })],
    ['queries', exchange('optim_step?x=1', step)],
    ['statuses', exchange('optim_step', step, { status: 409 })],
  ])('must not differ in their %s', (part, other) => {
    expect(failures([exchange('optim_step', step)], [other]).join()).toContain(part);
  });

  it('may leave a default out where that is deliberate, and no other value', () => {
    const [bare, with_] = [{ model_id: 'm' }, (overwrite: boolean) => ({ model_id: 'm', overwrite })];
    const save = (body: object) => [exchange('save_weights', body)];
    expect(failures(save(with_(false)), save(bare))).toEqual([]);
    expect(failures(save(with_(true)), save(bare)).join()).toContain('overwrite');
    expect(failures(save(bare), save(with_(false))).join()).toContain('overwrite');
  });

  it('fail where a deliberate difference is none any more', () => {
    const { lines, tally: checks } = tally();
    const save = [exchange('save_weights', { model_id: 'm' })];
    compareRequests(checks, 'x', { official: save, ours: save }, 'auto');
    expect(lines.filter((line) => line.includes('was not met')).join()).toContain('overwrite');
  });
});
