import { beforeEach, describe, expect, it } from 'vitest';
import { type EmulatorCalls, emulatorCalls } from '../../support/emulator-calls.ts';

// The virtual clock starts at 2023-11-14T22:13:20Z.
const HOUR_MS = 3_600_000;
const TO_NEXT_HOUR_MS = HOUR_MS - (13 * 60 + 20) * 1000;

let calls: EmulatorCalls;
beforeEach(() => {
  calls = emulatorCalls({ sessionTimeoutMs: 1e9 });
});

const datum = (length: number) => ({
  loss_fn_inputs: { target_tokens: { data: Array(length).fill(1), dtype: 'int64', shape: [length] } },
  model_input: { chunks: [{ tokens: Array(length).fill(2), type: 'encoded_text' }] },
});

const train = (model_id: string, seq_id: number, lengths: number[]) =>
  calls.result('forward_backward', {
    forward_backward_input: { data: lengths.map(datum), loss_fn: 'cross_entropy' },
    model_id,
    seq_id,
  });

async function billed(query: string, caller = calls) {
  const { data, sessions } = await caller.ok(`billing/usage/events?${query}`);
  return { data, sessions };
}

const DAY = 'starting_on=2023-11-14T00:00:00Z&ending_before=2023-11-15T00:00:00Z';

describe('usage', () => {
  it('is what was trained, sampled and saved, hour by hour', async () => {
    const sessionId = await calls.session({ user_metadata: { name: 'mine' }, project_id: 'p' });
    const { modelId } = await calls.model({}, sessionId);
    await train(modelId, 1, [3, 4]);
    await train(modelId, 2, [5]);
    const { sampling_session_id } = await calls.result('save_weights_for_sampler', {
      model_id: modelId,
      sampling_session_seq_id: 0,
      seq_id: 3,
    });
    await calls.result('asample', {
      sampling_session_id,
      seq_id: 0,
      num_samples: 2,
      prompt: { chunks: [{ tokens: [1, 2, 3] }] },
      sampling_params: { max_tokens: 10, seed: 1 },
    });
    await calls.clock.advance(TO_NEXT_HOUR_MS);
    await calls.result('save_weights', { model_id: modelId, path: 'w', seq_id: 4 });
    await train(modelId, 5, [6]);

    const { data, sessions } = await billed(DAY);
    const [first] = data;
    const bucket = (hour: number) => ({
      bucket_start: `2023-11-14T${hour}:00:00.000Z`,
      bucket_end: hour === 22 ? '2023-11-14T23:00:00.000Z' : '2023-11-15T00:00:00.000Z',
      base_model: 'emulator/tiny',
      user_id: expect.stringMatching(/^user-/),
      user_name: `${first.user_id}@emulator.invalid`,
      session_id: sessionId,
      project_id: 'p',
    });
    expect(data).toEqual([
      { ...bucket(22), event_info: { type: 'sampling_sample', token_count: 20 } },
      { ...bucket(22), event_info: { type: 'training', token_count: 12 } },
      { ...bucket(22), event_info: { type: 'sampling_prefill', cached: false, token_count: 3 } },
      { ...bucket(23), event_info: { type: 'training', token_count: 6 } },
      { ...bucket(23), event_info: { type: 'checkpoint', count: 1 } },
    ]);
    expect(sessions).toEqual({ [sessionId]: { user_metadata: { name: 'mine' } } });
    expect((await billed(DAY, calls.as('tml-other'))).data).toEqual([]);
    const late = await billed('starting_on=2023-11-14T23:00:00Z&ending_before=2023-11-15T00:00:00');
    expect(late.data).toHaveLength(2);
    const early = await billed('starting_on=2023-11-14&ending_before=2023-11-14T23:00:00%2B00:00');
    expect(early.data).toHaveLength(3);
  });

  it('tells cached prompt tokens from others', async () => {
    const session_id = await calls.session();
    const { sampling_session_id } = await calls.ok('create_sampling_session', {
      session_id,
      sampling_session_seq_id: 0,
      base_model: 'emulator/tiny',
    });
    let cached = 0;
    for (const seq_id of [0, 1]) {
      const result = await calls.result('asample', {
        sampling_session_id,
        seq_id,
        prompt: { chunks: [{ tokens: Array(20).fill(1) }] },
        sampling_params: { max_tokens: 1 },
      });
      cached += result.prompt_cache_hit_tokens;
    }
    expect(cached).toBeGreaterThan(0);
    const infos = (await billed(DAY)).data.map((event: { event_info: object }) => event.event_info);
    expect(infos).toContainEqual({ type: 'sampling_prefill', cached: false, token_count: 40 - cached });
    expect(infos).toContainEqual({ type: 'sampling_prefill', cached: true, token_count: cached });
  });

  it('counts what is kept by size and time, as long as it is kept', async () => {
    await calls.clock.advance(TO_NEXT_HOUR_MS);
    const { modelId } = await calls.model();
    const save = async (body: object) => {
      const { path } = await calls.result('save_weights', { model_id: modelId, ...body });
      const { checkpoints } = await calls.ok('checkpoints');
      return checkpoints.find((one: { tinker_path: string }) => one.tinker_path === path)
        .size_bytes as number;
    };
    const size = await save({ path: 'a', seq_id: 1 }); // 23:00
    await calls.clock.advance(HOUR_MS / 2);
    expect(await save({ path: 'b', seq_id: 2, ttl_seconds: 900 })).toBe(size); // 23:30 to 23:45
    await calls.clock.advance(HOUR_MS);
    await calls.call(`training_runs/${modelId}/checkpoints/weights/a`, undefined, { method: 'DELETE' }); // 00:30
    await calls.clock.advance(5 * HOUR_MS);
    const stored = async () =>
      (await billed('starting_on=2023-11-14T23:00:00Z&ending_before=2023-11-15T12:00:00Z')).data
        .filter((event: { event_info: { type: string } }) => event.event_info.type === 'storage')
        .map((event: { bucket_start: string; event_info: { gigabyte_hours: number } }) => [
          event.bucket_start.slice(8, 13),
          (event.event_info.gigabyte_hours * 1e9) / size,
        ]);
    expect(await stored()).toEqual([
      ['14T23', expect.closeTo(1.25, 9)],
      ['15T00', expect.closeTo(0.5, 9)],
    ]);
  });

  it('of what is overwritten, published for a while or never expires is counted once', async () => {
    await calls.clock.advance(TO_NEXT_HOUR_MS);
    const { modelId } = await calls.model();
    for (const seq_id of [1, 2])
      await calls.result('save_weights', { model_id: modelId, path: 'a', seq_id, overwrite: true });
    const [{ size_bytes }] = (await calls.ok('checkpoints')).checkpoints;
    const url = `training_runs/${modelId}/checkpoints/weights/a/ttl`;
    await calls.call(url, { ttl_seconds: 60 }, { method: 'PUT' });
    await calls.call(url, { ttl_seconds: null }, { method: 'PUT' });
    await calls.clock.advance(HOUR_MS / 4);
    const { data } = await billed('starting_on=2023-11-14T23:00:00Z&ending_before=2023-11-15T00:00:00Z');
    const [{ event_info }] = data.filter(
      (event: { event_info: { type: string } }) => event.event_info.type === 'storage',
    );
    expect((event_info.gigabyte_hours * 1e9) / size_bytes).toBeCloseTo(0.25, 9);
    expect(data.map((event: { event_info: { count?: number } }) => event.event_info.count)).toContain(2);
  });

  it.each([
    ['ending_before=2023-11-15T00:00:00Z', 422, 'query.starting_on is missing'],
    ['starting_on=2023-11-14T00:00:00Z', 422, 'query.ending_before is missing'],
    [
      'starting_on=yesterday&ending_before=2023-11-15T00:00:00Z',
      422,
      'query.starting_on must be a time as ISO 8601 words it, got "yesterday"',
    ],
    [
      'starting_on=2023-11-14T00:30:00Z&ending_before=2023-11-15T00:00:00Z',
      400,
      'starting_on must be a full hour in UTC, got "2023-11-14T00:30:00Z"',
    ],
    [
      'starting_on=2023-11-14T00:00:00Z&ending_before=2023-11-14T05:00:01Z',
      400,
      'ending_before must be a full hour in UTC, got "2023-11-14T05:00:01Z"',
    ],
    [
      'starting_on=2023-11-14T00:00:00Z&ending_before=2023-11-14T00:00:00Z',
      400,
      'ending_before must be after starting_on',
    ],
    [
      'starting_on=2023-11-01T00:00:00Z&ending_before=2023-11-15T01:00:00Z',
      400,
      'The window must be at most 14 days long',
    ],
    [
      'starting_on=2023-11-14T23:00:00Z&ending_before=2023-11-15T00:00:00Z',
      400,
      'starting_on must not be in the future',
    ],
  ])('is not told for %s', async (query, status, detail) => {
    expect(await calls.call(`billing/usage/events?${query}`)).toMatchObject({ status, body: { detail } });
  });

  it('is told for fourteen days', async () => {
    expect(
      (await billed('starting_on=2023-11-01T00:00:00Z&ending_before=2023-11-15T00:00:00Z')).data,
    ).toEqual([]);
  });
});

describe('the audit log', () => {
  it('tells who did what with models and checkpoints', async () => {
    const { modelId, sessionId } = await calls.model();
    const { path } = await calls.result('save_weights', { model_id: modelId, path: 'w', seq_id: 1 });
    await calls.clock.advance(1000);
    const { path: sampler } = await calls.result('save_weights_for_sampler', {
      model_id: modelId,
      path: 's',
      seq_id: 2,
    });
    await calls.result('load_weights', { model_id: modelId, path, optimizer: true, seq_id: 3 });
    await calls.result('load_weights', { session_id: sessionId, model_seq_id: 1, path, optimizer: true });
    await calls.ok('create_sampling_session', {
      session_id: sessionId,
      sampling_session_seq_id: 0,
      model_path: sampler,
    });
    const url = `training_runs/${modelId}/checkpoints/weights/w`;
    await calls.call(`${url}/publish`, undefined, { method: 'POST' });
    await calls.call(`${url}/publish`, undefined, { method: 'POST' });
    await calls.call(`${url}/publish`, undefined, { method: 'DELETE' });
    await calls.call(`${url}/ttl`, { ttl_seconds: 5 }, { method: 'PUT' });
    await calls.call(`${url}/archive`);
    await calls.call(url, undefined, { method: 'DELETE' });

    const second = `${sessionId}:train:1`;
    const { entries } = await calls.ok('audit');
    const timeless = entries.map(({ timestamp, ...entry }: { timestamp: string }) => entry);
    expect(timeless).toEqual([
      { event: 'create_model', model_id: modelId },
      { event: 'save_checkpoint', model_id: modelId, tinker_path: path },
      { event: 'save_checkpoint', model_id: modelId, tinker_path: sampler },
      { event: 'load_checkpoint', model_id: modelId, tinker_path: path, purpose: 'training' },
      { event: 'create_model', model_id: second },
      { event: 'load_checkpoint', model_id: second, tinker_path: path, purpose: 'training' },
      { event: 'load_checkpoint', tinker_path: sampler, purpose: 'sampling' },
      { event: 'publish_checkpoint', tinker_path: path },
      { event: 'unpublish_checkpoint', tinker_path: path },
      { event: 'set_checkpoint_ttl', tinker_path: path },
      { event: 'download_checkpoint', tinker_path: path },
      { event: 'delete_checkpoint', tinker_path: path },
    ]);
    expect(entries.slice(0, 3).map(({ timestamp }: { timestamp: string }) => timestamp)).toEqual([
      '2023-11-14T22:13:20.000Z',
      '2023-11-14T22:13:20.000Z',
      '2023-11-14T22:13:21.000Z',
    ]);
    expect((await calls.as('tml-other').ok('audit')).entries).toEqual([]);
  });

  it('is told day by day, in the order of time', async () => {
    await calls.model();
    await calls.clock.advance(4 * HOUR_MS);
    await calls.model();
    calls.clock.jumpWall(-HOUR_MS);
    await calls.model();
    const times = async (query: string) =>
      (await calls.ok(`audit${query}`)).entries.map(({ timestamp }: { timestamp: string }) =>
        timestamp.slice(8, 13),
      );
    expect(await times('')).toEqual(['15T01', '15T02']);
    expect(await times('?event_type=all&day=2023-11-14')).toEqual(['14T22']);
    expect(await times('?event_type=checkpoints&day=2023-11-15')).toEqual(['15T01', '15T02']);
    expect(await times('?day=2023-11-16')).toEqual([]);
  });

  it.each([
    ['audit?event_type=models', 'query.event_type must be "all" or "checkpoints", got "models"'],
    ['audit?day=2023-02-30', 'query.day must be a day, YYYY-MM-DD, got "2023-02-30"'],
    ['audit?day=', 'query.day must be a day, YYYY-MM-DD, got ""'],
  ])('is not told for %s', async (path, detail) => {
    expect(await calls.call(path)).toMatchObject({ status: 422, body: { detail } });
  });
});
