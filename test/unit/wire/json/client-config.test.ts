import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ClientConfig,
  defaultClientConfig,
  readClientConfig,
  readExchangedToken,
  readRefreshInterval,
} from '../../../../src/wire/json/client-config.ts';

/** Every flag of protocol 5.2 (and the old one of servers.md 2.1 item 1), our name for it, and values as they come and go. */
const FLAGS: readonly (readonly [string, keyof ClientConfig, unknown, unknown])[] = [
  ['pjwt_auth_enabled', 'jwtAuth', true, true],
  ['sample_dispatch_bytes_semaphore_size', 'sampleDispatchBytes', 5, 5],
  ['inflight_response_bytes_semaphore_size', 'responseBytes', 6, 6],
  ['parallel_fwdbwd_chunks', 'parallelChunks', false, false],
  ['proto_compress_fwdbwd', 'compressBodies', true, true],
  ['fwdbwd_max_chunk_len', 'maxChunkLength', 7, 7],
  ['fwdbwd_max_chunk_bytes_count', 'maxChunkBytes', 8, 8],
  ['fwdbwd_dispatch_bytes_semaphore_size', 'passDispatchBytes', 9, 9],
  ['billing_exception_max_pause_duration_sec', 'billingPauseMs', 1.5, 1_500],
  ['sample_no_retries', 'sampleNoRetries', true, true],
  ['sample_enable_stuck_detection', 'stuckDetection', false, false],
  ['sample_max_concurrent_requests', 'maxConcurrentSamples', 10, 10],
  ['create_model_via_load_weights', 'createModelViaLoad', true, true],
  ['proto_write_fwdbwd', 'protobufPasses', false, false],
];

describe('what a server sets', () => {
  it('is the protocol’s default where it sets nothing (protocol 5.2)', () => {
    const byProtocol = {
      jwtAuth: false,
      sampleDispatchBytes: 10_485_760,
      responseBytes: 52_428_800,
      parallelChunks: true,
      compressBodies: false,
      maxChunkLength: 1_024,
      maxChunkBytes: 5_000_000,
      maxChunkTokens: Number.POSITIVE_INFINITY,
      passDispatchBytes: 50_000_000,
      billingPauseMs: 3_600_000,
      sampleNoRetries: false,
      stuckDetection: true,
      maxConcurrentSamples: 2_000,
      createModelViaLoad: false,
      protobufPasses: true,
    };
    expect(defaultClientConfig()).toEqual(byProtocol);
    expect(readClientConfig({})).toEqual(byProtocol);
  });

  it.each(FLAGS)('is read from %s, and changes nothing else', (flag, name, sent, read) => {
    expect(read).not.toEqual(defaultClientConfig()[name]);
    const config = readClientConfig({ [flag]: sent, use_jwt: true, features: ['a'], max_request_bytes: 1 });
    expect(config).toEqual({ ...defaultClientConfig(), [name]: read });
  });

  it.each(FLAGS)('is the default where %s is not of its type', (flag, name) => {
    const byDefault = defaultClientConfig();
    const wrong = [null, 'yes', {}, [], -1, 0.5, Number.MAX_VALUE, ''];
    const isFlag = typeof byDefault[name] === 'boolean';
    for (const value of isFlag ? [...wrong, 0, 1, 'true'] : [...wrong, true, '5']) {
      if (name === 'billingPauseMs' && typeof value === 'number' && value >= 0) continue;
      // The others stay what they are: one slip must not cost the rest.
      const config = readClientConfig({ [flag]: value, sample_no_retries: true, fwdbwd_max_chunk_len: 3 });
      const expected = { ...byDefault, sampleNoRetries: true, maxChunkLength: 3 };
      const own = flag === 'sample_no_retries' || flag === 'fwdbwd_max_chunk_len';
      if (!own) expect([value, config]).toEqual([value, expected]);
    }
    expect(readClientConfig({ [flag]: null })).toEqual(byDefault);
    if (!isFlag && name !== 'billingPauseMs') expect(readClientConfig({ [flag]: 0 })).toEqual(byDefault);
  });

  it('is the default where the answer is anything else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.jsonValue()), (body) => {
        fc.pre(typeof body !== 'object' || body === null || Object.keys(body).length === 0);
        expect(readClientConfig(body)).toEqual(defaultClientConfig());
      }),
    );
    expect(readClientConfig([{ pjwt_auth_enabled: true }])).toEqual(defaultClientConfig());
  });

  it('may be a pause of no time', () => {
    expect(readClientConfig({ billing_exception_max_pause_duration_sec: 0 }).billingPauseMs).toBe(0);
  });

  it.each(['1e999', '1e306', '-1', '"60"'])('is no pause for ever, of %s seconds', (seconds) => {
    const body = JSON.parse(`{"billing_exception_max_pause_duration_sec": ${seconds}}`);
    expect(readClientConfig(body)).toEqual(defaultClientConfig());
    expect(readRefreshInterval(JSON.parse(`{"refresh_interval_sec": ${seconds}}`))).toBe(300_000);
  });
});

describe('a token', () => {
  it('is what the answer holds', () => {
    expect(readExchangedToken({ jwt: 'eyJa.b.c', other: 1 })).toBe('eyJa.b.c');
  });

  it.each([
    undefined,
    null,
    {},
    'eyJa.b.c',
    { jwt: '' },
    { jwt: null },
    { jwt: 5 },
    { jwt: 'two words' },
    { jwt: 'line\nbreak' },
    { jwt: 'größe' },
  ])('is none where no header can carry it: %j', (body) => {
    expect(readExchangedToken(body)).toBeUndefined();
  });
});

describe('the interval of the dynamic settings', () => {
  it.each<readonly [unknown, number]>([
    [{ refresh_interval_sec: 20 }, 20_000],
    [{ refresh_interval_sec: 0 }, 0],
    [{}, 300_000],
    [undefined, 300_000],
    ['text', 300_000],
    [{ refresh_interval_sec: null }, 300_000],
    [{ refresh_interval_sec: -5 }, 300_000],
    [{ refresh_interval_sec: '20' }, 300_000],
  ])('of %j is %d ms', (body, ms) => {
    expect(readRefreshInterval(body)).toBe(ms);
  });
});
