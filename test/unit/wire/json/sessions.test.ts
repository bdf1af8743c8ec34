import { describe, expect, it } from 'vitest';
import {
  createSessionBody,
  readCapabilities,
  readSamplingSession,
  readSession,
} from '../../../../src/wire/json/sessions.ts';
import { thrown } from '../../../support/settled.ts';

describe('createSessionBody', () => {
  it('is the recorded exchange’s (appendix A)', () => {
    expect(createSessionBody(['b', 'a'], { k: 'v' }, undefined, '0.25.0')).toEqual({
      tags: ['b', 'a'],
      user_metadata: { k: 'v' },
      sdk_version: '0.25.0',
      type: 'create_session',
    });
  });

  it('always has tags and metadata, and the project only where there is one', () => {
    expect(createSessionBody([], {}, 'p', '1')).toEqual({
      tags: [],
      user_metadata: {},
      sdk_version: '1',
      project_id: 'p',
      type: 'create_session',
    });
  });
});

describe('readSession', () => {
  it('reads the id and what the server says', () => {
    const body = { session_id: 's', info_message: 'i', warning_message: '', error_message: 'e', type: 'x' };
    expect(readSession(body)).toEqual({
      sessionId: 's',
      messages: [
        { level: 'info', message: 'i' },
        { level: 'error', message: 'e' },
      ],
    });
    expect(readSession({ session_id: 's', info_message: null })).toEqual({ sessionId: 's', messages: [] });
  });

  it('needs the id', () => {
    expect(thrown(() => readSession({}))).toMatchObject({ code: 'response_invalid' });
  });
});

describe('readSamplingSession', () => {
  it('takes the id verbatim', () => {
    expect(readSamplingSession({ sampling_session_id: 'tinker://a/b:c', more: 1 })).toBe('tinker://a/b:c');
    expect(thrown(() => readSamplingSession({ sampling_session_id: null }))).toMatchObject({
      message:
        'The create_sampling_session answer does not follow the protocol: "sampling_session_id" is null, which was not expected',
    });
  });
});

describe('readCapabilities', () => {
  it('reads models, whatever is missing', () => {
    const body = { supported_models: [{ model_name: 'm', max_context_length: 8 }, { model_name: null }, {}] };
    expect(readCapabilities(body)).toEqual({
      supportedModels: [
        { modelName: 'm', maxContextLength: 8 },
        { modelName: undefined, maxContextLength: undefined },
        { modelName: undefined, maxContextLength: undefined },
      ],
    });
    expect(readCapabilities({})).toEqual({ supportedModels: [] });
    expect(readCapabilities({ supported_models: null, more: 1 })).toEqual({ supportedModels: [] });
  });
});
