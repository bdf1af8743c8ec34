import { describe, expect, it } from 'vitest';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { checkedResponse } from '../../../src/transport/checked-response.ts';
import { openDownload } from '../../../src/transport/download.ts';
import { createTransport, type FetchLike } from '../../../src/transport/transport.ts';
import { driveToRejection, rejection, thrown } from '../../support/settled.ts';

const FORGETFUL = (async () => {}) as unknown as FetchLike;
const REFUSED = { code: 'input_invalid', field: 'fetch', retryable: false };

it('takes responses of any class', () => {
  const foreign = { status: 200, headers: new Headers(), body: null };
  for (const response of [new Response('x'), Response.error(), foreign])
    expect(checkedResponse(response)).toBe(response);
});

it.each([
  [undefined],
  [null],
  ['text'],
  [{}],
  [{ status: 200 }],
  [{ status: '200', headers: new Headers() }],
  [5],
])('refuses %j, with its kind', (value) => {
  expect(thrown(() => checkedResponse(value))).toMatchObject({
    ...REFUSED,
    message: expect.stringMatching(/^"fetch" must resolve to a Response, got /),
  });
});

describe('a fetch that forgets to return', () => {
  const clock = createVirtualClock();
  const transport = (fetch: FetchLike, secrets: string[] = []) =>
    createTransport({
      baseUrl: 'https://tinker.test',
      credential: async () => 'a-short-lived-token',
      authScheme: 'x-api-key',
      fetch,
      clock,
      defaultHeaders: {},
      secrets,
    });
  const request = {
    method: 'GET',
    path: '/x',
    signal: new AbortController().signal,
    timeoutMs: 1_000,
  } as const;

  it('is the user’s mistake, and not tried again', async () => {
    expect(await driveToRejection(clock, transport(FORGETFUL).send(request))).toMatchObject(REFUSED);
    const { signal } = new AbortController();
    expect(
      await rejection(openDownload(FORGETFUL, { url: 'https://store.test/a?sig=s', signal })),
    ).toMatchObject(REFUSED);
  });

  it('shows neither the token it sends nor the key behind it', async () => {
    const key = 'tml-key-behind-the-token';
    const echo: FetchLike = async () =>
      Response.json({ detail: `${key} and a-short-lived-token may not` }, { status: 403 });
    const error = (await driveToRejection(clock, transport(echo, [key]).send(request))) as Error;
    expect(error.message).toContain('[redacted] and [redacted] may not');
  });
});
