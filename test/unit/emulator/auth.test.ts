import { expect, it } from 'vitest';
import { verifyToken } from '../../../src/emulator/accounts/json-web-token.ts';
import { type EmulatorCalls, emulatorCalls } from '../../support/emulator-calls.ts';

const HOUR_MS = 3_600_000;

const claimsOf = (jwt: string) =>
  JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'));

async function tokenOf(calls: EmulatorCalls): Promise<string> {
  return (await calls.ok('auth/token', {})).jwt;
}

it('configures clients, with what it was told or with nothing', async () => {
  expect(await emulatorCalls().ok('client/config', { sdk_version: '0.25.0' })).toEqual({});
  const calls = emulatorCalls({ clientConfig: { fwdbwd_max_chunk_len: 3 } });
  expect(await calls.ok('client/config', {})).toEqual({ fwdbwd_max_chunk_len: 3 });
  expect(await calls.ok('client/dynamic_config', { sdk_version: '0.25.0' })).toEqual({
    refresh_interval_sec: 300,
  });
  for (const path of ['client/config', 'client/dynamic_config']) {
    expect(await calls.call(path, { sdk_version: 1 })).toMatchObject({
      status: 422,
      body: { detail: 'body.sdk_version must be a string' },
    });
  }
});

it('gives no tokens unless it is told to', async () => {
  expect((await emulatorCalls().call('auth/token', {})).status).toBe(404);
});

it('takes a key from either header', async () => {
  const calls = emulatorCalls({ apiKey: 'tml-right' });
  expect((await calls.call('healthz')).status).toBe(401);
  expect((await calls.as('tml-right').call('healthz')).status).toBe(200);
  const nobody = calls.as(undefined);
  expect(await nobody.call('healthz')).toMatchObject({ status: 401, body: { detail: 'Invalid API key' } });
  const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
  expect((await nobody.call('healthz', undefined, bearer('tml-right'))).status).toBe(200);
  expect((await nobody.call('healthz', undefined, bearer('tml-wrong'))).status).toBe(401);
  // Which of two headers counts is not left to chance.
  expect((await calls.call('healthz', undefined, bearer('tml-right'))).status).toBe(401);
});

it('exchanges a key for a token, and lets nothing else in', async () => {
  const calls = emulatorCalls({ jwt: true, apiKey: 'tml-right' }).as('tml-right');
  expect(await calls.ok('client/config', {})).toEqual({ pjwt_auth_enabled: true });
  const jwt = await tokenOf(calls);
  const now = calls.clock.now() / 1000;
  const { sub, email, iss, iat, exp } = claimsOf(jwt);
  expect({ iss, iat, exp }).toEqual({ iss: 'passport-emulator', iat: now, exp: now + 3600 });
  expect(sub).toMatch(/^user-[0-9a-f]{12}$/);
  expect(email).toBe(`${sub}@emulator.invalid`);

  for (const key of ['tml-right', undefined, `${jwt}x`, jwt.slice(0, -2), 'eyJ.eyJ.x', 'eyJ']) {
    expect([key, (await calls.as(key).call('healthz')).status]).toEqual([key, 401]);
  }
  for (const key of ['tml-wrong', undefined, `${jwt}x`]) {
    expect([key, (await calls.as(key).call('auth/token', {})).status]).toEqual([key, 401]);
    expect([key, (await calls.as(key).call('client/config', {})).status]).toEqual([key, 401]);
  }
  const holder = calls.as(jwt);
  expect((await holder.call('healthz')).status).toBe(200);
  // A token can be renewed with itself, and names the same account.
  expect(claimsOf(await tokenOf(holder)).sub).toBe(sub);
});

it('refuses a token once it has expired, to the second', async () => {
  const calls = emulatorCalls({ jwt: { lifetimeMs: 2 * HOUR_MS } });
  const holder = calls.as(await tokenOf(calls));
  const sessionId = await holder.session();
  await calls.clock.advance(2 * HOUR_MS - 1);
  expect((await holder.call('healthz')).status).toBe(200);
  await calls.clock.advance(1);
  expect(await holder.call('healthz')).toMatchObject({
    status: 401,
    body: { detail: 'The token is not valid, or has expired' },
  });
  expect((await holder.call('auth/token', {})).status).toBe(401);
  // The account outlives its token.
  const renewed = calls.as(await tokenOf(calls));
  expect((await renewed.ok('sessions')).sessions).toEqual([sessionId]);
});

it('signs tokens so that nobody else can', async () => {
  const [one, other] = [emulatorCalls({ jwt: true }), emulatorCalls({ jwt: true })];
  const jwt = await tokenOf(one);
  expect((await other.as(jwt).call('healthz')).status).toBe(401);
  expect(verifyToken(jwt, 'guess', 0)).toBeUndefined();
  const [header, , signature] = jwt.split('.');
  const forged = Buffer.from(JSON.stringify({ ...claimsOf(jwt), sub: 'user-other' })).toString('base64url');
  expect((await one.as(`${header}.${forged}.${signature}`).call('healthz')).status).toBe(401);
});

it.each([
  [{ jwt: { lifetimeMs: 999 } }, 'jwt.lifetimeMs'],
  [{ cors: '' }, 'cors'],
  [{ clientConfig: [] as never }, 'clientConfig'],
  [{ apiKey: '' }, 'apiKey'],
])('refuses the options %j', (options, field) => {
  expect(() => emulatorCalls(options)).toThrow(field);
});
