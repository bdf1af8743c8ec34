import { describe, expect, it } from 'vitest';
import { readArchive } from '../../../src/wire/json/rest-archive.ts';
import { readBillingUsage } from '../../../src/wire/json/rest-billing.ts';
import {
  readCheckpointList,
  readTrainingRun,
  readTrainingRuns,
  readWeightsInfo,
} from '../../../src/wire/json/rest-runs.ts';
import {
  readAuditLog,
  readSampler,
  readSessionInfo,
  readSessions,
  readTraceExport,
} from '../../../src/wire/json/rest-sessions.ts';
import { thrown } from '../../support/settled.ts';

const CHECKPOINT = {
  checkpoint_id: 'weights/0001',
  checkpoint_type: 'training',
  time: '2026-11-23T16:15:15.301247',
  tinker_path: 'tinker://r/weights/0001',
  size_bytes: 1234,
  public: true,
  expires_at: '2026-12-01T00:00:00+02:00',
};

const READ_CHECKPOINT = {
  checkpointId: 'weights/0001',
  checkpointType: 'training',
  time: new Date('2026-11-23T16:15:15.301Z'),
  tinkerPath: 'tinker://r/weights/0001',
  sizeBytes: 1234,
  isPublic: true,
  expiresAt: new Date('2026-11-30T22:00:00Z'),
};

describe('training runs', () => {
  it('are read whole', () => {
    expect(
      readTrainingRun({
        training_run_id: 's:train:0',
        base_model: 'm',
        model_owner: 'me',
        is_lora: true,
        corrupted: true,
        lora_rank: 32,
        last_request_time: 1_700_000_000.5,
        last_checkpoint: CHECKPOINT,
        last_sampler_checkpoint: { ...CHECKPOINT, checkpoint_type: 'sampler' },
        user_metadata: { k: 'v', n: 1 },
        new_field: [1],
      }),
    ).toEqual({
      trainingRunId: 's:train:0',
      baseModel: 'm',
      modelOwner: 'me',
      isLora: true,
      isCorrupted: true,
      loraRank: 32,
      lastRequestTime: new Date(1_700_000_000_500),
      lastCheckpoint: READ_CHECKPOINT,
      lastSamplerCheckpoint: { ...READ_CHECKPOINT, checkpointType: 'sampler' },
      userMetadata: { k: 'v', n: '1' },
    });
  });

  it.each([
    {},
    { lora_rank: null, last_checkpoint: null, user_metadata: null, corrupted: null, is_lora: null },
  ])('may say little: %j', (rest) => {
    expect(readTrainingRun({ training_run_id: 'r', base_model: 'm', ...rest })).toEqual({
      trainingRunId: 'r',
      baseModel: 'm',
      modelOwner: undefined,
      isLora: undefined,
      isCorrupted: false,
      loraRank: undefined,
      lastRequestTime: undefined,
      lastCheckpoint: undefined,
      lastSamplerCheckpoint: undefined,
      userMetadata: undefined,
    });
  });

  it('come as a page, whose cursor may be null, absent or half', () => {
    const run = { training_run_id: 'r', base_model: 'm' };
    const cursor = { offset: 0, limit: 20, total_count: 1 };
    const page = readTrainingRuns({ training_runs: [run], cursor });
    expect(page.items.map(({ trainingRunId }) => trainingRunId)).toEqual(['r']);
    expect(page.cursor).toEqual({ offset: 0, limit: 20, totalCount: 1 });
    for (const none of [{ cursor: null }, {}, { cursor: { ...cursor, total_count: null } }, { cursor: {} }])
      expect(readTrainingRuns({ training_runs: [], ...none }).cursor).toBeUndefined();
  });

  it('name the field that is wrong', () => {
    const say = (body: unknown): unknown => thrown(() => readTrainingRuns(body));
    expect(say({ training_runs: [{ training_run_id: 1, base_model: 'm' }] })).toMatchObject({
      code: 'response_invalid',
      message: expect.stringContaining('"training_runs.0.training_run_id"'),
    });
    const run = { training_run_id: 'r', base_model: 'm' };
    const dated = { ...run, last_checkpoint: { ...CHECKPOINT, expires_at: 'soon' } };
    expect(say({ training_runs: [run, dated] })).toMatchObject({
      code: 'response_invalid',
      message: '"training_runs.1.last_checkpoint.expires_at" should be a time, and is "soon"',
    });
  });
});

describe('checkpoints', () => {
  it('are read, with what servers leave out', () => {
    const few = { checkpoint_id: 'x', tinker_path: 'tinker://r/x' };
    expect(readCheckpointList({ checkpoints: [CHECKPOINT, few] })).toEqual({
      items: [
        READ_CHECKPOINT,
        {
          checkpointId: 'x',
          checkpointType: undefined,
          time: undefined,
          tinkerPath: 'tinker://r/x',
          sizeBytes: undefined,
          isPublic: false,
          expiresAt: undefined,
        },
      ],
      cursor: undefined,
    });
  });

  it.each([
    ['time', ''],
    ['time', '2026-02-30T00:00:00Z'],
    ['expires_at', 1e300],
  ])('have times that can be read: %s %j cannot', (field, value) => {
    const error = thrown(() => readCheckpointList({ checkpoints: [{ ...CHECKPOINT, [field]: value }] }));
    expect(error).toMatchObject({
      code: 'response_invalid',
      message: expect.stringContaining(`"checkpoints.0.${field}"`),
    });
  });
});

it('reads what weights are weights of', () => {
  const flags = { train_attn: true, train_mlp: false, train_unembed: null };
  expect(readWeightsInfo({ base_model: 'm', is_lora: true, lora_rank: 8, ...flags })).toEqual({
    baseModel: 'm',
    isLora: true,
    loraRank: 8,
    trainAttn: true,
    trainMlp: false,
    trainUnembed: undefined,
  });
  expect(thrown(() => readWeightsInfo({}))).toMatchObject({ code: 'response_invalid' });
});

it('reads sessions, samplers and traces', () => {
  expect(readSessions({ sessions: ['a', 'b'] })).toEqual({ items: ['a', 'b'], cursor: undefined });
  expect(readSessionInfo({ training_run_ids: ['a'], sampler_ids: null })).toEqual({
    trainingRunIds: ['a'],
    samplerIds: [],
  });
  expect(readSampler({ sampler_id: 's', base_model: 'm', model_path: null })).toEqual({
    samplerId: 's',
    baseModel: 'm',
    modelPath: undefined,
  });
  expect(readTraceExport({ status: 'failed', error: 'no' })).toEqual({
    status: 'failed',
    url: undefined,
    error: 'no',
  });
  expect(thrown(() => readTraceExport({ status: 'lost' }))).toMatchObject({ code: 'response_invalid' });
});

it('reads the audit log', () => {
  const entry = { timestamp: '2025-01-02T03:04:05Z', event: 'e', model_id: 'm', tinker_path: null };
  expect(readAuditLog({ entries: [entry] })).toEqual([
    {
      timestamp: new Date('2025-01-02T03:04:05Z'),
      event: 'e',
      modelId: 'm',
      tinkerPath: undefined,
      purpose: undefined,
    },
  ]);
});

describe('billing', () => {
  const event = (info: object): object => ({
    bucket_start: '2026-07-13T00:00:00Z',
    bucket_end: '2026-07-13T01:00:00Z',
    session_id: 's',
    event_info: info,
  });
  const infos = (...list: object[]) =>
    readBillingUsage({ data: list.map(event) }).events.map(({ eventInfo }) => eventInfo);

  it('tells each kind of use', () => {
    expect(
      infos(
        { type: 'training', token_count: 1 },
        { type: 'sampling_prefill', cached: true, token_count: 2 },
        { type: 'sampling_sample', token_count: 3 },
        { type: 'checkpoint', count: 4 },
        { type: 'storage', gigabyte_hours: 0.5 },
      ),
    ).toEqual([
      { type: 'training', tokenCount: 1 },
      { type: 'sampling_prefill', cached: true, tokenCount: 2 },
      { type: 'sampling_sample', tokenCount: 3 },
      { type: 'checkpoint', count: 4 },
      { type: 'storage', gigabyteHours: 0.5 },
    ]);
  });

  it('hands on what it does not know', () => {
    expect(
      infos({ type: 'gpu', hours: 2 }, { type: 'storage' }, { type: 'training', token_count: null }),
    ).toEqual([
      { type: 'other', name: 'gpu', fields: { type: 'gpu', hours: 2 } },
      { type: 'other', name: 'storage', fields: { type: 'storage' } },
      { type: 'other', name: 'training', fields: { type: 'training', token_count: null } },
    ]);
  });

  it('has the times, the names and the sessions', () => {
    const data = [
      { ...event({ type: 'checkpoint', count: 1 }), base_model: 'm', user_id: 'u', user_name: 'n' },
    ];
    const sessions = { s: { user_metadata: { k: 'v' } }, t: {} };
    expect(readBillingUsage({ data, sessions })).toEqual({
      events: [
        {
          bucketStart: new Date('2026-07-13T00:00:00Z'),
          bucketEnd: new Date('2026-07-13T01:00:00Z'),
          baseModel: 'm',
          userId: 'u',
          userName: 'n',
          sessionId: 's',
          projectId: undefined,
          eventInfo: { type: 'checkpoint', count: 1 },
        },
      ],
      sessions: { s: { userMetadata: { k: 'v' } }, t: { userMetadata: undefined } },
    });
    expect(readBillingUsage({ data: [], sessions: null }).sessions).toEqual({});
  });
});

it('reads an archive’s address', () => {
  expect(readArchive({ url: 'u', expires: 1 })).toEqual({ url: 'u', expires: 1 });
  expect(readArchive({ url: 'u' })).toEqual({ url: 'u', expires: undefined });
  expect(thrown(() => readArchive({ expires: 1 }))).toMatchObject({ code: 'response_invalid' });
});
