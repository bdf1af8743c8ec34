import { describe, expect, it } from 'vitest';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { isEncoded, readLength, readRange } from '../../../src/transport/byte-range.ts';
import { downloadError, openDownload } from '../../../src/transport/download.ts';
import { rejection } from '../../support/settled.ts';

const URL_OF = 'https://store.test/a?sig=SECRET';

describe('openDownload', () => {
  it('asks for a range, of one version', async () => {
    const seen: Record<string, string>[] = [];
    const fetch = async (request: Request): Promise<Response> => {
      seen.push(Object.fromEntries(request.headers));
      return new Response('x');
    };
    const { signal } = new AbortController();
    await openDownload(fetch, { url: URL_OF, signal });
    await openDownload(fetch, { url: URL_OF, signal, from: 5 });
    await openDownload(fetch, { url: URL_OF, signal, from: 5, ifRange: '"v"' });
    await openDownload(fetch, { url: URL_OF, signal, ifRange: '"v"' });
    const always = { 'accept-encoding': 'identity' };
    expect(seen).toEqual([
      always,
      { ...always, range: 'bytes=5-' },
      { ...always, range: 'bytes=5-', 'if-range': '"v"' },
      always,
    ]);
  });

  it('fails with the caller’s reason, whatever the platform throws', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const { signal } = controller;
    const opening = openDownload(
      (request) =>
        new Promise((_, reject) => {
          request.signal.addEventListener('abort', () => reject(new TypeError('aborted by the platform')));
        }),
      { url: URL_OF, signal },
    );
    controller.abort(reason);
    expect(await rejection(opening)).toBe(reason);
    let isAsked = false;
    const late = openDownload(
      async () => {
        isAsked = true;
        return new Response();
      },
      { url: URL_OF, signal },
    );
    expect(await rejection(late)).toBe(reason);
    expect(isAsked).toBe(false);
  });

  it('gives a body back that comes after the abort, or is aborted on the way', async () => {
    for (const when of ['before', 'reading']) {
      const reason = new Error('enough');
      const controller = new AbortController();
      const { signal } = controller;
      const listeners = countListeners(signal);
      let cancelled: unknown;
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        cancel(why) {
          cancelled = why;
        },
      });
      const opening = openDownload(
        async () => {
          if (when === 'before') controller.abort(reason);
          return new Response(body);
        },
        { url: URL_OF, signal },
      );
      const answer = await opening;
      const reading = rejection(answer.read());
      if (when === 'reading') controller.abort(reason);
      expect(await reading).toBe(reason);
      expect(cancelled).toBe(reason);
      expect(listeners.left).toBe(0);
    }
  });

  it('listens no more after the end, a failure, or a cancel', async () => {
    // A request may listen itself, for as long as it lives.
    const probe = new AbortController();
    const counted = countListeners(probe.signal);
    new Request(URL_OF, { signal: probe.signal });
    const platforms = counted.left;
    const ends: readonly (() => Response)[] = [
      () => new Response(null, { status: 204 }),
      () => new Response('xy'),
      () =>
        new Response(new ReadableStream({ pull: (controller) => controller.error(new TypeError('cut')) })),
    ];
    for (const make of ends) {
      const { signal } = new AbortController();
      const listeners = countListeners(signal);
      const answer = await openDownload(async () => make(), { url: URL_OF, signal });
      try {
        while ((await answer.read()) !== undefined);
      } catch (error) {
        expect(error).toMatchObject({ code: 'connection_failed', retryable: true });
      }
      expect(listeners.left).toBe(platforms);
    }
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const left = await openDownload(async () => new Response('xy'), { url: URL_OF, signal });
    expect(listeners.left).toBe(platforms + 1);
    left.cancel();
    expect(listeners.left).toBe(platforms);
  });
});

it('errors of answers name the host, and no address', async () => {
  const { signal } = new AbortController();
  for (const [status, retryable] of [
    [403, true],
    [410, true],
    [408, true],
    [425, true],
    [429, true],
    [500, true],
    [503, true],
    [402, false],
    [405, false],
  ] as const) {
    const headers = { 'retry-after': '7' };
    const answer = await openDownload(async () => new Response('no', { status, headers }), {
      url: URL_OF,
      signal,
    });
    expect(downloadError(URL_OF, answer, 0)).toMatchObject({
      code: 'http_status',
      status,
      retryable,
      retryAfterMs: 7_000,
      message: expect.stringMatching(
        `^The archive at https://store.test answered ${status}($|\\. Its address)`,
      ),
    });
    answer.cancel();
  }
});

describe('readRange', () => {
  const range = (status: number, headers: Record<string, string>) => readRange(status, new Headers(headers));
  it.each([
    [200, { 'content-length': '40' }, { start: 0, total: 40 }],
    [200, {}, { start: 0, total: undefined }],
    [200, { 'content-length': '40', 'content-encoding': 'gzip' }, { start: 0, total: undefined }],
    [200, { 'content-length': '40', 'content-encoding': 'Identity' }, { start: 0, total: 40 }],
    [200, { 'content-length': '40', 'content-range': 'bytes 5-9/10' }, { start: 0, total: 40 }],
    [206, { 'content-range': 'bytes 5-9/10' }, { start: 5, total: 10 }],
    [206, { 'content-range': 'Bytes 5-9/*' }, { start: 5, total: undefined }],
    [206, { 'content-length': '40' }, { start: undefined, total: undefined }],
    [206, { 'content-range': 'items 5-9/10' }, { start: undefined, total: undefined }],
    [416, { 'content-range': 'bytes */10' }, { start: undefined, total: 10 }],
    [416, {}, { start: undefined, total: undefined }],
  ])('of %d %j', (status, headers, expected) => {
    expect(range(status, headers as Record<string, string>)).toEqual(expected);
  });

  it('knows lengths that are those of what comes', () => {
    expect(readLength(new Headers({ 'content-length': ' 7 ' }))).toBe(7);
    for (const length of ['', '-1', '1e3', '7, 7', '9'.repeat(16)])
      expect(readLength(new Headers({ 'content-length': length }))).toBeUndefined();
    expect(isEncoded(new Headers({ 'content-encoding': 'br' }))).toBe(true);
    expect(isEncoded(new Headers())).toBe(false);
  });
});
