import { describe, expect, it } from 'vitest';
import { sleep } from '../../../src/kernel/abort.ts';
import { TinkerApiError } from '../../../src/kernel/errors.ts';
import { TinkerCircuitOpenError } from '../../../src/kernel/limit-errors.ts';
import {
  type NumberedOutcome,
  type NumberedRequest,
  submitNumbered,
} from '../../../src/operations/numbered-submission.ts';
import type { Runtime } from '../../../src/operations/runtime.ts';
import type { CallOptions } from '../../../src/operations/scope.ts';
import type { BodyForm, WireFormat } from '../../../src/operations/wire-format.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { fakeZstd, numberedRequest, readSubmission, type SeenSubmission } from '../../support/pass-server.ts';
import { type TestServerSettings, testRuntime } from '../../support/runtime.ts';

const OK: Answer = { status: 200, body: { request_id: 'r' } };
const cut: Answer = () => {
  throw new TypeError('fetch failed', { cause: new Error('read ECONNRESET') });
};
const CRASH: Answer = {
  status: 500,
  text: 'Internal Server Error',
  headers: { 'content-type': 'text/plain' },
};
const detail = (status: number, said = 'no'): Answer => ({ status, body: { detail: said } });
const ZSTD: TestServerSettings = { config: { compressBodies: true }, compress: fakeZstd };

/** Answers by form, each list in order, the last one for ever. */
type Server = Partial<Record<BodyForm, readonly Answer[]>>;

function setUp(
  server: Server,
  options: Partial<Runtime> = {},
  settings: TestServerSettings = { config: {} },
) {
  const seen: SeenSubmission[] = [];
  const turns = new Map<BodyForm, number>();
  const answer: Answer = async (request) => {
    const submission = await readSubmission(request);
    const { form } = submission;
    seen.push(submission);
    const turn = turns.get(form) ?? 0;
    turns.set(form, turn + 1);
    const answers = server[form] ?? [OK];
    const next = answers[Math.min(turn, answers.length - 1)] ?? OK;
    if (typeof next === 'function') return next(request);
    if (next === 'refused') throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
    if (next === 'nothing') return new Promise(() => {});
    const { status, body = {}, text = JSON.stringify(body), headers, afterMs = 0 } = next;
    if (afterMs > 0) await sleep(base.clock, afterMs, request.signal);
    return new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } });
  };
  const base = testRuntime({ train: [answer] }, options, {}, settings);
  let calls = 0;
  const submit = (more: Partial<NumberedRequest> = {}, call: CallOptions = {}): Promise<NumberedOutcome> => {
    const request = numberedRequest(++calls, more);
    return base.runtime.scopes.run(call, (scope) =>
      submitNumbered(base.runtime, request, calls, scope, undefined),
    );
  };
  return {
    ...base,
    seen,
    submit,
    forms: () => seen.map(({ form }) => form),
    told: () => base.events.filter(({ type }) => type === 'wire_format'),
    finish() {
      const { scopes, account } = base.runtime;
      expect([scopes.size, base.clock.pending, account.passBytes.used]).toEqual([0, 0, 0]);
    },
  };
}

const TAKEN = { kind: 'taken', submission: { requestId: 'r' } };

describe('a pass whose form the server does not read (item 2)', () => {
  it.each([400, 404, 405, 406, 415, 422, 500])(
    'is sent again at once as JSON, under the same number, after %d; and from then on only so',
    async (status) => {
      // After a crash the server may close the connection.
      const afterMs = status === 500 ? 100 : 0;
      const { submit, seen, told, times, events, clock, finish } = setUp({ protobuf: [detail(status)] });
      expect(await clock.drive(submit())).toEqual(TAKEN);
      await clock.drive(submit());
      expect(seen).toEqual([
        { form: 'protobuf', sequenceId: 1, call: 1 },
        { form: 'json', sequenceId: 1, call: 1 },
        { form: 'json', sequenceId: 2, call: 2 },
      ]);
      // No retry, no backoff: it is no trouble.
      expect([times, events, told().length]).toEqual([[0, afterMs, afterMs], told(), 1]);
      expect(told()).toMatchObject([{ format: 'json' }]);
      finish();
    },
  );

  it('may crash the server with a text, which leaves nothing open even where it does not know numbers again', async () => {
    const { submit, forms, clock, finish } = setUp({ protobuf: [CRASH] }, { serverDeduplicates: false });
    expect(await clock.drive(submit())).toEqual(TAKEN);
    expect(forms()).toEqual(['protobuf', 'json']);
    finish();
  });

  it('may make it close the connection behind its answer, which nothing is sent into meanwhile', async () => {
    const closing: { until: number } = { until: 0 };
    const { submit, forms, clock, finish } = setUp(
      {
        protobuf: [
          () => {
            closing.until = clock.monotonic() + 50;
            return new Response('Internal Server Error', { status: 500 });
          },
        ],
        json: [
          (request) =>
            clock.monotonic() < closing.until ? cut(request) : Response.json({ request_id: 'r' }),
        ],
      },
      { serverDeduplicates: false },
    );
    expect(await clock.drive(submit())).toEqual(TAKEN);
    expect(forms()).toEqual(['protobuf', 'json']);
    finish();
  });

  it('is not sent as JSON for a caller who left after the crash, and leaves its number free', async () => {
    const { submit, forms, clock, finish } = setUp({ protobuf: [CRASH] });
    const controller = new AbortController();
    const outcome = submit({}, { signal: controller.signal });
    await clock.advance(50);
    controller.abort('enough');
    expect(await clock.drive(outcome)).toEqual({ kind: 'free', error: 'enough' });
    expect(forms()).toEqual(['protobuf']);
    finish();
  });

  it('is read where the server has something to say of its sparse tensors', async () => {
    const said = 'Invalid proto forward_backward body: Sparse loss_fn_input tensors are not supported';
    const { submit, forms, told, clock, finish } = setUp({ protobuf: [detail(422, said), OK] });
    expect(await clock.drive(submit())).toMatchObject({ kind: 'free', error: { status: 422 } });
    await clock.drive(submit());
    expect([forms(), told()]).toEqual([['protobuf', 'protobuf'], []]);
    finish();
  });

  it('may cut its connection: the second time in a row JSON is tried', async () => {
    const { submit, forms, told, clock, finish } = setUp({ protobuf: [cut] });
    expect(await clock.drive(submit())).toEqual(TAKEN);
    await clock.drive(submit());
    expect(forms()).toEqual(['protobuf', 'protobuf', 'json', 'json']);
    expect(told()).toHaveLength(1);
    finish();
  });

  it.each<readonly [string, readonly Answer[], readonly BodyForm[]]>([
    ['once', [cut, OK], ['protobuf', 'protobuf']],
    [
      'twice, but not in a row',
      [cut, { status: 503 }, cut, OK],
      ['protobuf', 'protobuf', 'protobuf', 'protobuf'],
    ],
    ['before anything was sent', ['refused', cut, OK], ['protobuf', 'protobuf', 'protobuf']],
    [
      'by nobody who heard',
      ['refused', 'refused', 'refused', OK],
      Array.from({ length: 4 }, () => 'protobuf'),
    ],
  ])('is not shown by a connection that was cut %s', async (_, protobuf, expected) => {
    const { submit, forms, told, clock, finish } = setUp({ protobuf });
    expect(await clock.drive(submit())).toEqual(TAKEN);
    expect([forms(), told()]).toEqual([expected, []]);
    finish();
  });

  it('is not tried as JSON after a cut where the server does not know numbers again', async () => {
    const { submit, forms, clock, finish } = setUp({ protobuf: [cut] }, { serverDeduplicates: false });
    expect(await clock.drive(submit())).toMatchObject({ kind: 'lost', error: { code: 'connection_failed' } });
    expect(forms()).toEqual(['protobuf']);
    finish();
  });

  it.each([401, 403, 409, 413])('is not shown by %d', async (status) => {
    const { submit, forms, clock, finish } = setUp({ protobuf: [detail(status)] });
    expect(await clock.drive(submit())).toMatchObject({ kind: 'free', error: { status } });
    expect(forms()).toEqual(['protobuf']);
    finish();
  });

  it.each([502, 503, 504])('is not shown by %d, after which it is sent again as it is', async (status) => {
    const { submit, forms, told, clock, finish } = setUp({ protobuf: [{ status }, OK] });
    expect(await clock.drive(submit())).toEqual(TAKEN);
    expect([forms(), told()]).toEqual([['protobuf', 'protobuf'], []]);
    finish();
  });

  it('is not shown by what leads to a request: a token that cannot be had', async () => {
    const { runtime, clock, seen } = setUp({});
    const failures = [
      new TinkerApiError(500, 'down', { retryable: true }),
      new TinkerApiError(422, 'no token'),
    ];
    const bodies: unknown[] = [];
    // Fails before `onSend`, like the exchange of a key.
    const pipeline: Runtime['pipeline'] = {
      send({ body }) {
        bodies.push(body);
        return Promise.reject(failures.shift());
      },
    };
    const own = { ...runtime, pipeline };
    const outcome = runtime.scopes.run({}, (scope) =>
      submitNumbered(own, numberedRequest(1), 1, scope, undefined),
    );
    expect(await clock.drive(outcome)).toMatchObject({ kind: 'free', error: { status: 422 } });
    expect([failures, seen]).toEqual([[], []]);
    expect(bodies).toEqual(
      [1, 2].map(() => expect.objectContaining({ contentType: 'application/x-protobuf' })),
    );
    expect(runtime.forms.candidates()).toEqual(['protobuf', 'json']);
  });
});

describe('a pass that the server does not read in any form', () => {
  it.each([400, 422, 500])(
    'fails with what the server says of the JSON, and settles nothing for the next: %d',
    async (status) => {
      const { submit, forms, told, clock, finish } = setUp({
        protobuf: [detail(status, 'binary')],
        json: [detail(422, 'data.0: no such loss'), OK],
      });
      const outcome = await clock.drive(submit());
      expect(outcome).toMatchObject({ kind: 'free', error: { status: 422 } });
      expect((outcome as { error: Error }).error.message).toContain('no such loss');
      expect(told()).toEqual([]);
      await clock.drive(submit());
      expect(forms()).toEqual(['protobuf', 'json', 'protobuf', 'json']);
      expect(told()).toHaveLength(1);
      finish();
    },
  );

  it('is lost where both crash the server: it may be this very pass, and may have run', async () => {
    const { submit, forms, told, clock, finish } = setUp({ protobuf: [CRASH], json: [CRASH] });
    expect(await clock.drive(submit())).toMatchObject({ kind: 'lost', error: { status: 500, attempts: 10 } });
    expect(forms()).toEqual(['protobuf', ...Array.from({ length: 10 }, () => 'json')]);
    expect(told()).toEqual([]);
    finish();
  });

  it('has a second chance in the form whose connections were cut', async () => {
    const { submit, forms, told, clock, finish } = setUp({ protobuf: [cut, cut, OK], json: [detail(415)] });
    expect(await clock.drive(submit())).toEqual(TAKEN);
    await clock.drive(submit());
    expect(forms()).toEqual(['protobuf', 'protobuf', 'json', 'protobuf', 'protobuf']);
    expect(told()).toEqual([]);
    finish();
  });

  it('is lost where that fails, too, for the cut ones may have arrived', async () => {
    const { submit, forms, clock, finish } = setUp({
      protobuf: [cut, cut, detail(400)],
      json: [detail(415)],
    });
    expect(await clock.drive(submit())).toMatchObject({ kind: 'lost', error: { status: 400 } });
    expect(forms()).toEqual(['protobuf', 'protobuf', 'json', 'protobuf']);
    finish();
  });
});

describe('a form that was read once', () => {
  it.each<readonly [number, string]>([
    [500, 'retried'],
    [503, 'retried'],
    [400, 'refused'],
    [415, 'refused'],
    [422, 'refused'],
  ])('is not given up for a later %d, which is %s', async (status, what) => {
    const { submit, forms, told, clock, finish } = setUp({ protobuf: [OK, detail(status), OK] });
    await clock.drive(submit());
    const outcome = await clock.drive(submit());
    if (what === 'retried') expect(outcome).toEqual(TAKEN);
    else expect(outcome).toMatchObject({ kind: 'free', error: { status } });
    expect(new Set(forms())).toEqual(new Set(['protobuf']));
    expect(told()).toEqual([]);
    finish();
  });

  it('is not given up for connections that are cut', async () => {
    const { submit, forms, clock, finish } = setUp({ protobuf: [OK, cut, cut, cut, OK] });
    await clock.drive(submit());
    expect(await clock.drive(submit())).toEqual(TAKEN);
    expect(forms()).toEqual(Array.from({ length: 5 }, () => 'protobuf'));
    finish();
  });

  it('is not given up for another pass under way that took it for unread', async () => {
    const { submit, forms, told, clock, finish } = setUp({
      protobuf: [{ ...(OK as object), afterMs: 100 } as Answer, detail(400), OK],
    });
    const slow = submit();
    const fast = submit();
    expect(await clock.drive(Promise.all([slow, fast]))).toEqual([TAKEN, TAKEN]);
    expect(told()).toHaveLength(1);
    await clock.drive(submit());
    expect(forms()).toEqual(['protobuf', 'protobuf', 'json', 'protobuf']);
    finish();
  });
});

describe('a server that reads JSON only, by its settings', () => {
  it.each<readonly [string, TestServerSettings]>([
    ['it has none', {}],
    ['it says so', { config: { protobufPasses: false } }],
  ])('is never sent protobuf: %s', async (_, settings) => {
    const { submit, forms, told, clock, finish } = setUp({}, {}, settings);
    await clock.drive(submit());
    expect([forms(), told()]).toEqual([['json'], []]);
    finish();
  });

  it.each<readonly [WireFormat, readonly BodyForm[]]>([
    ['proto', ['protobuf']],
    ['json', ['json']],
  ])('with the format %s is sent that, whatever it says', async (wireFormat, expected) => {
    const { submit, forms, clock, finish } = setUp(
      { protobuf: [detail(415)], json: [detail(415)] },
      { wireFormat },
      { config: { protobufPasses: wireFormat === 'json' } },
    );
    expect(await clock.drive(submit())).toMatchObject({ kind: 'free', error: { status: 415 } });
    expect(forms()).toEqual(expected);
    finish();
  });
});

describe('the only form of a pass', () => {
  it.each([CRASH, detail(422)])('leaves its number free where it is never read: %#', async (protobuf) => {
    const { submit, forms, clock, finish } = setUp({ protobuf: [protobuf] }, { wireFormat: 'proto' });
    const hint = 'If the server does not read protobuf, set wireFormat to "auto"';
    const outcome = await clock.drive(submit());
    expect(outcome).toMatchObject({ kind: 'free', error: { code: 'http_status', hint } });
    expect(new Set(forms())).toEqual(new Set(['protobuf']));
    finish();
  });

  it('that was read once may be lost in a crash', async () => {
    const { submit, clock, finish } = setUp({ protobuf: [OK, CRASH] }, { wireFormat: 'proto' });
    await clock.drive(submit());
    const outcome = await clock.drive(submit());
    expect(outcome).toMatchObject({
      kind: 'lost',
      error: { status: 500, hint: expect.not.stringContaining('wireFormat') },
    });
    finish();
  });
});

describe('a route that the server lacks (item 38)', () => {
  it.each([
    ['404', detail(404, 'Not Found')],
    ['405', detail(405, 'Method Not Allowed')],
  ])('is unsupported, and the number is free: %s', async (_, answer) => {
    const { submit, forms, clock, finish } = setUp({ protobuf: [CRASH], json: [answer] });
    const outcome = await clock.drive(submit());
    expect(outcome).toMatchObject({
      kind: 'free',
      error: { code: 'unsupported_by_server', route: 'POST /api/v1/train', attempts: 1 },
    });
    expect(forms()).toEqual(['protobuf', 'json']);
    finish();
  });

  it('is not what another 404 says', async () => {
    const { submit, clock, finish } = setUp(
      { json: [detail(404, 'Model not found')] },
      { wireFormat: 'json' },
    );
    expect(await clock.drive(submit())).toMatchObject({ kind: 'free', error: { status: 404 } });
    finish();
  });
});

describe('compression (item 3)', () => {
  it('is used where the server asks for it and the client can', async () => {
    const { submit, seen, requests, told, clock, finish } = setUp({}, {}, ZSTD);
    await clock.drive(submit());
    await clock.drive(submit());
    expect(seen.map(({ form }) => form)).toEqual(['zstd', 'zstd']);
    expect(requests[0]?.headers.get('content-encoding')).toBe('zstd');
    expect(requests[0]?.headers.get('content-type')).toBe('application/x-protobuf');
    expect(told()).toEqual([]);
    finish();
  });

  it.each([415, 422, 500])('that is not read leaves protobuf, after %d', async (status) => {
    const { submit, forms, told, requests, clock, finish } = setUp({ zstd: [detail(status)] }, {}, ZSTD);
    await clock.drive(submit());
    await clock.drive(submit());
    expect(forms()).toEqual(['zstd', 'protobuf', 'protobuf']);
    expect(requests[1]?.headers.get('content-encoding')).toBeNull();
    expect(told()).toMatchObject([{ format: 'protobuf' }]);
    finish();
  });

  it('that is not read, nor protobuf, leaves JSON', async () => {
    const { submit, forms, told, clock, finish } = setUp(
      { zstd: [detail(415)], protobuf: [CRASH] },
      {},
      ZSTD,
    );
    await clock.drive(submit());
    await clock.drive(submit());
    expect(forms()).toEqual(['zstd', 'protobuf', 'json', 'json']);
    expect(told()).toMatchObject([{ format: 'json' }]);
    finish();
  });

  it('with protobuf only ends there', async () => {
    const { submit, forms, clock, finish } = setUp(
      { zstd: [detail(415)], protobuf: [detail(415)] },
      { wireFormat: 'proto' },
      ZSTD,
    );
    expect(await clock.drive(submit())).toMatchObject({ kind: 'free', error: { status: 415 } });
    expect(forms()).toEqual(['zstd', 'protobuf']);
    finish();
  });

  it('that fails fails the pass before it is sent, and leaves its number free', async () => {
    const compress = (): never => {
      throw new Error('out of memory');
    };
    const { submit, forms, clock, finish } = setUp({}, {}, { ...ZSTD, compress });
    expect(await clock.drive(submit({ bytes: 100 }))).toMatchObject({
      kind: 'free',
      error: { code: 'input_invalid', field: 'compress' },
    });
    expect(forms()).toEqual([]);
    finish();
  });

  it('that never ends is not waited for after an abort, nor after the close of the service', async () => {
    const settings = { ...ZSTD, compress: () => new Promise<never>(() => {}) };
    const { submit, runtime, clock, finish } = setUp({}, {}, settings);
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const aborted = submit({ bytes: 100 }, { signal: controller.signal });
    const closed = submit({ bytes: 100 });
    await clock.advance(10);
    controller.abort('enough');
    expect(await aborted).toEqual({ kind: 'free', error: 'enough' });
    await runtime.scopes.close('shut');
    expect(await closed).toEqual({ kind: 'free', error: 'shut' });
    expect(listeners.left).toBe(0);
    finish();
  });
});

describe('a request that has one form only', () => {
  it('is sent so, whatever the server reads, and proves nothing', async () => {
    const { submit, forms, told, clock, runtime, finish } = setUp({ json: [detail(415), OK] });
    expect(await clock.drive(submit({ protobuf: undefined }))).toMatchObject({ kind: 'free' });
    expect(await clock.drive(submit({ protobuf: undefined }))).toEqual(TAKEN);
    expect([forms(), told()]).toEqual([['json', 'json'], []]);
    expect(runtime.forms.candidates()).toEqual(['protobuf', 'json']);
    finish();
  });
});

describe('a field that is refused', () => {
  it('leaves nothing open where its repetition is held back by the circuit', async () => {
    const { runtime, clock } = setUp({}, { serverDeduplicates: false });
    const detail = [{ type: 'extra_forbidden', loc: ['body', 'ttl_seconds'] }];
    const answers = [
      new TinkerApiError(422, 'unknown field', { body: { detail } }),
      new TinkerCircuitOpenError('train', 1_000),
    ];
    const pipeline: Runtime['pipeline'] = {
      async send({ onSend }) {
        const error = answers.shift();
        // An open circuit lets nothing out.
        if (error?.code !== 'circuit_open') onSend?.();
        if (error !== undefined) throw error;
        return { request_id: 'r' };
      },
    };
    const request = { ...numberedRequest(1, { protobuf: undefined }), body: () => ({ ttl_seconds: 1 }) };
    const outcome = runtime.scopes.run({}, (scope) =>
      submitNumbered({ ...runtime, pipeline }, request, 1, scope, undefined),
    );
    expect(await clock.drive(outcome)).toEqual(TAKEN);
  });
});

describe('the bytes of passes under way', () => {
  const settings = { config: { passDispatchBytes: 100 } };

  it('are waited for, in order, and given back on every path', async () => {
    const slow = (status: number): Answer => ({ status, body: { request_id: 'r' }, afterMs: 100 });
    const { submit, seen, runtime, events, clock, finish } = setUp(
      { protobuf: [OK, slow(200), slow(401), slow(200)] },
      {},
      settings,
    );
    await clock.drive(submit());
    const all = [submit({ bytes: 60 }), submit({ bytes: 60 }), submit({ bytes: 60 })];
    await clock.advance(10);
    const { passBytes } = runtime.account;
    // Two are let in: the balance may be overdrawn by one.
    expect([seen.length, passBytes.used, passBytes.waiting]).toEqual([3, 120, 1]);
    expect(events).toMatchObject([{ type: 'limit_reached', limit: 'bytes of passes' }]);
    const outcomes = await clock.drive(Promise.all(all));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['taken', 'free', 'taken']);
    finish();
  });

  it('turn away who does not want to wait, and free who aborts', async () => {
    const { submit, runtime, clock, finish } = setUp({}, {}, settings);
    const release = await runtime.account.passBytes.acquire(new AbortController().signal, 200);
    expect(await submit({ bytes: 1 }, { onLimit: 'throw' })).toMatchObject({
      kind: 'free',
      error: { code: 'limit_reached', scope: 'bytes' },
    });
    const controller = new AbortController();
    const aborted = submit({ bytes: 1 }, { signal: controller.signal });
    await clock.advance(10);
    controller.abort('enough');
    expect(await aborted).toEqual({ kind: 'free', error: 'enough' });
    // What counts for nothing does not wait.
    expect(await clock.drive(submit())).toEqual(TAKEN);
    release();
    finish();
  });
});
