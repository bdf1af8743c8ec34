import { describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { fetchHubFile } from '../../../src/tokenizer/hub/hub-files.ts';
import { resolveLoadOptions, type TokenizerLoaderOptions } from '../../../src/tokenizer/hub/load-options.ts';
import { createFakeHub, etagOf, type HubContent } from '../../support/fake-hub.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

const ADDRESS = 'https://huggingface.co/o/n/resolve/main/f.json';
const CDN = 'https://cdn.example/blob';
const TOKEN = 'hf_canary-0123456789';

function setUp(files: Record<string, HubContent>, options: TokenizerLoaderOptions = {}) {
  const clock = createVirtualClock();
  const hub = createFakeHub(files);
  const events: TinkerEvent[] = [];
  const controller = new AbortController();
  const resolved = resolveLoadOptions({
    fetch: hub.fetch,
    clock,
    random: () => 0,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const get = (knownEtag?: string, attempts = 3) =>
    fetchHubFile(resolved, {
      name: { id: 'o/n', revision: 'main', file: 'f.json' },
      knownEtag,
      attempts,
      signal: controller.signal,
    });
  return { clock, hub, events, controller, get };
}

const redirect =
  (location: string, headers: Record<string, string> = {}, status = 302) =>
  () =>
    new Response('moved', { status, headers: { location, ...headers } });
/** Answers in order; the last one stays. */
const inTurn = (...answers: readonly (() => Response | Promise<Response>)[]) => {
  let turn = 0;
  return () => (answers[Math.min(turn++, answers.length - 1)] as () => Response)();
};
const status =
  (code: number, headers: Record<string, string> = {}) =>
  () =>
    new Response('said', { status: code, headers });
const ok =
  (text: string, headers: Record<string, string> = {}) =>
  () =>
    new Response(text, { headers });
const text = (found: unknown): string =>
  new TextDecoder().decode((found as { readonly bytes: Uint8Array<ArrayBuffer> }).bytes);

describe('a file of the hub', () => {
  it('comes from its address, with its name and digest', async () => {
    const { clock, hub, get } = setUp({ 'f.json': 'content' });
    expect(await clock.drive(get())).toEqual({
      kind: 'content',
      bytes: new TextEncoder().encode('content'),
      etag: etagOf('content'),
      sha256: etagOf('content').slice(1, -1),
    });
    expect(hub.requests).toMatchObject([
      { url: ADDRESS, authorization: null, ifNoneMatch: null, redirect: 'manual' },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('is told to be known, or not to be there', async () => {
    const { clock, hub, get } = setUp({ 'f.json': 'content' });
    expect(await clock.drive(get(etagOf('content')))).toEqual({ kind: 'known' });
    expect(hub.requests[0]?.ifNoneMatch).toBe(etagOf('content'));
    expect(await clock.drive(get(etagOf('older')))).toMatchObject({ kind: 'content' });
    hub.files['f.json'] = 'absent';
    expect(await clock.drive(get())).toEqual({ kind: 'absent' });
    hub.files['f.json'] = status(404);
    expect(await clock.drive(get())).toEqual({ kind: 'absent' });
  });

  it('has its name in one segment of the path for a revision with slashes', async () => {
    const clock = createVirtualClock();
    const hub = createFakeHub({ 'f.json': 'x' });
    const options = resolveLoadOptions({ fetch: hub.fetch, clock, hubUrl: 'http://127.0.0.1:8/hub/' });
    const name = { id: 'o/n', revision: 'refs/pr/1', file: 'f.json' };
    const { signal } = new AbortController();
    await clock.drive(fetchHubFile(options, { name, knownEtag: undefined, attempts: 1, signal }));
    expect(hub.requests[0]?.url).toBe('http://127.0.0.1:8/hub/o/n/resolve/refs%2Fpr%2F1/f.json');
  });
});

describe('redirects', () => {
  it('are followed, and the token stays with the hub', async () => {
    const { clock, hub, get } = setUp(
      {
        [ADDRESS]: redirect('/renamed/f.json', {}, 307),
        'https://huggingface.co/renamed/f.json': redirect(CDN, { 'x-linked-etag': etagOf('content') }),
        [CDN]: ok('content', { etag: '"of the CDN"' }),
      },
      { hubToken: TOKEN },
    );
    const found = await clock.drive(get());
    expect(found).toMatchObject({ kind: 'content', etag: etagOf('content') });
    expect(hub.requests.map(({ url, authorization, redirect: mode }) => [url, authorization, mode])).toEqual([
      [ADDRESS, `Bearer ${TOKEN}`, 'manual'],
      ['https://huggingface.co/renamed/f.json', `Bearer ${TOKEN}`, 'manual'],
      [CDN, null, 'manual'],
    ]);
  });

  it.each([
    'http://huggingface.co:443/x',
    'https://huggingface.co.evil.example/x',
    'https://sub.huggingface.co/x',
    'https://huggingface.co:8443/x',
  ])('take the token to no other origin: %s', async (target) => {
    const { clock, hub, get } = setUp(
      { [ADDRESS]: redirect(target), [target]: ok('x') },
      { hubToken: TOKEN },
    );
    await clock.drive(get().catch(() => {}));
    expect(
      hub.requests.filter(({ url }) => url !== ADDRESS).map(({ authorization }) => authorization),
    ).toEqual(target.startsWith('http:') ? [] : [null]);
  });

  it('that name what is known already are not followed', async () => {
    const { clock, hub, get } = setUp({
      [ADDRESS]: redirect(CDN, { 'x-linked-etag': '"e"' }),
      [CDN]: ok('content'),
    });
    expect(await clock.drive(get('"e"'))).toEqual({ kind: 'known' });
    expect(hub.requests).toHaveLength(1);
  });

  it('do not tell other origins what is known', async () => {
    const { clock, hub, get } = setUp({ [ADDRESS]: redirect(CDN), [CDN]: ok('content') });
    await clock.drive(get('"e"'));
    expect(hub.requests.map(({ ifNoneMatch }) => ifNoneMatch)).toEqual(['"e"', null]);
  });

  it('that a page cannot see are left to the platform', async () => {
    const hidden = Object.defineProperties(new Response(null), {
      type: { value: 'opaqueredirect' },
      status: { value: 0 },
    });
    const { clock, hub, get } = setUp({
      [ADDRESS]: (request) =>
        request.redirect === 'manual'
          ? hidden
          : new Response('content', { headers: { etag: etagOf('other') } }),
    });
    // The ETag may be another server's, so it is no digest.
    expect(text(await clock.drive(get()))).toBe('content');
    expect(hub.requests.map(({ redirect: mode }) => mode)).toEqual(['manual', 'follow']);
    expect(await clock.drive(get(etagOf('other')))).toEqual({ kind: 'known' });
  });

  it('have an end', async () => {
    const { clock, hub, get } = setUp({ [ADDRESS]: redirect(ADDRESS) });
    expect(await driveToRejection(clock, get())).toMatchObject({
      code: 'response_invalid',
      message: 'https://huggingface.co redirects without end',
    });
    expect(hub.requests).toHaveLength(9);
  });

  it.each(['http://huggingface.co/f.json', 'ftp://cdn.example/f', 'data:text/plain,x', 'http://['])(
    'lead to no unsafe address: %s',
    async (location) => {
      const { clock, hub, get } = setUp({ [ADDRESS]: redirect(location) });
      expect(await driveToRejection(clock, get())).toMatchObject({
        code: 'response_invalid',
        message: 'https://huggingface.co redirects to what is no safe address',
      });
      expect(hub.requests).toHaveLength(1);
    },
  );
});

describe('content', () => {
  it('that is not what the hub says it is is asked for again', async () => {
    const { clock, hub, get } = setUp({
      [ADDRESS]: redirect(CDN, { 'x-linked-etag': `W/${etagOf('content')}` }),
      [CDN]: inTurn(ok('cut'), ok('content')),
    });
    expect(text(await clock.drive(get()))).toBe('content');
    expect(hub.requests).toHaveLength(4);
  });

  it('that never is what it should be is refused', async () => {
    const { clock, get } = setUp({ [ADDRESS]: ok('cut', { etag: etagOf('content') }) });
    expect(await driveToRejection(clock, get())).toMatchObject({
      code: 'response_invalid',
      attempts: 3,
      message: expect.stringContaining('f.json of o/n is not what https://huggingface.co says it is'),
    });
  });

  it.each([
    ['content-length', { 'content-length': '9' }, '7 of 9 bytes'],
    ['x-linked-size', { 'x-linked-size': '8', etag: '"e"' }, '7 of 8 bytes'],
  ])('that was cut is asked for again: %s', async (_, headers, said) => {
    const { clock, hub, get } = setUp({ [ADDRESS]: ok('content', headers) });
    expect(await driveToRejection(clock, get())).toMatchObject({
      code: 'connection_failed',
      message: expect.stringContaining(said),
    });
    expect(hub.requests).toHaveLength(3);
  });

  it('that was packed for the way has another length', async () => {
    const { clock, get } = setUp({
      [ADDRESS]: ok('content', { 'content-length': '9', 'content-encoding': 'br' }),
    });
    expect(text(await clock.drive(get()))).toBe('content');
  });

  it('that a page gets may have been packed without its being told', async () => {
    // Pages see the length of what another origin sent, and not how it was packed.
    const answer = ok('content', { 'content-length': '9' });
    const { clock, get } = setUp({
      [ADDRESS]: () => Object.defineProperty(answer(), 'type', { value: 'cors' }),
    });
    expect(text(await clock.drive(get()))).toBe('content');
  });

  it('that breaks off is asked for again', async () => {
    const broken = () =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new Uint8Array(3));
            controller.error(new TypeError('terminated'));
          },
        }),
      );
    const { clock, get } = setUp({ [ADDRESS]: inTurn(broken, ok('content')) });
    expect(text(await clock.drive(get()))).toBe('content');
  });

  it('that is too much is refused, before or while it comes', async () => {
    const before = setUp({ [ADDRESS]: ok('x', { 'x-linked-size': '67108865', etag: '"e"' }) });
    const refused = {
      code: 'response_invalid',
      message: expect.stringContaining('has more than 67108864 bytes'),
    };
    expect(await driveToRejection(before.clock, before.get())).toMatchObject(refused);
    let isCancelled = false;
    const endless = () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(2 ** 22)),
          cancel: () => {
            isCancelled = true;
          },
        }),
      );
    const { clock, hub, get } = setUp({ [ADDRESS]: endless });
    expect(await driveToRejection(clock, get())).toMatchObject(refused);
    expect([isCancelled, hub.requests.length]).toEqual([true, 1]);
  });

  it('that stops coming is given up after a while, and asked for again', async () => {
    const silent = () =>
      new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)) }));
    const { clock, hub, get } = setUp({ [ADDRESS]: silent });
    expect(await driveToRejection(clock, get())).toMatchObject({
      code: 'timed_out',
      limitMs: 30_000,
      attempts: 3,
    });
    expect(hub.requests).toHaveLength(3);
    expect(clock.monotonic()).toBe(3 * 30_000 + 500 + 1_000);
    expect(clock.pending).toBe(0);
  });

  it('that comes slowly is waited for', async () => {
    const { clock, get } = setUp({
      [ADDRESS]: () => {
        let left = 5;
        return new Response(
          new ReadableStream(
            {
              pull: (controller) =>
                new Promise<void>((resolve) => {
                  clock.schedule(() => {
                    if (left-- > 0) controller.enqueue(new TextEncoder().encode('x'));
                    else controller.close();
                    resolve();
                  }, 20_000);
                }),
            },
            { highWaterMark: 0 },
          ),
        );
      },
    });
    expect(text(await clock.drive(get()))).toBe('xxxxx');
  });
});

describe('trouble', () => {
  it.each([408, 425, 429, 500, 502, 503])(
    'of status %i is tried three times, each later than the one before',
    async (code) => {
      const { clock, hub, events, get } = setUp({ [ADDRESS]: status(code) });
      expect(await driveToRejection(clock, get())).toMatchObject({
        code: 'http_status',
        status: code,
        attempts: 3,
      });
      expect(hub.requests).toHaveLength(3);
      expect(clock.monotonic()).toBe(1_500);
      expect(events).toEqual(
        [500, 1_000].map((delayMs, i) => ({
          type: 'retry',
          path: '/o/n/resolve/main/f.json',
          attempts: i + 1,
          delayMs,
          code: 'http_status',
          status: code,
        })),
      );
    },
  );

  it('waits as long as the hub says, and not for ever', async () => {
    const soon = setUp({
      [ADDRESS]: inTurn(
        status(429, { 'retry-after': '7' }),
        status(503, { 'retry-after': 'Tue, 14 Nov 2023 22:13:50 GMT' }),
        ok('x'),
      ),
    });
    await soon.clock.drive(soon.get());
    // The date is 30 s after the start of the clock, 7 s of which have passed.
    expect(soon.clock.monotonic()).toBe(30_000);
    const never = setUp({ [ADDRESS]: inTurn(status(429, { 'retry-after': '86400' }), ok('x')) });
    await never.clock.drive(never.get());
    expect(never.clock.monotonic()).toBe(60_000);
    const junk = setUp({
      [ADDRESS]: inTurn(status(429, { 'retry-after': 'soon' }), status(429, { 'retry-after': '0' }), ok('x')),
    });
    await junk.clock.drive(junk.get());
    expect(junk.clock.monotonic()).toBe(1_500);
  });

  it('of the network is tried three times', async () => {
    const { clock, hub, get } = setUp({
      [ADDRESS]: () => {
        throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
      },
    });
    expect(await driveToRejection(clock, get())).toMatchObject({
      code: 'connection_failed',
      attempts: 3,
      message: expect.stringContaining(
        'Could not load from https://huggingface.co: fetch failed: connect ECONNREFUSED',
      ),
    });
    expect(hub.requests).toHaveLength(3);
  });

  it('is tried no more often than it may be', async () => {
    const { clock, hub, get } = setUp({ [ADDRESS]: status(503) });
    expect(await driveToRejection(clock, get(undefined, 1))).toMatchObject({ attempts: 1 });
    expect(hub.requests).toHaveLength(1);
  });

  it.each<readonly [number, string | undefined, string | undefined, string]>([
    [
      401,
      undefined,
      undefined,
      'There is no such repository, or it is private or gated: ask for access at https://huggingface.co/o/n, and give a hubToken',
    ],
    [403, 'GatedRepo', undefined, 'There is no such repository, or it is private or gated'],
    [401, undefined, TOKEN, 'hubToken must be valid, and have access'],
    [403, 'GatedRepo', TOKEN, 'hubToken must be valid, and have access'],
    [404, 'RepoNotFound', undefined, 'Is the name of the repository right?'],
    [404, 'RevisionNotFound', undefined, 'Is the revision right?'],
  ])('of status %i %s is told at once, with what to do', async (code, errorCode, hubToken, hint) => {
    const headers: Record<string, string> = errorCode === undefined ? {} : { 'x-error-code': errorCode };
    const { clock, hub, get } = setUp({ [ADDRESS]: status(code, headers) }, { hubToken });
    const error = await driveToRejection(clock, get());
    expect(error).toMatchObject({ code: 'http_status', status: code, retryable: false });
    expect((error as { hint: string }).hint).toContain(hint);
    expect(hub.requests).toHaveLength(1);
  });

  it('never shows the token', async () => {
    const leaky: HubContent = (request) => {
      const shown = `${request.headers.get('authorization')}`;
      throw Object.assign(new Error(`sent ${shown}`, { cause: new Error(`with ${shown}`) }), { request });
    };
    const { clock, events, get } = setUp({ [ADDRESS]: leaky }, { hubToken: TOKEN });
    const error = (await driveToRejection(clock, get())) as Error;
    for (const shown of [error.message, String(error.stack), JSON.stringify(error), JSON.stringify(events)]) {
      expect(shown).not.toContain(TOKEN);
    }
    expect(error.message).toContain('sent Bearer [redacted]: with Bearer [redacted]');
  });
});

describe('an abort', () => {
  it('ends a request, with its reason', async () => {
    const { clock, hub, controller, get } = setUp({ [ADDRESS]: () => new Promise(() => {}) });
    clock.schedule(() => controller.abort('gone'), 100);
    expect(await driveToRejection(clock, get())).toBe('gone');
    expect(hub.requests[0]?.signal.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('ends a body that does not follow', async () => {
    let isCancelled = false;
    const stuck = () =>
      new Response(
        new ReadableStream({
          cancel: () => {
            isCancelled = true;
          },
        }),
      );
    const { clock, controller, get } = setUp({ [ADDRESS]: stuck });
    clock.schedule(() => controller.abort('gone'), 100);
    expect(await driveToRejection(clock, get())).toBe('gone');
    expect(isCancelled).toBe(true);
  });

  it('ends the wait before another attempt', async () => {
    const { clock, hub, controller, get } = setUp({ [ADDRESS]: status(503, { 'retry-after': '50' }) });
    clock.schedule(() => controller.abort('gone'), 100);
    expect(await driveToRejection(clock, get())).toBe('gone');
    expect([hub.requests.length, clock.pending]).toEqual([1, 0]);
  });

  it('before it begins means that nothing is asked', async () => {
    const { hub, controller, get } = setUp({ [ADDRESS]: ok('x') });
    controller.abort('gone');
    expect(await rejection(get())).toBe('gone');
    expect(hub.requests.length).toBe(0);
  });
});
