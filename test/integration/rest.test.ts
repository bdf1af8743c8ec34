import { describe, expect, it } from 'vitest';
import { extractArchive } from '../../src/client/archive/tar-archive.ts';
import type { RestClient } from '../../src/client/rest/rest-client.ts';
import { batch, type Offline, offline } from '../support/offline.ts';
import { driveToRejection } from '../support/settled.ts';

/** Train a little, and save: two checkpoints to train from, one to sample from. */
async function trained(
  setup: Offline,
): Promise<{ readonly runId: string; readonly paths: readonly string[] }> {
  const { service, emulator } = setup;
  const training = await service.createLoraTrainingClient({
    baseModel: emulator.modelName,
    rank: 4,
    userMetadata: { purpose: 'test' },
  });
  await training.forwardBackward(batch(), 'cross_entropy');
  await training.optimStep({ learningRate: 1e-3 });
  const first = await training.saveState('one');
  const second = await training.saveState('two');
  const sampler = await training.saveWeightsForSampler('final');
  return { runId: training.modelId, paths: [first.path, second.path, sampler.path] };
}

async function setUp(options: Parameters<typeof offline>[0] = {}) {
  const setup = offline(options);
  const rest = setup.service.createRestClient();
  const saved = await setup.clock.drive(trained(setup));
  return { ...setup, rest, ...saved };
}

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of list) items.push(item);
  return items;
}

const later = <T>(items: readonly T[], index: number): T => {
  const item = items[index];
  if (item === undefined) throw new Error(`There is no item ${index}`);
  return item;
};

describe('what the server keeps', () => {
  it('are training runs, with their checkpoints', async () => {
    const { clock, rest, service, emulator, runId, paths } = await setUp();
    const run = await clock.drive(rest.getTrainingRun(runId));
    expect(run).toMatchObject({
      trainingRunId: runId,
      baseModel: emulator.modelName,
      isLora: true,
      loraRank: 4,
      isCorrupted: false,
      userMetadata: { purpose: 'test' },
    });
    expect(run.lastCheckpoint?.tinkerPath).toBe(paths[1]);
    expect(run.lastSamplerCheckpoint?.tinkerPath).toBe(paths[2]);
    expect(run.lastRequestTime).toBeInstanceOf(Date);
    expect(await clock.drive(rest.getTrainingRunByTinkerPath(later(paths, 0)))).toEqual(run);
    expect(await clock.drive(all(rest.listTrainingRuns()))).toEqual([run]);
    const checkpoints = await clock.drive(all(rest.listCheckpoints(runId)));
    expect(checkpoints.map(({ tinkerPath }) => tinkerPath).sort()).toEqual([...paths].sort());
    expect(checkpoints.find(({ tinkerPath }) => tinkerPath === paths[2])).toMatchObject({
      checkpointId: 'sampler_weights/final',
      checkpointType: 'sampler',
      isPublic: false,
      expiresAt: undefined,
    });
    expect(await clock.drive(rest.getWeightsInfo(later(paths, 0)))).toMatchObject({
      baseModel: emulator.modelName,
      isLora: true,
      loraRank: 4,
    });
    await service.close();
    expect(clock.pending).toBe(0);
  });

  it('comes in pages of any length, each item once', async () => {
    const { clock, rest, service, paths } = await setUp();
    const whole = await clock.drive(all(rest.listUserCheckpoints()));
    expect(whole).toHaveLength(paths.length);
    for (const limit of [1, 2, 3, 4]) {
      expect(await clock.drive(all(rest.listUserCheckpoints({ limit })))).toEqual(whole);
      const page = await clock.drive(rest.listUserCheckpoints({ limit }).page({ offset: 1 }));
      expect(page.items).toEqual(whole.slice(1, 1 + limit));
      expect(page.cursor?.totalCount).toBe(3);
    }
    const sessions = await clock.drive(all(rest.listSessions({ limit: 1 })));
    expect(sessions).toHaveLength(1);
    await service.close();
  });

  it('are sessions, and what happened and was used in them', async () => {
    const { clock, rest, service, emulator, runId } = await setUp();
    const sampling = await clock.drive(service.createSamplingClient({ baseModel: emulator.modelName }));
    await clock.drive(sampling.sample({ prompt: [1, 2, 3], maxTokens: 2 }));
    const sessionId = later(await clock.drive(all(rest.listSessions())), 0);
    expect(await clock.drive(rest.getSession(sessionId))).toEqual({
      trainingRunIds: [runId],
      samplerIds: [sampling.samplingSessionId],
    });
    expect(await clock.drive(rest.getSampler(sampling.samplingSessionId))).toEqual({
      samplerId: sampling.samplingSessionId,
      baseModel: emulator.modelName,
      modelPath: undefined,
    });
    await clock.drive(rest.assignSessionProject(sessionId, 'project-1'));
    expect(await clock.drive(all(rest.listTrainingRuns({ projectId: 'project-1' })))).toHaveLength(1);
    expect(await clock.drive(all(rest.listTrainingRuns({ projectId: 'other' })))).toEqual([]);
    const url = await clock.drive(rest.exportSessionTrace(sessionId));
    const trace = await clock.drive(emulator.fetch(new Request(url)));
    expect(await trace.json()).toHaveProperty('traceEvents');

    const log = await clock.drive(rest.getAuditLog());
    expect(log.length).toBeGreaterThan(0);
    expect(log.every(({ timestamp }) => timestamp instanceof Date)).toBe(true);
    expect(await clock.drive(rest.getAuditLog({ day: '2001-01-01' }))).toEqual([]);
    const hour = 3_600_000;
    const from = Math.floor(clock.now() / hour) * hour;
    const usage = await clock.drive(
      rest.getBillingUsage({ startingOn: new Date(from - hour), endingBefore: new Date(from + 2 * hour) }),
    );
    const trainedTokens = usage.events.filter(({ eventInfo }) => eventInfo.type === 'training');
    expect(trainedTokens).toHaveLength(1);
    expect(usage.events.some(({ eventInfo }) => eventInfo.type === 'sampling_sample')).toBe(true);
    expect(Object.keys(usage.sessions)).toEqual([sessionId]);
    await service.close();
  });

  it('can be published, kept, and deleted', async () => {
    const { clock, rest, service, emulator, runId, paths } = await setUp();
    const other = offline({ client: { clock, apiKey: 'tml-other', fetch: emulator.fetch } }).service;
    const theirs = other.createRestClient();
    const path = later(paths, 2);
    expect(await driveToRejection(clock, theirs.getCheckpointArchiveUrl(path))).toMatchObject({
      status: 404,
    });
    await clock.drive(rest.publishCheckpoint(path));
    expect((await clock.drive(theirs.getCheckpointArchiveUrl(path))).url).toContain('token=');
    expect(await driveToRejection(clock, rest.publishCheckpoint(path))).toMatchObject({ status: 409 });
    await clock.drive(rest.unpublishCheckpoint(path));
    expect(await driveToRejection(clock, rest.unpublishCheckpoint(path))).toMatchObject({ status: 409 });

    await clock.drive(rest.setCheckpointTtl(path, 60));
    const expiring = (await clock.drive(all(rest.listCheckpoints(runId)))).find(
      (one) => one.tinkerPath === path,
    );
    expect(expiring?.expiresAt?.getTime()).toBeGreaterThan(clock.now());
    await clock.drive(rest.setCheckpointTtl(path, null));
    const kept = (await clock.drive(all(rest.listCheckpoints(runId)))).find((one) => one.tinkerPath === path);
    expect(kept?.expiresAt).toBeUndefined();

    const missing = `tinker://${runId}/weights/missing`;
    const error = await driveToRejection(
      clock,
      rest.deleteCheckpoints([later(paths, 0), missing, later(paths, 1)]),
    );
    expect(error).toMatchObject({ code: 'partly_failed', failures: [{ item: missing }] });
    expect((await clock.drive(all(rest.listCheckpoints(runId)))).map(({ tinkerPath }) => tinkerPath)).toEqual(
      [path],
    );
    await clock.drive(rest.deleteCheckpoint(path));
    expect(await driveToRejection(clock, rest.deleteCheckpoint(path))).toMatchObject({ status: 404 });
    await other.close();
    await service.close();
    expect(clock.pending).toBe(0);
  });
});

describe('a checkpoint that is downloaded', () => {
  /** Download and unpack. */
  async function unpack(rest: RestClient, path: string): Promise<Record<string, Uint8Array>> {
    const files: Record<string, Uint8Array> = {};
    for await (const entry of extractArchive(await rest.downloadCheckpoint(path))) {
      files[entry.name] = await entry.bytes();
    }
    return files;
  }

  it('is an archive of what PEFT loads', async () => {
    const { clock, rest, service, emulator, paths } = await setUp();
    const files = await clock.drive(unpack(rest, later(paths, 2)));
    expect(Object.keys(files)).toEqual(
      expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors']),
    );
    const config: unknown = JSON.parse(new TextDecoder().decode(files['adapter_config.json']));
    expect(config).toMatchObject({ r: 4, base_model_name_or_path: emulator.modelName });
    await service.close();
    expect(clock.pending).toBe(0);
  });

  it('is the same, byte for byte, over cut connections and addresses that expire', async () => {
    let isTroubled = false;
    let exchanges = 0;
    const addresses = new Set<string>();
    const setup = await setUp({
      wrap: (fetch) => async (request) => {
        const response = await fetch(request);
        if (!isTroubled || !request.url.includes('/download')) return response;
        exchanges += 1;
        addresses.add(request.url);
        // The address has expired when the third exchange comes.
        if (exchanges === 2) setup.clock.jumpWall(16 * 60_000);
        return exchanges > 3 ? response : cutAfter(response, 1_500);
      },
    });
    const path = later(setup.paths, 2);
    const expected = await setup.clock.drive(
      setup.rest.downloadCheckpoint(path).then((download) => download.bytes()),
    );
    isTroubled = true;
    const download = await setup.clock.drive(setup.rest.downloadCheckpoint(path));
    expect(download.totalBytes).toBe(expected.length);
    const bytes = await setup.clock.drive(download.bytes());
    expect(Buffer.from(bytes).equals(Buffer.from(expected))).toBe(true);
    expect(exchanges).toBeGreaterThan(3);
    expect(addresses.size).toBe(2);
    await setup.service.close();
  });
});

/** A response whose connection breaks after so many bytes. */
function cutAfter({ body, status, headers }: Response, most: number): Response {
  const reader = body?.getReader();
  let left = most;
  const cut = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done) return controller.close();
        controller.enqueue(value.subarray(0, left));
        left -= value.length;
        if (left <= 0) controller.error(new TypeError('terminated'));
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(cut, { status, headers });
}

it('knows who asks, where the server gives tokens for keys', async () => {
  const { clock, service, emulator } = offline({ emulator: { jwt: true } });
  const identity = await clock.drive(service.createRestClient().whoami());
  expect(identity.userUrn).not.toBe('');
  expect(identity.email).toContain('@');
  await service.close();
  const plain = offline();
  expect(await driveToRejection(plain.clock, plain.service.createRestClient().whoami())).toMatchObject({
    code: 'input_invalid',
  });
  await plain.service.close();
  expect(emulator.modelName).not.toBe('');
});
