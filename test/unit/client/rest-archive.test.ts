import { describe, expect, it } from 'vitest';
import { answer, bare, inOrder, lost, restSetup } from '../../support/rest.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

const PATH = 'tinker://r/sampler_weights/final';
const PREFIXED = 'GET training_runs/r/checkpoints/sampler_weights/final/archive';
const BARE = 'GET training_runs/r/checkpoints/final/archive';
const URL_OF = 'https://store.test/a?sig=1';
const START_MS = 1_700_000_000_000;
const DEFAULT_EXPIRY = new Date(START_MS + 900_000);

const redirect =
  (headers: Record<string, string> = {}, status = 302) =>
  () =>
    bare(status, { location: URL_OF, ...headers });
const building = (headers: Record<string, string> = {}) => answer({ detail: 'building' }, 503, headers);
const unknown = () => answer({ detail: 'No such checkpoint' }, 404);
const notAllowed = () => answer({ detail: 'Method Not Allowed' }, 405);
const badName = () => answer({ detail: 'Not an id' }, 400);
const noRoute = () => answer({ detail: 'Not Found' }, 404);

describe('getCheckpointArchiveUrl', () => {
  it.each([
    [redirect({ expires: 'Wed, 21 Oct 2015 07:28:00 GMT' }), URL_OF, new Date('2015-10-21T07:28:00Z')],
    [redirect({ expires: 'Wed, 21 Oct 2015 07:28:00' }), URL_OF, new Date('2015-10-21T07:28:00Z')],
    [redirect({ expires: 'Wed, 21 Oct 2015 07:28:00 +0200' }), URL_OF, new Date('2015-10-21T05:28:00Z')],
    [redirect(), URL_OF, DEFAULT_EXPIRY],
    [redirect({ expires: '0' }), URL_OF, DEFAULT_EXPIRY],
    [redirect({ expires: 'soon' }), URL_OF, DEFAULT_EXPIRY],
    [redirect({}, 307), URL_OF, DEFAULT_EXPIRY],
    [redirect({ location: '/files/a?t=1' }), 'https://tinker.test/files/a?t=1', DEFAULT_EXPIRY],
    [
      redirect({ location: 'download' }),
      'https://tinker.test/base/api/v1/training_runs/r/checkpoints/sampler_weights/final/download',
      DEFAULT_EXPIRY,
    ],
    [
      () => answer({ url: URL_OF, expires: '2026-07-13T00:00:00+01:00' }),
      URL_OF,
      new Date('2026-07-12T23:00:00Z'),
    ],
    [() => answer({ url: URL_OF, expires: '2026-07-13T00:00:00' }), URL_OF, new Date('2026-07-13T00:00:00Z')],
    [() => answer({ url: URL_OF, expires: 1_700_000_123.5 }), URL_OF, new Date(1_700_000_123_500)],
    [() => answer({ url: URL_OF, expires: '1700000123' }), URL_OF, new Date(1_700_000_123_000)],
    [() => answer({ url: URL_OF, expires: 1e300 }), URL_OF, DEFAULT_EXPIRY],
    [() => answer({ url: URL_OF }), URL_OF, DEFAULT_EXPIRY],
    [() => answer({ url: URL_OF, expires: 'soon' }), URL_OF, DEFAULT_EXPIRY],
    [() => answer({ url: URL_OF, expires: null }), URL_OF, DEFAULT_EXPIRY],
    [() => answer({ url: '/files/a' }), 'https://tinker.test/files/a', DEFAULT_EXPIRY],
  ])('reads an answer of either kind: %#', async (reply, url, expires) => {
    const { rest, clock, lines, calls, finish } = restSetup(reply);
    expect(await clock.drive(rest.getCheckpointArchiveUrl(PATH))).toEqual({ url, expires });
    expect(lines()).toEqual([PREFIXED]);
    expect(calls[0]?.headers.get('accept')).toBe('application/json');
    await finish();
  });

  it.each([
    ['no location', () => bare(302)],
    ['a location that is none', redirect({ location: 'http://' })],
    ['a location that is code', redirect({ location: 'javascript:alert(1)' })],
    ['an answer without an address', () => answer({ expires: 1 })],
    ['an address that is none', () => answer({ url: 'data:text/plain,x' })],
  ])('refuses %s', async (_, reply) => {
    const { rest, clock, calls, finish } = restSetup(reply);
    const error = await driveToRejection(clock, rest.getCheckpointArchiveUrl(PATH));
    expect(error).toMatchObject({ code: 'response_invalid' });
    expect(calls).toHaveLength(1);
    await finish();
  });

  it('says what to do in a page, which sees nothing of a redirect', async () => {
    const opaque = () => {
      const response = bare(200);
      Object.defineProperties(response, { status: { value: 0 }, type: { value: 'opaqueredirect' } });
      return response;
    };
    const { rest, clock, calls, finish } = restSetup(opaque);
    expect(await driveToRejection(clock, rest.getCheckpointArchiveUrl(PATH))).toMatchObject({
      code: 'http_status',
      status: 0,
      retryable: false,
      hint: expect.stringContaining('navigating'),
    });
    expect(calls).toHaveLength(1);
    await finish();
  });
});

describe('an archive that is not ready', () => {
  it('is asked for again after 30 s: 503, 503, then there (acceptance 44)', async () => {
    const { rest, clock, calls, events, finish } = restSetup(inOrder(building, building, redirect()));
    expect((await clock.drive(rest.getCheckpointArchiveUrl(PATH))).url).toBe(URL_OF);
    expect(calls.map(({ at }) => at)).toEqual([0, 30_000, 60_000]);
    const path = '/api/v1/training_runs/r/checkpoints/sampler_weights/final/archive';
    expect(events.filter(({ type }) => type === 'retry')).toEqual([
      { type: 'retry', path, attempts: 1, delayMs: 30_000, code: 'http_status', status: 503 },
      { type: 'retry', path, attempts: 2, delayMs: 30_000, code: 'http_status', status: 503 },
    ]);
    await finish();
  });

  it('is asked for six times, and no more (acceptance 44)', async () => {
    const { rest, clock, calls, finish } = restSetup(() => building());
    const error = await driveToRejection(clock, rest.getCheckpointArchiveUrl(PATH));
    expect(error).toMatchObject({
      code: 'http_status',
      status: 503,
      attempts: 6,
      retryable: true,
      body: { detail: 'building' },
      message: expect.stringContaining('not ready after 6 tries'),
    });
    expect(calls.map(({ at }) => at)).toEqual([0, 1, 2, 3, 4, 5].map((n) => n * 30_000));
    await finish();
  });

  it('is waited for as long as the server wishes, where that is longer', async () => {
    const { rest, clock, calls, finish } = restSetup(
      inOrder(
        () => building({ 'retry-after': '45' }),
        () => building({ 'retry-after': '1' }),
        () => building({ 'retry-after': '3600' }),
        redirect(),
      ),
    );
    await clock.drive(rest.getCheckpointArchiveUrl(PATH));
    expect(calls.map(({ at }) => at)).toEqual([0, 45_000, 75_000, 135_000]);
    await finish();
  });

  it('may still be written (425)', async () => {
    const { rest, clock, calls, finish } = restSetup(inOrder(() => answer({}, 425), redirect()));
    await clock.drive(rest.getCheckpointArchiveUrl(PATH));
    expect(calls.map(({ at }) => at)).toEqual([0, 30_000]);
    await finish();
  });

  it('is not waited for after an abort, a limit, or close', async () => {
    const { rest, clock, calls, service } = restSetup(() => building());
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = rejection(rest.getCheckpointArchiveUrl(PATH, { signal: controller.signal }));
    const limited = rejection(rest.getCheckpointArchiveUrl(PATH, { timeoutMs: 31_000 }));
    const closed = rejection(rest.getCheckpointArchiveUrl(PATH));
    await clock.advance(40_000);
    expect(await limited).toMatchObject({ code: 'timed_out', scope: 'operation' });
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    await service.close();
    expect(await closed).toMatchObject({ code: 'client_closed' });
    expect(calls).toHaveLength(6);
    expect(clock.pending).toBe(0);
  });

  it('is an outage like any other for other answers', async () => {
    const { rest, clock, calls, finish } = restSetup(inOrder(lost, () => answer({}, 502), redirect()));
    await clock.drive(rest.getCheckpointArchiveUrl(PATH));
    expect(calls.map(({ at }) => at)).toEqual([0, 500, 1_500]);
    await finish();
  });
});

it('has expired', async () => {
  const { rest, clock, calls, finish } = restSetup(() => answer({ detail: 'It expired on Monday' }, 410));
  expect(await driveToRejection(clock, rest.getCheckpointArchiveUrl(PATH))).toMatchObject({
    code: 'result_expired',
    category: 'expired',
    message: expect.stringContaining('It expired on Monday'),
    cause: { status: 410 },
  });
  expect(calls).toHaveLength(1);
  await finish();
});

describe('the other name of a checkpoint', () => {
  it.each([notAllowed, unknown, noRoute])('is asked for once, without the kind: %#', async (first) => {
    const { rest, clock, lines, finish } = restSetup(inOrder(first, redirect()));
    expect((await clock.drive(rest.getCheckpointArchiveUrl(PATH))).url).toBe(URL_OF);
    expect(lines()).toEqual([PREFIXED, BARE]);
    await finish();
  });

  it.each([notAllowed, unknown, badName])('is asked for once, with the kind: %#', async (first) => {
    const { rest, clock, lines, finish } = restSetup(inOrder(first, redirect()));
    const checkpoint = { runId: 'r', checkpointId: 'final' };
    expect((await clock.drive(rest.getCheckpointArchiveUrl(checkpoint))).url).toBe(URL_OF);
    expect(lines()).toEqual([BARE, PREFIXED]);
    await finish();
  });

  it('is asked for once, of a path without a kind, as some servers give for weights to sample from', async () => {
    for (const path of ['tinker://r/final', 'twinkle://r/final']) {
      const { rest, clock, lines, finish } = restSetup(inOrder(unknown, redirect()));
      expect((await clock.drive(rest.getCheckpointArchiveUrl(path))).url).toBe(URL_OF);
      expect(lines()).toEqual([BARE, PREFIXED]);
      await finish();
    }
  });

  it('is no reason to take half a path for one, or to change what a path without a kind is of', async () => {
    const { rest, calls, finish } = restSetup(redirect());
    for (const path of ['tinker://r/weights', 'tinker://r/sampler_weights', 'tinker://r/', 'other://r/final'])
      expect(await rejection(rest.getCheckpointArchiveUrl(path))).toMatchObject({ code: 'input_invalid' });
    const changes = [
      rest.deleteCheckpoint('tinker://r/final'),
      rest.deleteCheckpoints(['tinker://r/final']),
      rest.publishCheckpoint('tinker://r/final'),
      rest.setCheckpointTtl('tinker://r/final', null),
    ];
    for (const change of changes) expect(await rejection(change)).toMatchObject({ code: 'input_invalid' });
    expect(calls).toEqual([]);
    await finish();
  });

  const other = () => answer({ detail: 'other' }, 404);
  const forbidden = () => answer({ detail: 'no' }, 403);
  it.each([
    ['the first says more', unknown, notAllowed, 'http_status', /No such checkpoint/],
    ['the second says more', notAllowed, unknown, 'http_status', /No such checkpoint/],
    ['neither has a route', notAllowed, noRoute, 'unsupported_by_server', /archive/],
    ['the first is as good', unknown, other, 'http_status', /No such checkpoint/],
    [
      'the first says more than a name of the wrong form',
      unknown,
      badName,
      'http_status',
      /No such checkpoint/,
    ],
    [
      'the second says more than a name of the wrong form',
      badName,
      unknown,
      'http_status',
      /No such checkpoint/,
    ],
    ['a wrong form says more than no route', notAllowed, badName, 'http_status', /Not an id/],
    ['the second is there, and fails', unknown, forbidden, 'http_status', /403: no/],
  ] as const)('is not found either; %s', async (_, first, second, code, words) => {
    const { rest, clock, lines, finish } = restSetup(inOrder(first, second));
    const error = await driveToRejection(clock, rest.getCheckpointArchiveUrl(PATH));
    expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
    expect(lines()).toEqual([PREFIXED, BARE]);
    await finish();
  });

  it('is not asked for after another refusal', async () => {
    const { rest, clock, lines, finish } = restSetup(() => answer({ detail: 'not yours' }, 403));
    expect(await driveToRejection(clock, rest.getCheckpointArchiveUrl(PATH))).toMatchObject({ status: 403 });
    expect(lines()).toEqual([PREFIXED]);
    await finish();
  });
});
