import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CheckpointDownload, DownloadOptions } from '../../../src/client/archive/checkpoint-download.ts';
import { createResumableDownload } from '../../../src/client/archive/resumable-download.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { archiveStore, type StoreOptions, type StorePlan } from '../../support/archive-store.ts';
import { answer, bare, type RestServer, restSetup } from '../../support/rest.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

const PATH = 'tinker://r/sampler_weights/final';
const CONTENT = Uint8Array.from({ length: 40 }, (_, n) => (n * 37 + 11) % 256);
const ETAG = '"v1"';

forbidUnhandledRejections();

function setUp(options: Partial<StoreOptions> = {}) {
  const store = archiveStore({ content: CONTENT, etag: ETAG, ...options });
  return { store, ...restSetup(store.server, { defaultHeaders: { 'x-mine': 'secret-of-mine' } }) };
}

type Setup = ReturnType<typeof setUp>;

/** Download everything. */
async function download({ rest }: Pick<Setup, 'rest'>, options: DownloadOptions = {}): Promise<Uint8Array> {
  return (await rest.downloadCheckpoint(PATH, options)).bytes();
}

/** All is given back: connections, timers. */
async function nothingLeft({ store, finish, clock }: Setup): Promise<void> {
  await finish();
  await clock.advance(0);
  expect(store.open()).toBe(0);
}

/** Exchanges that go as listed, then whole ones. */
const plans =
  (...list: readonly (StorePlan | undefined)[]) =>
  (exchange: number): StorePlan | undefined =>
    list[exchange];

describe('a download', () => {
  it('gives all bytes, with its size and its progress', async () => {
    const setup = setUp();
    const progress: unknown[] = [];
    const work = async () => {
      const handle = await setup.rest.downloadCheckpoint(PATH, { onProgress: (one) => progress.push(one) });
      expect(handle.totalBytes).toBe(40);
      expect(handle.receivedBytes).toBe(0);
      const bytes = await handle.bytes();
      expect(handle.receivedBytes).toBe(40);
      return bytes;
    };
    expect(await setup.clock.drive(work())).toEqual(CONTENT);
    expect(progress).toEqual(
      [7, 14, 21, 28, 35, 40].map((receivedBytes) => ({ receivedBytes, totalBytes: 40 })),
    );
    await nothingLeft(setup);
  });

  it('is over with its last byte: its limits are, too', async () => {
    const setup = setUp({ plan: () => ({ bytes: 3, end: 'cut' }) });
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    await setup.clock.drive(download(setup, { signal, timeoutMs: 600_000 }));
    await setup.clock.advance(0);
    expect(listeners.left).toBe(0);
    expect(setup.clock.pending).toBe(0);
    await nothingLeft(setup);
  });

  it('listens to its signal once at a time, however often it connects', async () => {
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    let most = 0;
    const source = createResumableDownload({
      clock,
      random: () => 0,
      emit: () => {},
      signal,
      idleTimeoutMs: 1_000,
      path: '/path',
      link: async () => 'https://store.test/a',
      fetch: async (request) => {
        most = Math.max(most, listeners.left);
        const from = Number(/\d+/.exec(request.headers.get('range') ?? '0')?.[0]);
        const headers = { 'content-range': `bytes ${from}-39/40` };
        return new Response(CONTENT.subarray(from, from + 1), { status: 206, headers });
      },
    });
    const read = async (): Promise<number> => {
      let bytes = 0;
      for (let piece = await source.next(); piece !== undefined; piece = await source.next()) {
        bytes += piece.length;
      }
      return bytes;
    };
    expect(await clock.drive(read())).toBe(40);
    expect(listeners.left).toBe(0);
    // Of the connection, and of the one who waits for it.
    expect(most).toBeLessThanOrEqual(2);
  });

  it('sends no key, no header of the user’s, and no range to where the archive is', async () => {
    const setup = setUp();
    await setup.clock.drive(download(setup));
    const [link, archive] = setup.calls;
    expect(link?.headers.get('x-api-key')).not.toBeNull();
    expect([...(archive?.headers ?? [])]).toEqual([['accept-encoding', 'identity']]);
    expect(archive?.method).toBe('GET');
    expect(setup.calls).toHaveLength(2);
    await nothingLeft(setup);
  });

  it('sends none of them to the server itself either', async () => {
    const setup = restSetup(
      ({ target }) =>
        target.endsWith('/archive') ? bare(302, { location: 'download' }) : new Response(CONTENT),
      { defaultHeaders: { 'x-mine': 'secret-of-mine' }, authScheme: 'both' },
    );
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    expect(setup.lines()[1]).toBe('GET training_runs/r/checkpoints/sampler_weights/final/download');
    expect([...(setup.calls[1]?.headers ?? [])]).toEqual([['accept-encoding', 'identity']]);
    await setup.finish();
  });

  it('can be read as a stream, and with for await, once', async () => {
    for (const read of [
      (handle: CheckpointDownload) => new Response(handle.stream).arrayBuffer(),
      async (handle: CheckpointDownload) => {
        const parts: Uint8Array[] = [];
        for await (const part of handle) parts.push(part);
        return new Blob(parts as BlobPart[]).arrayBuffer();
      },
    ]) {
      const setup = setUp();
      const handle = await setup.clock.drive(setup.rest.downloadCheckpoint(PATH));
      expect(new Uint8Array(await setup.clock.drive(read(handle)))).toEqual(CONTENT);
      expect(await setup.clock.drive(handle.bytes().catch((error: unknown) => error))).not.toEqual(CONTENT);
      await nothingLeft(setup);
    }
  });

  it('may be of nothing, and of unknown size', async () => {
    const empty = setUp({ content: new Uint8Array() });
    expect(await empty.clock.drive(download(empty))).toEqual(new Uint8Array());
    await nothingLeft(empty);
    const unsized = setUp({ tellsSize: false, etag: undefined });
    const handle = await unsized.clock.drive(unsized.rest.downloadCheckpoint(PATH));
    expect(handle.totalBytes).toBeUndefined();
    expect(await unsized.clock.drive(handle.bytes())).toEqual(CONTENT);
    await nothingLeft(unsized);
  });

  it('outlives a listener that throws', async () => {
    const setup = setUp();
    const onProgress = () => {
      throw new Error('of the listener');
    };
    expect(await setup.clock.drive(download(setup, { onProgress }))).toEqual(CONTENT);
    await nothingLeft(setup);
  });

  it('rejects where there is no archive to be had', async () => {
    const setup = restSetup(() => answer({ detail: 'No such checkpoint' }, 404));
    expect(await driveToRejection(setup.clock, setup.rest.downloadCheckpoint(PATH))).toMatchObject({
      status: 404,
    });
    await setup.finish();
  });
});

describe('a connection that is cut', () => {
  const ends = ['cut', 'short'] as const;
  const kinds = ['served', 'ignored', 'hidden'] as const;
  it.each(kinds.flatMap((ranges) => ends.map((end) => [ranges, end] as const)))(
    'is gone on with, byte for byte, wherever that was (ranges %s, %s)',
    async (ranges, end) => {
      for (let at = 0; at < CONTENT.length; at++) {
        const setup = setUp({ ranges, plan: plans({ bytes: at, end }) });
        expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
        expect(setup.store.ranges).toEqual([undefined, at === 0 ? undefined : `bytes=${at}-`]);
        expect(setup.store.conditions).toEqual([undefined, at === 0 ? undefined : ETAG]);
        expect(setup.store.links()).toBe(1);
        expect(setup.clock.monotonic()).toBe(500);
        await nothingLeft(setup);
      }
    },
  );

  it('behind the last byte is none', async () => {
    const setup = setUp({ plan: plans({ bytes: 40, end: 'cut' }) });
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    expect(setup.store.exchanges).toHaveLength(1);
    await nothingLeft(setup);
  });

  it('behind the last byte of an unknown size is told by the server (416)', async () => {
    const setup = setUp({ tellsSize: false, plan: plans({ bytes: 40, end: 'cut' }) });
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    expect(setup.store.ranges).toEqual([undefined, 'bytes=40-']);
    await nothingLeft(setup);
  });

  it('may be cut after every byte, for each is progress', async () => {
    const setup = setUp({ plan: () => ({ bytes: 1, end: 'cut' }) });
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    expect(setup.store.exchanges).toHaveLength(40);
    await nothingLeft(setup);
  });

  it('five times without a new byte is the end', async () => {
    for (const end of ends) {
      const setup = setUp({
        plan: (exchange) => (exchange === 0 ? { bytes: 10, end } : { bytes: 0, end }),
      });
      const error = await driveToRejection(setup.clock, download(setup));
      expect(error).toMatchObject({ code: 'connection_failed', attempts: 5 });
      expect(setup.store.exchanges).toHaveLength(5);
      expect(setup.clock.monotonic()).toBe(500 + 1_000 + 2_000 + 4_000);
      await nothingLeft(setup);
    }
  });

  it('is not progress where the server sends the begin again, and is cut there again', async () => {
    const setup = setUp({
      ranges: 'ignored',
      plan: (exchange) => ({ bytes: exchange === 0 ? 10 : 9, end: 'cut' }),
    });
    expect(await driveToRejection(setup.clock, download(setup))).toMatchObject({ code: 'connection_failed' });
    expect(setup.store.exchanges).toHaveLength(5);
    await nothingLeft(setup);
  });

  it('is tried without If-Range too, which other origins may forbid a page', async () => {
    const setup = setUp({ plan: plans({ bytes: 9, end: 'cut' }, { bytes: 0, end: 'cut' }) });
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    expect(setup.store.conditions).toEqual([undefined, ETAG, undefined]);
    await nothingLeft(setup);
  });

  it('asks with no weak ETag, but compares it', async () => {
    const setup = setUp({ etag: 'W/"v1"', plan: plans({ bytes: 9, end: 'cut' }) });
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    expect(setup.store.conditions).toEqual([undefined, undefined]);
    await nothingLeft(setup);
  });

  it('is not at its end where the whole came again, and less of it', async () => {
    for (const end of ['short', 'cut'] as const) {
      const setup = setUp({
        ranges: 'ignored',
        tellsSize: false,
        plan: (exchange) => (exchange === 0 ? { bytes: 10, end: 'cut' } : { bytes: 9, end }),
      });
      expect(await driveToRejection(setup.clock, download(setup))).toMatchObject({
        code: 'connection_failed',
      });
      await nothingLeft(setup);
    }
  });

  it('knows an ETag again that has become weak', async () => {
    const setup = setUp({
      tellsSize: false,
      plan: plans({ bytes: 9, end: 'cut' }, { headers: { etag: 'W/"v1"' } }),
    });
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    await nothingLeft(setup);
  });

  it('tells of each attempt, and never the address', async () => {
    const setup = setUp({ plan: plans({ bytes: 9, end: 'cut' }, { status: 503 }) });
    await setup.clock.drive(download(setup));
    const path = '/api/v1/training_runs/r/checkpoints/sampler_weights/final/archive';
    expect(setup.events.filter(({ type }) => type === 'retry')).toEqual([
      { type: 'retry', path, attempts: 1, delayMs: 500, code: 'connection_failed' },
      { type: 'retry', path, attempts: 2, delayMs: 1_000, code: 'http_status', status: 503 },
    ]);
    expect(JSON.stringify(setup.events)).not.toContain('SECRET');
    await nothingLeft(setup);
  });
});

describe('a range that is not what was asked for', () => {
  const cutAt9 = { bytes: 9, end: 'cut' } as const;
  it.each([
    ['begins later', { 'content-range': 'bytes 12-39/40' }],
    ['says nothing, and is of another length', { 'content-range': null, 'content-length': '5' }],
    ['says nothing at all', { 'content-range': null, 'content-length': null }],
    ['says nonsense', { 'content-range': 'lines 3-4/5', 'content-length': null }],
  ])('is left: one that %s', async (_, headers) => {
    const setup = setUp({ plan: plans(cutAt9, { headers }) });
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    // The whole, from then on: the server cannot be trusted with ranges.
    expect(setup.store.ranges).toEqual([undefined, 'bytes=9-', undefined]);
    await nothingLeft(setup);
  });

  it('may begin earlier', async () => {
    const store = archiveStore({ content: CONTENT, etag: ETAG, plan: plans(cutAt9) });
    const setup = restSetup((call, index) => {
      if (store.exchanges.length === 0 || !call.target.startsWith('https://store'))
        return store.server(call, index);
      const headers = { 'content-range': 'bytes 4-39/40', etag: ETAG };
      return new Response(CONTENT.slice(4), { status: 206, headers });
    });
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    await setup.finish();
  });

  it('is asked for as a whole where the server refuses it (416)', async () => {
    const setup = setUp({ plan: plans(cutAt9, { status: 416 }) });
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    expect(setup.store.ranges).toEqual([undefined, 'bytes=9-', undefined]);
    await nothingLeft(setup);
  });

  it('is not asked for where the platform unpacks the body', async () => {
    const headers = { 'content-encoding': 'gzip', 'content-length': '12' };
    const plan = (exchange: number) => (exchange === 0 ? { ...cutAt9, headers } : { headers });
    const setup = setUp({ plan });
    const handle = await setup.clock.drive(setup.rest.downloadCheckpoint(PATH));
    expect(handle.totalBytes).toBeUndefined();
    expect(await setup.clock.drive(handle.bytes())).toEqual(CONTENT);
    expect(setup.store.ranges).toEqual([undefined, undefined]);
    await nothingLeft(setup);
  });
});

describe('another archive', () => {
  const cutAt9 = { bytes: 9, end: 'cut' } as const;
  const longer = new Uint8Array(50);
  const other = CONTENT.map((byte) => byte ^ 255);
  it.each([
    ['of another size', {}, { content: longer }],
    ['of another size, without ETags', { etag: undefined }, { content: longer }],
    ['of another ETag', {}, { content: other, headers: { etag: '"v2"' } }],
    ['of another ETag, without a size', { tellsSize: false }, { content: other, headers: { etag: '"v2"' } }],
    ['of another weak ETag', { etag: 'W/"v1"' }, { content: other, headers: { etag: 'W/"v2"' } }],
  ] as const)('is not mixed in: one %s', async (_, options, second) => {
    for (const ranges of ['served', 'ignored'] as const) {
      for (const before of [[cutAt9], [cutAt9, { status: 403 }]]) {
        const setup = setUp({ ...options, ranges, plan: plans(...before, second) });
        const parts: Uint8Array[] = [];
        const read = async (): Promise<void> => {
          for await (const part of await setup.rest.downloadCheckpoint(PATH)) parts.push(part);
        };
        expect(await driveToRejection(setup.clock, read())).toMatchObject({
          code: 'response_invalid',
          message: expect.stringContaining('changed'),
        });
        expect(parts.flatMap((part) => [...part])).toEqual([...CONTENT.subarray(0, 9)]);
        expect(setup.store.exchanges).toHaveLength(before.length + 1);
        await nothingLeft(setup);
      }
    }
  });

  it('cannot be told where the server gives neither size nor ETag', async () => {
    const setup = setUp({ tellsSize: false, etag: undefined, plan: plans(cutAt9) });
    expect(await driveToRejection(setup.clock, download(setup))).toMatchObject({
      code: 'response_invalid',
      retryable: true,
      message: expect.stringContaining('neither size nor ETag'),
    });
    expect(setup.store.exchanges).toHaveLength(2);
    await nothingLeft(setup);
  });

  it('may come where nothing has come of the first', async () => {
    const setup = setUp({
      plan: plans({ bytes: 0, end: 'cut' }, { content: longer, headers: { etag: '"v2"' } }),
    });
    expect(await setup.clock.drive(download(setup))).toEqual(longer);
    await nothingLeft(setup);
  });

  it('with more bytes than it said is an error', async () => {
    const setup = setUp({ plan: plans({ headers: { 'content-length': '39' } }) });
    expect(await driveToRejection(setup.clock, download(setup))).toMatchObject({
      code: 'response_invalid',
      message: expect.stringContaining('more than the 39 bytes'),
    });
    await nothingLeft(setup);
  });

  it('with more bytes than it said is an error behind its end, too', async () => {
    const setup = setUp({ piece: 8, plan: plans({ headers: { 'content-length': '32' } }) });
    expect(await driveToRejection(setup.clock, download(setup))).toMatchObject({ code: 'response_invalid' });
    await nothingLeft(setup);
  });
});

describe('an address that expires', () => {
  it.each([400, 401, 403, 404, 410])(
    'on the way (%d) is asked for anew, and gone on with',
    async (status) => {
      for (const at of [0, 1, 17, 39]) {
        const setup = setUp({ plan: plans({ bytes: at, end: 'cut' }, { status }) });
        expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
        expect(setup.store.links()).toBe(2);
        expect(setup.store.exchanges.map(({ target }) => /SECRET-(\d)/.exec(target)?.[1])).toEqual([
          '1',
          '1',
          '2',
        ]);
        await nothingLeft(setup);
      }
    },
  );

  it('before the first byte is asked for anew, up to five times', async () => {
    const once = setUp({ plan: plans({ status: 403 }) });
    expect(await once.clock.drive(download(once))).toEqual(CONTENT);
    await nothingLeft(once);
    const always = setUp({ plan: () => ({ status: 403 }) });
    const error = await driveToRejection(always.clock, always.rest.downloadCheckpoint(PATH));
    expect(error).toMatchObject({ code: 'http_status', status: 403, attempts: 5 });
    expect((error as Error).message + JSON.stringify(error)).not.toContain('SECRET');
    expect(always.store.links()).toBe(5);
    await nothingLeft(always);
  });

  it('is the end where no new one can be had', async () => {
    const store = archiveStore({
      content: CONTENT,
      etag: ETAG,
      plan: plans({ bytes: 9, end: 'cut' }, { status: 403 }),
    });
    const setup = restSetup((call, index) =>
      store.links() === 1 && !call.target.startsWith('https://store')
        ? answer({ detail: 'The checkpoint expired' }, 410)
        : store.server(call, index),
    );
    expect(await driveToRejection(setup.clock, download(setup))).toMatchObject({ code: 'result_expired' });
    await setup.finish();
  });

  it('is kept through outages of the store, which are waited out', async () => {
    const setup = setUp({
      plan: plans(
        { bytes: 9, end: 'cut' },
        { status: 503, headers: { 'retry-after': '7' } },
        { status: 429 },
      ),
    });
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    expect(setup.store.links()).toBe(1);
    expect(setup.clock.monotonic()).toBe(500 + 7_000 + 2_000);
    await nothingLeft(setup);
  });

  it.each([204, 402, 418])('is the end where the store says something else (%d)', async (status) => {
    const server: RestServer = ({ target }) =>
      target.startsWith('https://store') ? bare(status) : answer({ url: 'https://store.test/a?sig=SECRET' });
    const setup = restSetup(server);
    const error = await driveToRejection(setup.clock, download(setup));
    expect(error).toMatchObject({ code: 'http_status', status, attempts: 1 });
    expect(setup.calls).toHaveLength(2);
    await setup.finish();
  });

  it('does not show in the error of a connection that names it', async () => {
    const setup = restSetup(({ target }) => {
      if (!target.startsWith('https://store')) return answer({ url: 'https://store.test/a?sig=SECRET' });
      throw new TypeError(`error sending request for url (${target})`);
    });
    const error = (await driveToRejection(setup.clock, download(setup))) as Error;
    expect(error).toMatchObject({ code: 'connection_failed', attempts: 5 });
    const { cause } = error as { cause?: Error };
    expect([error.message, error.stack, cause?.message, cause?.stack].join(' ')).not.toContain('SECRET');
    await setup.finish();
  });
});

describe('silence', () => {
  it('of a connection is ended, and the download goes on by another', async () => {
    const setup = setUp({ plan: plans({ bytes: 9, end: 'silent' }) });
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    expect(setup.store.ranges).toEqual([undefined, 'bytes=9-']);
    expect(setup.clock.monotonic()).toBe(60_500);
    await nothingLeft(setup);
  });

  it('may be as long as the caller says', async () => {
    const setup = setUp({ plan: () => ({ bytes: 0, end: 'silent' }) });
    expect(await driveToRejection(setup.clock, download(setup, { idleTimeoutMs: 1_000 }))).toMatchObject({
      code: 'timed_out',
      scope: 'attempt',
      limitMs: 1_000,
      attempts: 5,
    });
    expect(setup.clock.monotonic()).toBe(5 * 1_000 + 7_500);
    await nothingLeft(setup);
  });

  it('is also that of a server that does not answer', async () => {
    const setup = restSetup(({ target, request }) => {
      if (!target.startsWith('https://store')) return answer({ url: 'https://store.test/a' });
      return new Promise((_, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason));
      });
    });
    const options = { idleTimeoutMs: 2_000 };
    expect(await driveToRejection(setup.clock, download(setup, options))).toMatchObject({
      code: 'timed_out',
    });
    expect(setup.clock.monotonic()).toBe(5 * 2_000 + 7_500);
    await setup.finish();
  });

  it('behind the last byte does not matter', async () => {
    const setup = setUp({ plan: plans({ bytes: 40, end: 'silent' }) });
    expect(await setup.clock.drive(download(setup))).toEqual(CONTENT);
    await nothingLeft(setup);
  });

  it('of a server can be aborted', async () => {
    const reason = new Error('enough');
    const seen: Request[] = [];
    const setup = restSetup(({ target, request }) => {
      if (!target.startsWith('https://store')) return answer({ url: 'https://store.test/a' });
      seen.push(request);
      return new Promise((_, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason));
      });
    });
    const controller = new AbortController();
    const ended = rejection(download(setup, { signal: controller.signal }));
    await setup.clock.advance(1_000);
    controller.abort(reason);
    expect(await ended).toBe(reason);
    expect(seen.map(({ signal }) => signal.aborted)).toEqual([true]);
    expect(setup.clock.pending).toBe(0);
    await setup.finish();
  });

  it('of the reader is none: there is no timer while nobody reads', async () => {
    const setup = setUp();
    const handle = await setup.clock.drive(setup.rest.downloadCheckpoint(PATH));
    expect(setup.clock.pending).toBe(0);
    await setup.clock.advance(10 * 60_000);
    expect(await setup.clock.drive(handle.bytes())).toEqual(CONTENT);
    expect(setup.store.exchanges).toHaveLength(1);
    await nothingLeft(setup);
  });
});

describe('leaving', () => {
  /** Ways to end a download from outside, and what its readers then hear. */
  const ways = ['abort', 'close', 'timeout'] as const;
  it.each(ways)('by %s, at any moment, gives everything back', async (way) => {
    const plan = plans({ bytes: 9, end: 'cut' }, { status: 403 }, { bytes: 9, end: 'silent' });
    // From before the first answer, over waits between attempts, into silence.
    for (let at = 0; at <= 64_000; at += 400) {
      const setup = setUp({ plan });
      const { clock, service } = setup;
      const reason = new Error('enough');
      const controller = new AbortController();
      const { signal } = controller;
      const listeners = countListeners(signal);
      const options = { signal, ...(way === 'timeout' ? { timeoutMs: at + 1 } : {}) };
      const ended = download(setup, options).then(
        () => 'whole',
        (error: unknown) => error,
      );
      await clock.advance(at);
      if (way === 'abort') controller.abort(reason);
      if (way === 'close') await service.close();
      if (way === 'timeout') await clock.advance(1);
      const error = await clock.drive(ended);
      if (error !== 'whole') {
        if (way === 'abort') expect(error).toBe(reason);
        else expect(error).toMatchObject({ code: way === 'close' ? 'client_closed' : 'timed_out' });
        if (way === 'timeout') expect(error).toMatchObject({ scope: 'operation' });
      } else expect(at).toBeGreaterThan(60_000);
      await clock.advance(0);
      expect(clock.pending).toBe(0);
      expect(listeners.left).toBe(0);
      await nothingLeft(setup);
    }
  });

  it('by cancelling the stream, or by breaking the loop, gives everything back', async () => {
    const leave = [
      async (handle: CheckpointDownload) => {
        await handle.stream.cancel(new Error('enough'));
      },
      async (handle: CheckpointDownload) => {
        await handle.stream.cancel();
      },
      async (handle: CheckpointDownload) => {
        const reader = handle.stream.getReader();
        await reader.read();
        await reader.cancel();
      },
      async (handle: CheckpointDownload) => {
        for await (const part of handle) {
          expect(part.length).toBe(7);
          break;
        }
      },
    ];
    for (const way of leave) {
      const setup = setUp();
      const handle = await setup.clock.drive(setup.rest.downloadCheckpoint(PATH));
      expect(setup.store.open()).toBe(1);
      await setup.clock.drive(way(handle));
      await setup.clock.advance(0);
      expect(setup.store.open()).toBe(0);
      expect(setup.store.exchanges).toHaveLength(1);
      await nothingLeft(setup);
    }
  });

  it('while a piece is on its way gives everything back', async () => {
    const setup = setUp({ plan: plans({ bytes: 9, end: 'silent' }) });
    const handle = await setup.clock.drive(setup.rest.downloadCheckpoint(PATH));
    const reader = handle.stream.getReader();
    await setup.clock.drive(reader.read());
    await setup.clock.drive(reader.read());
    const pending = reader.read();
    await setup.clock.advance(1_000);
    await reader.cancel();
    expect(await pending).toEqual({ done: true, value: undefined });
    await setup.clock.advance(0);
    expect(setup.clock.pending).toBe(0);
    expect(setup.store.open()).toBe(0);
    await nothingLeft(setup);
  });

  it('fails a reader that waits, and one that reads later, with the caller’s reason', async () => {
    const reason = new Error('enough');
    const setup = setUp();
    const controller = new AbortController();
    const handle = await setup.clock.drive(
      setup.rest.downloadCheckpoint(PATH, { signal: controller.signal }),
    );
    const reader = handle.stream.getReader();
    const closed = rejection(reader.closed);
    controller.abort(reason);
    expect(await setup.clock.drive(closed)).toBe(reason);
    expect(setup.store.open()).toBe(0);
    reader.releaseLock();
    expect(await rejection(handle.bytes())).toBe(reason);
    await nothingLeft(setup);
  });
});

it('holds no more than a piece of an archive of 5 GB, however slow its reader', async () => {
  const piece = new Uint8Array(1_048_576);
  const count = 5_000;
  let given = 0;
  let taken = 0;
  let most = 0;
  const setup = restSetup(({ target }) => {
    if (!target.startsWith('https://store')) return answer({ url: 'https://store.test/a' });
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull(controller) {
          if (given === count) return controller.close();
          given += 1;
          most = Math.max(most, given - taken);
          controller.enqueue(piece);
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(body, { headers: { 'content-length': String(count * piece.length) } });
  });
  const read = async (): Promise<number> => {
    const handle = await setup.rest.downloadCheckpoint(PATH);
    let bytes = 0;
    for await (const part of handle) {
      bytes += part.length;
      taken += 1;
    }
    return bytes;
  };
  expect(await setup.clock.drive(read())).toBe(count * piece.length);
  expect(most).toBe(1);
  await setup.finish();
}, 60_000);

it('survives any mixture of cuts, silences, refusals and changes of manner, byte for byte', async () => {
  const trouble = fc.oneof(
    fc.record({
      bytes: fc.nat(60),
      end: fc.constantFrom('cut' as const, 'short' as const, 'silent' as const),
    }),
    fc.record({ status: fc.constantFrom(401, 403, 404, 410, 408, 429, 500, 503) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 0, maxLength: 200 }),
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.option(trouble, { nil: undefined }), { maxLength: 12 }),
      fc.constantFrom('served' as const, 'ignored' as const, 'hidden' as const),
      async (bytes, piece, list, ranges) => {
        const content = Uint8Array.from(bytes);
        const setup = setUp({ content, piece, ranges, plan: plans(...list) });
        const outcome = await setup.clock.drive(
          download(setup).then(
            (value) => ({ value }),
            (error: unknown) => ({ error }),
          ),
        );
        if ('value' in outcome) expect(outcome.value).toEqual(content);
        // Only so many in a row without a new byte may end it, and those it tells.
        else expect(outcome.error).toMatchObject({ attempts: 5, retryable: true });
        await nothingLeft(setup);
      },
    ),
    { numRuns: 300 },
  );
}, 60_000);
