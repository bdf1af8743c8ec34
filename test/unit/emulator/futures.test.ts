import { describe, expect, it } from 'vitest';
import type { FutureDialect } from '../../../src/emulator/futures/future-dialect.ts';
import { createFutures, type FuturePoll } from '../../../src/emulator/futures/futures.ts';
import { userFailure } from '../../../src/emulator/futures/operation-failure.ts';
import { createOperationGate } from '../../../src/emulator/futures/operation-gate.ts';
import type { ResultEncoding } from '../../../src/emulator/futures/result-encoding.ts';
import { json } from '../../../src/emulator/http/http.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';

const ACCEPT_PROTOBUF = 'application/x-protobuf, application/json';

function setUp(options: { dialect?: Partial<FutureDialect>; metadataFirstBytes?: number } = {}) {
  const clock = createVirtualClock(0);
  const futures = createFutures({
    clock,
    holdMs: 20_000,
    metadataFirstBytes: options.metadataFirstBytes ?? 100,
    gate: createOperationGate(),
    dialect: options.dialect,
  });
  const poll = async (requestId: string, how: Partial<FuturePoll> = {}) => {
    const { signal } = new AbortController();
    const whole = { requestId, accept: '', allowMetadataOnly: false, signal, ...how };
    const response = await clock.drive(futures.retrieve(whole));
    const type = response.headers.get('content-type');
    const bytes = new Uint8Array(await response.arrayBuffer());
    const body = type === 'application/json' ? JSON.parse(new TextDecoder().decode(bytes)) : undefined;
    return { status: response.status, type, bytes, body };
  };
  return { clock, futures, poll };
}

/** Results of `n` bytes in protobuf and two more in JSON, and how often each was made. */
function encoding() {
  const made = { json: 0, protobuf: 0 };
  const both: ResultEncoding<number> = {
    json(n) {
      made.json += 1;
      return { t: 'x'.repeat(n - 6) };
    },
    protobuf(n) {
      made.protobuf += 1;
      return new Uint8Array(n).fill(7);
    },
  };
  return { made, both };
}

describe('the encoding', () => {
  it.each([
    ['application/x-protobuf', 'application/x-protobuf'],
    [ACCEPT_PROTOBUF, 'application/x-protobuf'],
    ['Application/X-Protobuf;q=0.1', 'application/x-protobuf'],
    ['application/json', 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
  ])('for "%s" is %s', async (accept, type) => {
    const { futures, poll } = setUp();
    const id = futures.open(Promise.resolve(50), encoding().both);
    expect((await poll(id, { accept })).type).toBe(type);
  });

  it('is JSON where a result has no other, and for failures', async () => {
    const { futures, poll } = setUp();
    const plain = futures.open(Promise.resolve({ path: 'p' }));
    expect(await poll(plain, { accept: ACCEPT_PROTOBUF })).toMatchObject({ body: { path: 'p' } });
    const failed = futures.open(Promise.reject<number>(userFailure('no')), encoding().both);
    expect(await poll(failed, { accept: ACCEPT_PROTOBUF })).toMatchObject({
      status: 200,
      body: { error: 'no', category: 'user' },
    });
  });

  it('is made on demand, once a poll', async () => {
    const { futures, poll } = setUp();
    const { made, both } = encoding();
    const id = futures.open(Promise.resolve(50), both);
    expect(made).toEqual({ json: 0, protobuf: 0 });
    await poll(id);
    await poll(id, { accept: ACCEPT_PROTOBUF });
    expect(made).toEqual({ json: 1, protobuf: 1 });
  });
});

describe('a large result', () => {
  it.each(['', ACCEPT_PROTOBUF])(
    'is announced by its size to polls that allow it, accepting "%s"',
    async (accept) => {
      const { futures, poll } = setUp();
      const { made, both } = encoding();
      const id = futures.open(Promise.resolve(101), both);
      const size = {
        status: 'complete_metadata',
        request_id: id,
        response_payload_size: accept === '' ? 103 : 101,
      };
      const announced = await poll(id, { accept, allowMetadataOnly: true });
      expect(announced).toMatchObject({ status: 200, type: 'application/json', body: size });
      expect((await poll(id, { accept, allowMetadataOnly: true })).body).toEqual(size);
      const whole = await poll(id, { accept });
      expect(whole.bytes).toHaveLength(size.response_payload_size);
      // What was announced is what is sent: it is not made twice.
      expect(made.json + made.protobuf).toBe(1);
      // The other encoding has a size of its own.
      const other = await poll(id, { accept: accept === '' ? ACCEPT_PROTOBUF : '' });
      expect(other.bytes).toHaveLength(accept === '' ? 101 : 103);
    },
  );

  it('may be announced in one encoding and fetched in the other', async () => {
    const { futures, poll } = setUp();
    const id = futures.open(Promise.resolve(200), encoding().both);
    expect((await poll(id, { allowMetadataOnly: true })).body).toMatchObject({ response_payload_size: 202 });
    const fetched = await poll(id, { accept: ACCEPT_PROTOBUF });
    expect([fetched.type, fetched.bytes.length]).toEqual(['application/x-protobuf', 200]);
  });

  it('is one of more bytes than the option says', async () => {
    const { futures, poll } = setUp();
    const at = futures.open(Promise.resolve(100), encoding().both);
    const how = { accept: ACCEPT_PROTOBUF, allowMetadataOnly: true };
    expect((await poll(at, how)).bytes).toHaveLength(100);
    const { futures: others, poll: pollOthers } = setUp({ metadataFirstBytes: 0 });
    const any = others.open(Promise.resolve({}));
    expect((await pollOthers(any, how)).body).toMatchObject({ response_payload_size: 2 });
  });

  it('is not announced where the server does not do that', async () => {
    const { futures, poll } = setUp({ dialect: { announcesSize: false } });
    const id = futures.open(Promise.resolve(500), encoding().both);
    expect((await poll(id, { accept: ACCEPT_PROTOBUF, allowMetadataOnly: true })).bytes).toHaveLength(500);
  });
});

describe('a dialect', () => {
  it('words what is pending, failed and missing in its own way', async () => {
    const { clock, futures, poll } = setUp({
      dialect: {
        pending: (id) => json({ type: 'try_again', for: id }, 200),
        failed: (id, { error }) => json({ detail: `${id}: ${error}` }, 400),
        missing: (id, how, { state }) => json({ id, how, state }, 404),
        holdMs: 15_000,
      },
    });
    const never = futures.open(new Promise<object>(() => {}));
    expect((await poll(never)).body).toEqual({ type: 'try_again', for: never });
    expect(clock.monotonic()).toBe(15_000);
    const failed = futures.open(Promise.reject(userFailure('no')));
    expect(await poll(failed)).toMatchObject({ status: 400, body: { detail: `${failed}: no` } });
    expect((await poll('request-77')).body).toEqual({ id: 'request-77', how: 'unknown', state: 'active' });
    expect(clock.pending).toBe(0);
  });

  it('may give each result once', async () => {
    const { clock, futures, poll } = setUp({ dialect: { isOneShot: true } });
    const id = futures.open(Promise.resolve(101), encoding().both);
    expect((await poll(id, { allowMetadataOnly: true })).body).toMatchObject({ status: 'complete_metadata' });
    const [first, second] = await Promise.all([poll(id), poll(id)]);
    expect([first?.status, second?.status]).toEqual([200, 410]);
    expect((await poll(id)).status).toBe(410);
    const failed = futures.open(Promise.reject(userFailure('no')));
    expect([(await poll(failed)).status, (await poll(failed)).status]).toEqual([200, 410]);
    // Of two polls that wait for it, too.
    const slow = futures.open(new Promise<object>((resolve) => clock.schedule(() => resolve({}), 1000)));
    const waited = await Promise.all([poll(slow), poll(slow)]);
    expect(waited.map(({ status }) => status)).toEqual([200, 410]);
  });

  it('may keep results for a time', async () => {
    const { clock, futures, poll } = setUp({ dialect: { keptMs: 1000 } });
    const slow = futures.open(new Promise<object>((resolve) => clock.schedule(() => resolve({}), 5000)));
    expect((await poll(slow)).status).toBe(200);
    await clock.advance(999);
    expect((await poll(slow)).status).toBe(200);
    await clock.advance(1);
    expect(await poll(slow)).toMatchObject({ status: 410, body: { detail: 'The result has expired' } });
  });
});

it('keeps the last results that were delivered, and those that were not', async () => {
  const { futures, poll } = setUp();
  const forgotten = futures.open(Promise.resolve({}));
  const ids = Array.from({ length: 258 }, () => futures.open(Promise.resolve({})));
  for (const id of ids) await poll(id);
  const found = await Promise.all([ids[0], ids[1], ids[2], forgotten].map((id) => poll(id ?? '')));
  expect(found.map(({ status }) => status)).toEqual([410, 410, 200, 200]);
});
