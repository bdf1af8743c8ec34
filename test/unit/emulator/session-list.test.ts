import { beforeEach, describe, expect, it } from 'vitest';
import { type EmulatorCalls, emulatorCalls } from '../../support/emulator-calls.ts';

let calls: EmulatorCalls;
beforeEach(() => {
  calls = emulatorCalls({ sessionTimeoutMs: 60_000 });
});

describe('opening', () => {
  it.each([
    [{ tags: undefined }, 'body.tags must be an array'],
    [{ tags: 'a' }, 'body.tags must be an array'],
    [{ tags: ['a', 1] }, 'body.tags[1] must be a string'],
    [{ sdk_version: undefined }, 'body.sdk_version must be a string'],
    [{ user_metadata: { k: 1 } }, 'body.user_metadata.k must be a string'],
    [{ user_metadata: 'k' }, 'body.user_metadata must be an object'],
    [{ project_id: 7 }, 'body.project_id must be a string'],
  ])('is refused for %j', async (change, detail) => {
    const body = { tags: [], user_metadata: {}, sdk_version: '0.25.0', type: 'create_session', ...change };
    expect(await calls.call('create_session', body)).toMatchObject({ status: 422, body: { detail } });
  });

  it('takes tags, a project and metadata, of which the empty are left out', async () => {
    const session = await calls.session({
      tags: ['a', ''],
      user_metadata: { k: 'v', n: null },
      project_id: 'p',
    });
    await calls.model({}, session);
    expect((await calls.ok('training_runs?project_id=p')).cursor.total_count).toBe(1);
  });
});

describe('sessions', () => {
  it('are listed from the latest to the first, also those that have expired', async () => {
    const ids = [await calls.session(), await calls.session(), await calls.session()].reverse();
    await calls.as('tml-other').session();
    expect(await calls.ok('sessions')).toEqual({ sessions: ids });
    expect(await calls.ok('sessions?limit=1&offset=1')).toEqual({ sessions: [ids[1]] });
    await calls.clock.advance(60_001);
    expect((await calls.call('session_heartbeat', { session_id: ids[0] })).status).toBe(404);
    expect(await calls.ok('sessions')).toEqual({ sessions: ids });
    // What has expired does not come back.
    expect((await calls.call('session_heartbeat', { session_id: ids[0] })).status).toBe(404);
  });

  it('tell their runs and their samplers', async () => {
    const { sessionId, modelId } = await calls.model();
    const { modelId: second } = await calls.model({ model_seq_id: 1 }, sessionId);
    await calls.model();
    for (const seq of [0, 1])
      await calls.ok('create_sampling_session', {
        session_id: sessionId,
        sampling_session_seq_id: seq,
        base_model: 'emulator/tiny',
      });
    expect(await calls.ok(`sessions/${sessionId}`)).toEqual({
      training_run_ids: [second, modelId],
      sampler_ids: [`${sessionId}:sample:0`, `${sessionId}:sample:1`],
    });
    expect(await calls.call('sessions/none')).toMatchObject({
      status: 404,
      body: { detail: 'Session "none" is unknown' },
    });
  });

  it('are seen by another account as far as their checkpoints are public, if asked for so', async () => {
    const { sessionId, modelId } = await calls.model();
    await calls.model({ model_seq_id: 1 }, sessionId);
    await calls.ok('create_sampling_session', {
      session_id: sessionId,
      sampling_session_seq_id: 0,
      base_model: 'emulator/tiny',
    });
    await calls.result('save_weights', { model_id: modelId, path: 'w', seq_id: 1 });
    const other = calls.as('tml-other');
    const wide = '?access_scope=accessible';
    expect((await other.call(`sessions/${sessionId}${wide}`)).status).toBe(404);
    expect(await other.ok(`sessions${wide}`)).toEqual({ sessions: [] });
    await calls.call(`training_runs/${modelId}/checkpoints/weights/w/publish`, undefined, { method: 'POST' });
    expect(await other.ok(`sessions${wide}`)).toEqual({ sessions: [sessionId] });
    expect(await other.ok(`sessions/${sessionId}${wide}`)).toEqual({
      training_run_ids: [modelId],
      sampler_ids: [],
    });
    expect(await other.ok('sessions')).toEqual({ sessions: [] });
    expect((await other.call(`sessions/${sessionId}`)).status).toBe(404);
  });
});

describe('a session’s project', () => {
  const assign = (session: string, body: object, caller = calls) =>
    caller.call(`sessions/${session}/project`, body, { method: 'PUT' });

  it('can be changed, and not taken away', async () => {
    const { sessionId } = await calls.model();
    const count = async (project: string) =>
      (await calls.ok(`training_runs?project_id=${project}`)).cursor.total_count;
    expect((await assign(sessionId, { project_id: 'p' })).status).toBe(204);
    expect(await count('p')).toBe(1);
    await assign(sessionId, { project_id: 'q' });
    expect([await count('p'), await count('q')]).toEqual([0, 1]);
    for (const body of [{}, { project_id: null }, { project_id: '' }]) {
      expect(await assign(sessionId, body)).toMatchObject({
        status: 400,
        body: { detail: 'body.project_id is missing: a session cannot leave its project' },
      });
    }
    expect(await count('q')).toBe(1);
  });

  it('is its owner’s to change', async () => {
    const { sessionId } = await calls.model();
    expect(await assign(sessionId, { project_id: 'p' }, calls.as('tml-other'))).toMatchObject({
      status: 403,
      body: { detail: `Session "${sessionId}" is another account's` },
    });
    expect((await assign('none', { project_id: 'p' })).status).toBe(404);
    expect((await assign(sessionId, { project_id: 1 })).status).toBe(422);
  });
});

describe('a trace', () => {
  it('is ready the third time, and is read without a key for an hour', async () => {
    const { sessionId, modelId } = await calls.model();
    const path = `sessions/${sessionId}/trace_export`;
    expect(await calls.ok(path)).toEqual({ status: 'pending' });
    expect(await calls.ok(path)).toEqual({ status: 'pending' });
    const { status, url } = await calls.ok(path);
    expect(status).toBe('ready');
    const read = () => calls.as(undefined).call(url);
    const { bytes, headers } = await read();
    expect(headers.get('content-type')).toBe('application/octet-stream');
    const { traceEvents } = JSON.parse(new TextDecoder().decode(bytes));
    expect(traceEvents.map(({ name, ts }: { name: string; ts: number }) => [name, ts])).toEqual([
      [`session ${sessionId}`, 1_700_000_000_000_000],
      [`run ${modelId}`, 1_700_000_000_000_000],
    ]);
    expect((await calls.call(url.split('?')[0])).status).toBe(403);
    const { sessionId: other } = await calls.model();
    expect((await calls.call(url.replace(sessionId, other))).status).toBe(403);
    await calls.clock.advance(3_599_999);
    expect((await read()).status).toBe(200);
    await calls.clock.advance(1);
    expect((await read()).status).toBe(410);
  });

  it('is its owner’s', async () => {
    const sessionId = await calls.session();
    expect((await calls.as('tml-other').call(`sessions/${sessionId}/trace_export`)).status).toBe(404);
    expect((await calls.call('sessions/none/trace_export')).status).toBe(404);
  });
});
