import { describe, expect, it } from 'vitest';
import { createEmulator, dialectOf } from '../../../src/emulator/index.ts';

const BASE = 'http://emulator.test/api/v1';

function post(path: string, body: object): Request {
  const headers = { 'content-type': 'application/json' };
  return new Request(`${BASE}/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function lengths(response: Response): Promise<readonly [string | null, number]> {
  return [response.headers.get('content-length'), (await response.arrayBuffer()).byteLength];
}

describe('the length of an answer', () => {
  // The official client takes a 400 without one for that of a proxy, and sends the request again (protocol 1.7).
  it.each([
    ['an error', 'weights_info', { tinker_path: 'no path' }, 400],
    ['a result', 'client/config', { sdk_version: '1' }, 200],
    ['an unknown future', 'retrieve_future', { request_id: 'request-9' }, 404],
  ])('is said of %s', async (_, path, body, status) => {
    const response = await createEmulator().fetch(post(path, body));
    expect(response.status).toBe(status);
    const [said, length] = await lengths(response);
    expect(said).toBe(String(length));
    expect(length).toBeGreaterThan(0);
  });

  it('counts bytes, after the manners of a dialect', async () => {
    const { fetch } = createEmulator({ dialect: { ...dialectOf('hosted'), errors: 'error' } });
    const [said, length] = await lengths(await fetch(post('weights_info', { tinker_path: 'für' })));
    expect(said).toBe(String(length));
  });

  it('is not said of an answer that may have no body', async () => {
    const { fetch } = createEmulator();
    const session = await (await fetch(post('create_session', { tags: [], sdk_version: '1' }))).json();
    const { session_id: id } = session as { session_id: string };
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ project_id: 'p' });
    const response = await fetch(
      new Request(`${BASE}/sessions/${id}/project`, { method: 'PUT', headers, body }),
    );
    expect(response.status).toBe(204);
    expect(response.headers.get('content-length')).toBe(null);
    expect(response.body).toBe(null);
  });
});
