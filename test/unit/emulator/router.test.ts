import { describe, expect, it } from 'vitest';
import { type Area, createRouter, json, problem, type Routes } from '../../../src/emulator/http/http.ts';
import { createBodyReader } from '../../../src/emulator/http/request-body.ts';
import { emulatorCalls } from '../../support/emulator-calls.ts';

const NOBODY = { id: 'nobody', email: '' };

async function ask(routes: Routes, path: string, authenticate: Area['authenticate'] = () => NOBODY) {
  const handle = createRouter([{ routes, authenticate }], createBodyReader(undefined));
  const response = await handle(new Request(`https://host/base/api/v1/${path}`));
  return { status: response.status, body: await response.json() };
}

describe('a handler', () => {
  it('that fails is a 500, whatever it throws, at once or later', async () => {
    const routes = {
      'GET now': () => {
        throw new TypeError('x is not a function');
      },
      'GET later': async () => {
        throw new TypeError('x is not a function');
      },
      'GET odd': () => {
        throw undefined;
      },
    };
    const bug = { status: 500, body: { detail: 'Internal error: TypeError: x is not a function' } };
    expect(await ask(routes, 'now')).toEqual(bug);
    expect(await ask(routes, 'later')).toEqual(bug);
    expect(await ask(routes, 'odd')).toEqual({ status: 500, body: { detail: 'Internal error: undefined' } });
  });

  it('gets the parts of the path, the query and the caller', async () => {
    const routes: Routes = {
      'GET a/:one/b/*many/end': ({ params, query, account }) =>
        json({ params, q: query.get('q'), id: account.id }),
    };
    expect(await ask(routes, 'a/x%3Ay/b/k/n%2Fm/end?q=a+b')).toEqual({
      status: 200,
      body: { params: { one: 'x:y', many: 'k/n/m' }, q: 'a b', id: 'nobody' },
    });
    for (const path of ['a/x/y/b/k/end', 'a/x/b/end', 'a/x/b/k', '', 'b/a/x/b/k/end'])
      expect(await ask(routes, path)).toEqual({ status: 404, body: { detail: 'Not Found' } });
  });

  it('is not reached by whoever may not', async () => {
    const refuse = () => {
      throw problem(401, 'no');
    };
    const routes: Routes = {
      'GET x': () => {
        throw new Error('reached');
      },
    };
    expect(await ask(routes, 'x', refuse)).toEqual({ status: 401, body: { detail: 'no' } });
  });
});

describe('whatever comes in', () => {
  const POSTS = [
    'client/config',
    'client/dynamic_config',
    'auth/token',
    'create_session',
    'session_heartbeat',
    'create_sampling_session',
    'create_model',
    'get_info',
    'unload_model',
    'forward_backward',
    'forward',
    'optim_step',
    'save_weights',
    'save_weights_for_sampler',
    'load_weights',
    'weights_info',
    'asample',
    'retrieve_future',
    'telemetry',
  ];
  const VALUES = [null, true, 0, -1, 1.5, '', 'x', [], [null], {}, { a: [] }];
  const FIELDS = [
    'sdk_version',
    'tags',
    'session_id',
    'user_metadata',
    'project_id',
    'model_id',
    'model_seq_id',
    'seq_id',
    'base_model',
    'lora_config',
    'path',
    'optimizer',
    'ttl_seconds',
    'overwrite',
    'tinker_path',
    'weights_access_token',
    'sampling_session_seq_id',
    'model_path',
    'events',
    'request_id',
    'adam_params',
    'forward_backward_input',
    'prompt',
    'sampling_params',
  ];

  it.each(POSTS)('%s answers it, and it is never the emulator’s mistake', async (path) => {
    const calls = emulatorCalls();
    const { modelId: model_id, sessionId: session_id } = await calls.model();
    const valid = {
      model_id,
      session_id: path === 'load_weights' ? undefined : session_id,
      tags: [],
      sdk_version: '1',
      base_model: 'emulator/tiny',
      model_seq_id: 5,
      path: 'w',
    };
    for (const body of ['{', '[]', '"x"', '7', 'null'])
      expect((await calls.call(path, body)).status).toBeGreaterThanOrEqual(400);
    for (const field of FIELDS) {
      for (const value of VALUES) {
        const { status, body } = await calls.call(path, { ...valid, [field]: value });
        expect([field, value, status < 500, body]).toEqual([field, value, true, body]);
        if (status >= 400) expect(typeof body.detail).toBe('string');
      }
    }
    expect((await calls.call('healthz')).status).toBe(200);
  });
});
