import { afterEach, describe, expect, it, vi } from 'vitest';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { platformFetch } from '../../../src/transport/platform-fetch.ts';
import { createTransport, type FetchLike } from '../../../src/transport/transport.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** One POST of `{ a: 1 }`. */
async function send(fetch: FetchLike, body: object = { a: 1 }): Promise<unknown> {
  const clock = createVirtualClock();
  const transport = createTransport({
    baseUrl: 'https://tinker.test/base',
    credential: async () => 'tml-key',
    authScheme: 'x-api-key',
    fetch,
    clock,
    defaultHeaders: {},
  });
  const { signal } = new AbortController();
  const answer = await clock.drive(
    transport.send({ method: 'POST', path: '/api/v1/thing', body, signal, timeoutMs: 1_000 }),
  );
  expect(clock.pending).toBe(0);
  return answer;
}

describe('the platform’s fetch', () => {
  it('is given the parts of a request, and no request to copy', async () => {
    const calls: unknown[][] = [];
    vi.stubGlobal('fetch', async (...args: unknown[]) => {
      calls.push(args);
      return Response.json({ ok: true });
    });
    expect(await send(platformFetch)).toEqual({ ok: true });
    const [[url, init = {}] = []] = calls as [string, RequestInit][];
    expect(url).toBe('https://tinker.test/base/api/v1/thing');
    expect(init).toMatchObject({ method: 'POST', body: '{"a":1}', redirect: 'manual' });
    expect(init.signal).toBeInstanceOf(AbortSignal);
    expect(Object.fromEntries(new Headers(init.headers))).toEqual({
      accept: 'application/json',
      'content-type': 'application/json',
      'x-api-key': 'tml-key',
    });
  });

  it('makes of them what another fetch is given whole', async () => {
    const seen: unknown[] = [];
    const note = async (request: Request): Promise<Response> => {
      const { url, method, redirect, headers } = request;
      seen.push({ url, method, redirect, headers: [...headers], body: await request.text() });
      return Response.json({});
    };
    vi.stubGlobal('fetch', (url: string, init: RequestInit) => note(new Request(url, init)));
    await send(platformFetch);
    await send(note);
    expect(seen[0]).toEqual(seen[1]);
  });
});

describe('one exchange', () => {
  /** How often the platform is asked for what costs most of a request. */
  async function counted(fetch: FetchLike): Promise<Record<string, number>> {
    const counts = { requests: 0, clones: 0, combinations: 0 };
    const { Request: Platform } = globalThis;
    vi.stubGlobal(
      'Request',
      class extends Platform {
        constructor(input: RequestInfo | URL, init?: RequestInit) {
          super(input, init);
          counts.requests += 1;
        }
        override clone(): Request {
          // A body would be cut in two, and kept until both halves are read.
          if (this.body !== null) counts.clones += 1;
          return super.clone();
        }
      },
    );
    const any = vi.spyOn(AbortSignal, 'any');
    await send(fetch);
    counts.combinations = any.mock.calls.length;
    any.mockRestore();
    return counts;
  }

  it('copies no body and combines no signals', async () => {
    vi.stubGlobal('fetch', async () => Response.json({}));
    expect(await counted(platformFetch)).toEqual({ requests: 1, clones: 0, combinations: 0 });
    expect(await counted(async () => Response.json({}))).toEqual({ requests: 2, clones: 0, combinations: 0 });
  });
});
