import { expect, it } from 'vitest';
import { emulatorCalls } from '../../support/emulator-calls.ts';

const PREFLIGHT = {
  method: 'OPTIONS',
  headers: {
    origin: 'https://page.example',
    'access-control-request-method': 'POST',
    'access-control-request-headers':
      'content-type, X-API-Key, x-tinker-request-iteration, x-evil, x-stainless-os',
  },
};

it('is off: a preflight is refused, and nothing is exposed, as servers do', async () => {
  const calls = emulatorCalls();
  const refused = await calls.as(undefined).call('create_session', undefined, PREFLIGHT);
  expect(refused).toMatchObject({ status: 405, body: { detail: 'Method Not Allowed' } });
  const answer = await calls.call('healthz', undefined, { headers: { origin: 'https://page.example' } });
  for (const { headers } of [refused, answer])
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
});

it.each([
  [true, '*'],
  ['https://page.example', 'https://page.example'],
])('with %j answers preflights without a key', async (cors, origin) => {
  const calls = emulatorCalls({ cors, apiKey: 'tml-first' });
  const { status, headers } = await calls.as(undefined).call('create_session', undefined, PREFLIGHT);
  expect([status, headers.get('access-control-allow-origin'), headers.get('vary')]).toEqual([
    204,
    origin,
    'origin',
  ]);
  expect(headers.get('access-control-allow-methods')).toBe('GET, POST, PUT, DELETE');
  const allowed = headers.get('access-control-allow-headers')?.split(', ') ?? [];
  for (const name of [
    'content-type',
    'accept',
    'content-encoding',
    'x-api-key',
    'authorization',
    'x-idempotency-key',
    'x-request-id',
    'range',
    'x-tinker-request-iteration',
    'x-stainless-os',
  ])
    expect(allowed).toContain(name);
  expect(allowed).not.toContain('x-evil');
});

it('lets pages read every answer, also a refusal', async () => {
  const calls = emulatorCalls({ cors: true, apiKey: 'tml-first' });
  for (const [key, status] of [
    ['tml-first', 200],
    ['tml-other', 401],
  ] as const) {
    const answer = await calls.as(key).call('healthz');
    expect(answer.status).toBe(status);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('content-type')).toBe('application/json');
    const exposed = answer.headers.get('access-control-expose-headers')?.split(', ') ?? [];
    for (const name of ['location', 'expires', 'retry-after', 'content-disposition', 'content-range', 'etag'])
      expect(exposed).toContain(name);
  }
  // Not every OPTIONS is a preflight.
  expect((await calls.call('healthz', undefined, { method: 'OPTIONS' })).status).toBe(405);
});

it('leaves the archive’s link and bytes as they are', async () => {
  const calls = emulatorCalls({ cors: true });
  const { modelId: model_id } = await calls.model();
  await calls.result('save_weights', { model_id, path: 'w', seq_id: 1 });
  const { status, headers } = await calls.call(`training_runs/${model_id}/checkpoints/weights/w/archive`);
  expect(status).toBe(302);
  const part = await calls.call(headers.get('location') ?? '', undefined, {
    headers: { range: 'bytes=0-99' },
  });
  expect([part.status, part.bytes.length, part.headers.get('content-length')]).toEqual([206, 100, '100']);
});
