import { beforeEach, describe, expect, it } from 'vitest';
import { type EmulatorCalls, emulatorCalls } from '../../support/emulator-calls.ts';

let calls: EmulatorCalls;
beforeEach(() => {
  calls = emulatorCalls();
});

const publish = (modelId: string, checkpoint: string) =>
  calls.call(`training_runs/${modelId}/checkpoints/${checkpoint}/publish`, '', { method: 'POST' });

describe('a training run', () => {
  it('is told with its latest checkpoints and its last request', async () => {
    const { modelId } = await calls.model({ user_metadata: { name: 'mine' } });
    const run = {
      training_run_id: modelId,
      base_model: 'emulator/tiny',
      model_owner: expect.stringMatching(/^user-[0-9a-f]{12}$/),
      is_lora: true,
      corrupted: false,
      lora_rank: 4,
      last_request_time: '2023-11-14T22:13:20.000Z',
      user_metadata: { name: 'mine' },
    };
    expect(await calls.ok(`training_runs/${modelId}`)).toEqual(run);

    await calls.clock.advance(1000);
    const body = { model_id: modelId };
    await calls.result('save_weights', { ...body, path: 'old', seq_id: 1 });
    await calls.clock.advance(1000);
    await calls.result('save_weights', { ...body, path: 'new', seq_id: 2, ttl_seconds: 10 });
    await calls.result('save_weights_for_sampler', { ...body, path: 's', seq_id: 3 });
    const checkpoint = {
      size_bytes: expect.any(Number),
      public: false,
      time: '2023-11-14T22:13:22.000Z',
    };
    const withCheckpoints = {
      ...run,
      last_request_time: '2023-11-14T22:13:22.000Z',
      last_checkpoint: {
        ...checkpoint,
        checkpoint_id: 'weights/new',
        checkpoint_type: 'training',
        tinker_path: `tinker://${modelId}/weights/new`,
        expires_at: '2023-11-14T22:13:32.000Z',
      },
      last_sampler_checkpoint: {
        ...checkpoint,
        checkpoint_id: 'sampler_weights/s',
        checkpoint_type: 'sampler',
        tinker_path: `tinker://${modelId}/sampler_weights/s`,
      },
    };
    expect(await calls.ok(`training_runs/${encodeURIComponent(modelId)}`)).toEqual(withCheckpoints);
    expect((await calls.ok('training_runs')).training_runs).toEqual([withCheckpoints]);
    await calls.clock.advance(10_000);
    expect((await calls.ok(`training_runs/${modelId}`)).last_checkpoint.checkpoint_id).toBe('weights/old');
  });

  it('has a size that is the bytes kept, more of them with an optimizer', async () => {
    const { modelId } = await calls.model();
    await calls.result('save_weights', { model_id: modelId, path: 'w', seq_id: 1 });
    await calls.result('save_weights_for_sampler', { model_id: modelId, path: 's', seq_id: 2 });
    const { last_checkpoint, last_sampler_checkpoint } = await calls.ok(`training_runs/${modelId}`);
    expect(last_sampler_checkpoint.size_bytes).toBeGreaterThan(8000);
    expect(last_checkpoint.size_bytes).toBeGreaterThan(2.5 * last_sampler_checkpoint.size_bytes);
  });

  it('is seen by another account where a checkpoint of it is public, if asked for so', async () => {
    const { modelId } = await calls.model();
    await calls.result('save_weights', { model_id: modelId, path: 'public', seq_id: 1 });
    await calls.result('save_weights', { model_id: modelId, path: 'private', seq_id: 2 });
    const other = calls.as('tml-other');
    const unseen = { status: 404, body: { detail: `Training run "${modelId}" is unknown` } };
    for (const path of [
      `training_runs/${modelId}?access_scope=accessible`,
      `training_runs/${modelId}/checkpoints`,
    ])
      expect(await other.call(path)).toMatchObject(unseen);

    await publish(modelId, 'weights/public');
    expect(await other.call(`training_runs/${modelId}`)).toMatchObject(unseen);
    const run = await other.ok(`training_runs/${modelId}?access_scope=accessible`);
    expect(run.last_checkpoint.checkpoint_id).toBe('weights/public');
    const { checkpoints } = await other.ok(`training_runs/${modelId}/checkpoints`);
    expect(checkpoints).toMatchObject([{ checkpoint_id: 'weights/public', public: true }]);
    expect((await other.ok('training_runs')).training_runs).toEqual([]);
    expect((await other.ok('training_runs?access_scope=accessible')).training_runs).toEqual([run]);
    // To its owner it is the same in both.
    for (const scope of ['owned', 'accessible'])
      expect((await calls.ok(`training_runs?access_scope=${scope}`)).cursor.total_count).toBe(1);
  });

  it('is unknown where it is, and lists nothing before it has saved', async () => {
    const { modelId } = await calls.model();
    expect(await calls.ok(`training_runs/${modelId}/checkpoints`)).toEqual({ checkpoints: [] });
    for (const path of ['training_runs/none', 'training_runs/none/checkpoints'])
      expect(await calls.call(path)).toMatchObject({
        status: 404,
        body: { detail: 'Training run "none" is unknown' },
      });
  });
});

describe('pages', () => {
  it('of runs go from the latest to the first, and can be kept to a project', async () => {
    const inProject = await calls.session({ project_id: 'p' });
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      ids.unshift((await calls.model({ model_seq_id: n }, inProject)).modelId);
      ids.unshift((await calls.model()).modelId);
    }
    const page = async (query: string) => {
      const { training_runs, cursor } = await calls.ok(`training_runs${query}`);
      return { ids: training_runs.map((run: { training_run_id: string }) => run.training_run_id), cursor };
    };
    expect(await page('')).toEqual({ ids, cursor: { offset: 0, limit: 20, total_count: 6 } });
    expect(await page('?limit=4&offset=0&access_scope=owned')).toEqual({
      ids: ids.slice(0, 4),
      cursor: { offset: 0, limit: 4, total_count: 6 },
    });
    expect(await page('?limit=4&offset=4')).toEqual({
      ids: ids.slice(4),
      cursor: { offset: 4, limit: 4, total_count: 6 },
    });
    expect((await page('?offset=60')).ids).toEqual([]);
    expect(await page('?project_id=p&limit=2')).toEqual({
      ids: [ids[1], ids[3]],
      cursor: { offset: 0, limit: 2, total_count: 3 },
    });
    expect((await page('?project_id=q')).cursor.total_count).toBe(0);
  });

  it('of checkpoints go from the latest to the first, over all runs of the caller', async () => {
    const paths: string[] = [];
    for (let n = 0; n < 3; n++) {
      const { modelId: model_id } = await calls.model();
      paths.unshift((await calls.result('save_weights', { model_id, path: 'w', seq_id: 1 })).path);
    }
    const other = await calls.as('tml-other').model();
    await calls.as('tml-other').result('save_weights', { model_id: other.modelId, path: 'w', seq_id: 1 });
    const { checkpoints, cursor } = await calls.ok('checkpoints?limit=2&offset=1');
    expect(checkpoints.map((checkpoint: { tinker_path: string }) => checkpoint.tinker_path)).toEqual(
      paths.slice(1),
    );
    expect(cursor).toEqual({ offset: 1, limit: 2, total_count: 3 });
    expect((await calls.ok('checkpoints')).cursor).toEqual({ offset: 0, limit: 100, total_count: 3 });
  });

  it.each([
    ['training_runs?limit=0', 'query.limit must be from 1 to 1000, got 0'],
    ['training_runs?limit=1001', 'query.limit must be from 1 to 1000, got 1001'],
    ['training_runs?limit=ten', 'query.limit must be a whole number, got "ten"'],
    ['training_runs?limit=', 'query.limit must be a whole number, got ""'],
    ['training_runs?offset=-1', 'query.offset must be a whole number, got "-1"'],
    ['training_runs?offset=1.5', 'query.offset must be a whole number, got "1.5"'],
    ['training_runs?access_scope=all', 'query.access_scope must be "owned" or "accessible", got "all"'],
    ['training_runs/x?access_scope=all', 'query.access_scope must be "owned" or "accessible", got "all"'],
    ['training_runs?project_id=', 'query.project_id must not be empty'],
    ['checkpoints?limit=x', 'query.limit must be a whole number, got "x"'],
    ['sessions?offset=x', 'query.offset must be a whole number, got "x"'],
    ['sessions?access_scope=x', 'query.access_scope must be "owned" or "accessible", got "x"'],
    ['sessions/s?access_scope=x', 'query.access_scope must be "owned" or "accessible", got "x"'],
  ])('refuse %s', async (path, detail) => {
    expect(await calls.call(path)).toMatchObject({ status: 422, body: { detail } });
  });
});
