import type { Checkpoint, RestClient, TrainingClient } from 'isotinker';
import type { World } from './world.ts';

/** What the server keeps: lists, changes, the account. @returns the path of saved weights. */
export async function runRest(world: World, training: TrainingClient, started: Date): Promise<string> {
  const rest = world.service('main').createRestClient();
  await runs(world, training, rest);
  await checkpoints(world, training, rest);
  const path = await changes(world, training, rest);
  await sessions(world, training, rest);
  await account(world, rest, started);
  return path;
}

/** A checkpoint without what differs between two runs: names of runs, and times. */
function shape({
  checkpointId,
  checkpointType,
  tinkerPath,
  sizeBytes,
  isPublic,
  expiresAt,
}: Checkpoint): string {
  const name = tinkerPath.split('/').slice(-2).join('/');
  const expires = expiresAt === undefined ? 'never' : 'sometime';
  return `${checkpointId} ${checkpointType} ${name} ${sizeBytes} ${isPublic} ${expires}`;
}

/** What follows the session in an id. */
function local(id: string): string {
  return id.slice(id.indexOf(':') + 1);
}

function pairs(metadata: Readonly<Record<string, string>> | undefined): string[] {
  const entries = Object.entries(metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, value]) => `${key}=${value}`);
}

async function runs({ record }: World, { modelId }: TrainingClient, rest: RestClient): Promise<void> {
  const run = await rest.getTrainingRun(modelId);
  const same = await rest.getTrainingRunByTinkerPath(`tinker://${modelId}/weights/state`);
  const isSame = same.trainingRunId === run.trainingRunId;
  record.words('run/words', [run.baseModel, run.isLora, run.isCorrupted, isSame]);
  record.words('run/metadata', pairs(run.userMetadata));
  record.wholes('run/rank', [[run.loraRank ?? 0]]);
  const last = [run.lastCheckpoint, run.lastSamplerCheckpoint];
  record.words(
    'run/last checkpoints',
    last.map((checkpoint) => checkpoint && shape(checkpoint)),
  );
  const pages = [];
  for (const offset of [0, 2]) pages.push(await rest.listTrainingRuns({ limit: 2, offset }).page());
  record.words(
    'runs/ids',
    pages.flatMap(({ items }) => items.map(({ trainingRunId }) => local(trainingRunId))),
  );
  record.wholes(
    'runs/cursors',
    pages.map(({ cursor }) => (cursor ? [cursor.offset, cursor.limit, cursor.totalCount] : [])),
  );
}

async function checkpoints({ record }: World, { modelId }: TrainingClient, rest: RestClient): Promise<void> {
  record.words('checkpoints/of the run', (await rest.listCheckpoints(modelId).page()).items.map(shape));
  const { items, cursor } = await rest.listUserCheckpoints({ limit: 3 }).page();
  record.words('checkpoints/of the account', items.map(shape));
  record.wholes('checkpoints/cursor', [cursor ? [cursor.offset, cursor.limit, cursor.totalCount] : []]);
  const info = await rest.getWeightsInfo(`tinker://${modelId}/weights/state`);
  const { baseModel, isLora, loraRank, trainAttn, trainMlp, trainUnembed } = info;
  record.words('weights/info', [baseModel, isLora, loraRank, trainAttn, trainMlp, trainUnembed]);
}

async function changes({ record }: World, training: TrainingClient, rest: RestClient): Promise<string> {
  const { path } = await training.saveWeightsForSampler('public');
  const { path: other } = await training.saveWeightsForSampler('other');
  const listed = async (): Promise<string[]> =>
    (await rest.listCheckpoints(training.modelId).page()).items.map(shape);
  await rest.publishCheckpoint(path);
  record.words('changes/published', await listed());
  await rest.unpublishCheckpoint(path);
  await rest.setCheckpointTtl(path, 600);
  record.words('changes/private, for a while', await listed());
  await rest.setCheckpointTtl(path, null);
  await rest.deleteCheckpoint(other);
  record.words('changes/for ever, one deleted', await listed());
  return path;
}

async function sessions({ record }: World, { modelId }: TrainingClient, rest: RestClient): Promise<void> {
  const session = modelId.slice(0, modelId.indexOf(':'));
  await rest.assignSessionProject(session, 'project-1');
  const { items } = await rest.listSessions().page();
  record.words(
    'sessions/listed',
    items.map((id) => id === session),
  );
  const { trainingRunIds, samplerIds } = await rest.getSession(session);
  record.words('sessions/runs', trainingRunIds.map(local));
  record.words('sessions/samplers', samplerIds.map(local));
  const sampler = await rest.getSampler(`${session}:sample:0`);
  record.words('sessions/sampler', [sampler.baseModel, (sampler.modelPath ?? 'none').split('/').at(-1)]);
  const { cursor } = await rest.listTrainingRuns({ projectId: 'project-1' }).page();
  record.wholes('sessions/in the project', [[cursor?.totalCount ?? 0]]);
}

async function account({ record }: World, rest: RestClient, started: Date): Promise<void> {
  const days = [...new Set([started, new Date()].map((date) => date.toISOString().slice(0, 10)))];
  const entries = [];
  for (const day of days) entries.push(...(await rest.getAuditLog({ eventType: 'all', day })));
  record.words(
    'account/audit log',
    entries.map(({ event, purpose }) => `${event} ${purpose ?? 'none'}`),
  );
  const hour = Math.floor(started.getTime() / 3_600_000) * 3_600_000;
  const usage = await rest.getBillingUsage({
    startingOn: new Date(hour),
    endingBefore: new Date(hour + 2 * 3_600_000),
  });
  const amounts = new Map<string, number>();
  for (const { eventInfo: info } of usage.events) {
    if (info.type === 'storage' || info.type === 'other') continue; // The first grows with time.
    // What was cached of prompts depends on which of many came first.
    const amount = info.type === 'checkpoint' ? info.count : info.tokenCount;
    amounts.set(info.type, (amounts.get(info.type) ?? 0) + amount);
  }
  record.words(
    'account/usage',
    [...amounts.keys()].sort().map((key) => `${key} ${amounts.get(key)}`),
  );
  record.words(
    'account/metadata',
    Object.values(usage.sessions).flatMap(({ userMetadata }) => pairs(userMetadata)),
  );
}

/** Two polls, five seconds apart: time enough for a heartbeat. */
export async function runTrace(world: World, { modelId }: TrainingClient): Promise<void> {
  const rest = world.service('main').createRestClient();
  const url = await rest.exportSessionTrace(modelId.slice(0, modelId.indexOf(':')));
  world.record.words('trace/has an address', [url.startsWith('http://127.0.0.1:')]);
}
