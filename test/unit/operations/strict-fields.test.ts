import { describe, expect, it } from 'vitest';
import { sendResilient } from '../../../src/operations/runtime.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { testRuntime } from '../../support/runtime.ts';
import { rejection } from '../../support/settled.ts';

/** What a strict server says of fields that it does not know. */
const forbidden = (...places: readonly unknown[]): Answer => ({
  status: 422,
  body: {
    detail: places.map((loc) => ({ type: 'extra_forbidden', loc, msg: 'Extra inputs are not permitted' })),
  },
});
const OK: Answer = { status: 200, body: { request_id: 'r' } };

function setUp(answers: readonly Answer[]) {
  const base = testRuntime({ save_weights: answers, load_weights: answers });
  const send = (body: object | undefined, path = 'save_weights', method: 'POST' | 'PUT' = 'POST') =>
    base.runtime.scopes.run({}, (scope) =>
      sendResilient(base.runtime, { method, path: `/api/v1/${path}`, lane: 'train', body, scope }),
    );
  const bodies = () => base.requests.map(({ body }) => body);
  return { ...base, send, bodies };
}

describe('a field that a strict server refuses (item 5)', () => {
  it.each<readonly [string, readonly unknown[]]>([
    ['in the body', ['body', 'ttl_seconds']],
    ['by its name alone', ['ttl_seconds']],
  ])('is left out, told once, and never sent there again: named %s', async (_, loc) => {
    const { send, bodies, events, times, clock } = setUp([forbidden(loc), OK]);
    expect(await clock.drive(send({ path: 'n', ttl_seconds: 5 }))).toEqual({ request_id: 'r' });
    await clock.drive(send({ path: 'm', ttl_seconds: 6 }));
    expect(bodies()).toEqual([{ path: 'n', ttl_seconds: 5 }, { path: 'n' }, { path: 'm' }]);
    expect(events).toEqual([{ type: 'field_dropped', path: '/api/v1/save_weights', field: 'ttl_seconds' }]);
    // At once: it is no failure of the server.
    expect(times).toEqual([0, 0, 0]);
  });

  it('is left out with all others that are refused with it', async () => {
    const { send, bodies, events, clock } = setUp([
      forbidden(['body', 'overwrite'], ['body', 'ttl_seconds']),
      OK,
    ]);
    await clock.drive(send({ path: 'n', ttl_seconds: 5, overwrite: true }));
    expect(bodies().at(-1)).toEqual({ path: 'n' });
    expect(events.map((event) => event.type === 'field_dropped' && event.field)).toEqual([
      'overwrite',
      'ttl_seconds',
    ]);
  });

  it('is left out on its own path only', async () => {
    const { send, bodies, clock } = setUp([forbidden(['body', 'ttl_seconds']), OK]);
    await clock.drive(send({ ttl_seconds: 5 }));
    await clock.drive(send({ ttl_seconds: 5 }, 'load_weights'));
    // The script of the other path begins with a refusal, too.
    expect(bodies()).toEqual([{ ttl_seconds: 5 }, {}, { ttl_seconds: 5 }, {}]);
  });

  it('is one event also where many are refused together', async () => {
    const { send, bodies, events, clock } = setUp([
      forbidden(['body', 'ttl_seconds']),
      forbidden(['body', 'ttl_seconds']),
      OK,
    ]);
    await clock.drive(Promise.all([send({ ttl_seconds: 5 }), send({ ttl_seconds: 6 })]));
    expect(bodies()).toHaveLength(4);
    expect(events).toHaveLength(1);
  });

  it('is left out once: what is refused then is refused', async () => {
    const { send, bodies, clock } = setUp([
      forbidden(['body', 'ttl_seconds']),
      forbidden(['body', 'overwrite']),
      OK,
    ]);
    const error = await clock.drive(rejection(send({ ttl_seconds: 5, overwrite: true })));
    expect(error).toMatchObject({ code: 'http_status', status: 422, attempts: 1 });
    expect(bodies()).toHaveLength(2);
  });

  it.each<readonly [string, Answer]>([
    ['that the request cannot do without', forbidden(['body', 'path'])],
    ['that it does not have', forbidden(['body', 'project_id'])],
    ['deeper inside', forbidden(['body', 'ttl_seconds', 'x'])],
    ['elsewhere', forbidden(['query', 'ttl_seconds'])],
    ['by its place in a list', forbidden(['body', 0])],
    [
      'that is there, but wrong',
      { status: 422, body: { detail: [{ type: 'int_parsing', loc: ['ttl_seconds'] }] } },
    ],
    ['with another status', { ...(forbidden(['body', 'ttl_seconds']) as object), status: 400 } as Answer],
    ['in words', { status: 422, body: { detail: 'ttl_seconds: extra_forbidden' } }],
    ['in a list of anything', { status: 422, body: { detail: [null, 5, 'extra_forbidden', {}] } }],
    ['in no body', { status: 422, text: '' }],
  ])('is left in where it is one %s', async (_, answer) => {
    const { send, bodies, events, clock } = setUp([answer, OK]);
    const { status } = answer as { status: number };
    expect(await clock.drive(rejection(send({ path: 'n', ttl_seconds: 5 })))).toMatchObject({ status });
    expect([bodies().length, events]).toEqual([1, []]);
  });

  it('is what a PUT is about: without it there is nothing to send', async () => {
    const { send, bodies, clock } = setUp([forbidden(['body', 'ttl_seconds']), OK]);
    const put = rejection(send({ ttl_seconds: 5 }, 'save_weights', 'PUT'));
    expect(await clock.drive(put)).toMatchObject({ status: 422 });
    expect(bodies()).toEqual([{ ttl_seconds: 5 }]);
  });

  it('is nothing in a request without a body, or with one that is not JSON', async () => {
    const { send, requests, clock } = setUp([forbidden(['body', 'ttl_seconds']), OK]);
    expect(await clock.drive(rejection(send(undefined)))).toMatchObject({ status: 422 });
    const bytes = Uint8Array.of(1, 2);
    const binary = { bytes, contentType: 'application/x-protobuf' };
    await clock.drive(send(binary));
    expect([...(requests[1]?.bytes ?? [])]).toEqual([1, 2]);
  });
});
