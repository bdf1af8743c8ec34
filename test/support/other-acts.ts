import { extractArchive } from '../../src/client/archive/tar-archive.ts';
import type { FetchLike } from '../../src/index.ts';
import { sleep } from '../../src/kernel/abort.ts';
import { type Act, type Stage, sampler, trainer } from './acts.ts';
import * as shapes from './result-shapes.ts';
import { passes } from './training-acts.ts';

const HOUR_MS = 3_600_000;
const saved = shapes.record({ path: shapes.name });

/** Samples side by side, with all that belongs to prompts. */
async function sample(stage: Stage): Promise<void> {
  const { call, together, limit } = stage;
  const sampling = await sampler(stage);
  if (sampling === undefined) return;
  const ask = (length: number, more: object) => {
    const prompt = Array.from({ length }, (_, index) => 65 + index);
    const request = { prompt, maxTokens: 3, seed: length, includePromptLogprobs: true, ...more };
    return () =>
      call(`sample ${length}`, shapes.sampleResponse(length), () => sampling.sample(request, limit));
  };
  await together([
    ask(2, {}),
    ask(3, { numSamples: 2, topkPromptLogprobs: 2 }),
    ask(4, { stop: [66], topkPromptLogprobs: 1 }),
    () =>
      call('computeLogprobs', shapes.promptLogprobs(5), () =>
        sampling.computeLogprobs([70, 71, 72, 73, 74], limit),
      ),
  ]);
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Everything that can be read of what the server keeps, and be changed. */
async function look(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  if (training === undefined) return;
  const { call, together, limit, service, clock, copies } = stage;
  await call('saveState', saved, () => training.saveState('one', limit));
  await call('saveWeightsForSampler', saved, () => training.saveWeightsForSampler('two', limit));
  const sampling = await sampler(stage);
  const rest = service.createRestClient();
  const run = training.modelId;
  const path = `tinker://${run}/weights/one`;
  const session = run.split(':')[0] ?? run;
  const hour = Math.floor(clock.now() / HOUR_MS) * HOUR_MS;
  const window = { startingOn: new Date(hour), endingBefore: new Date(hour + HOUR_MS) };
  const reads: readonly (readonly [name: string, shape: shapes.Shape, work: () => Promise<unknown>])[] = [
    ['getServerCapabilities', shapes.capabilities, () => service.getServerCapabilities(limit)],
    ['getTrainingRun', shapes.trainingRun, () => rest.getTrainingRun(run, {}, limit)],
    [
      'getTrainingRunByTinkerPath',
      shapes.trainingRun,
      () => rest.getTrainingRunByTinkerPath(path, {}, limit),
    ],
    ['getWeightsInfo', shapes.weightsInfo, () => rest.getWeightsInfo(path, limit)],
    ['listTrainingRuns', shapes.trainingRuns, () => all(rest.listTrainingRuns({}, limit))],
    ['listCheckpoints', shapes.checkpoints, () => all(rest.listCheckpoints(run, limit))],
    ['listUserCheckpoints', shapes.checkpoints, () => all(rest.listUserCheckpoints({ limit: 1 }, limit))],
    ['page', shapes.page, () => rest.listUserCheckpoints({ limit: 7 }, limit).page()],
    ['listSessions', shapes.listOf(shapes.text), () => all(rest.listSessions({}, limit))],
    ['getSession', shapes.session, () => rest.getSession(session, {}, limit)],
    ['getSampler', shapes.sampler, () => rest.getSampler(sampling?.samplingSessionId ?? 's', limit)],
    ['getBaseModel', shapes.text, async () => sampling?.getBaseModel(limit) ?? ''],
    ['getAuditLog', shapes.auditLog, () => rest.getAuditLog({}, limit)],
    ['getBillingUsage', shapes.billing, () => rest.getBillingUsage(window, limit)],
    ['exportSessionTrace', shapes.webAddress, () => rest.exportSessionTrace(session, limit)],
    ['getCheckpointArchiveUrl', shapes.archive, () => rest.getCheckpointArchiveUrl(path, limit)],
    ['getInfo', shapes.modelInfo, () => training.getInfo(limit)],
  ];
  const changes: readonly (readonly [name: string, shape: shapes.Shape, work: () => Promise<unknown>])[] = [
    ['assignSessionProject', shapes.nothing, () => rest.assignSessionProject(session, 'p', limit)],
    ['setCheckpointTtl', shapes.nothing, () => rest.setCheckpointTtl(path, 60, limit)],
    ['publishCheckpoint', shapes.nothing, () => rest.publishCheckpoint(path, limit)],
    ['unpublishCheckpoint', shapes.nothing, () => rest.unpublishCheckpoint(path, limit)],
  ];
  await together([
    ...reads.flatMap((read) => Array.from({ length: copies }, () => () => call(...read))),
    ...changes.map((change) => () => call(...change)),
  ]);
  const both = [path, `tinker://${run}/sampler_weights/two`];
  await call('deleteCheckpoints', shapes.nothing, () => rest.deleteCheckpoints(both, limit));
}

async function download(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  if (training === undefined) return;
  const { call, limit, service } = stage;
  await call('saveState', saved, () => training.saveState('one', limit));
  const path = `tinker://${training.modelId}/weights/one`;
  await call('downloadCheckpoint', shapes.files, async () => {
    const options = { ...limit, idleTimeoutMs: 5_000 };
    const archive = await service.createRestClient().downloadCheckpoint(path, options);
    const found: { readonly name: string; readonly bytes: Uint8Array }[] = [];
    for await (const entry of extractArchive(archive)) {
      found.push({ name: entry.name, bytes: await entry.bytes() });
    }
    return found;
  });
}

/** A session that stays open, while heartbeats, settings and tokens are asked for. */
async function stay(stage: Stage): Promise<void> {
  const { service, call, limit, clock } = stage;
  const identity = shapes.record({ userUrn: shapes.name, email: shapes.optional(shapes.text) });
  await call('whoami', identity, () => service.createRestClient().whoami(limit));
  await sampler(stage);
  await sleep(clock, 330_000);
  await call('getServerCapabilities', shapes.capabilities, () => service.getServerCapabilities(limit));
}

/** A server that answers with JSON where the hosted one redirects. */
const jsonArchive =
  (fetch: FetchLike): FetchLike =>
  async (request) => {
    const answer = await fetch(request);
    const url = answer.headers.get('location');
    return url === null ? answer : Response.json({ url, expires: '2026-11-14T23:00:00.5+01:00' });
  };

/** A server that tells the ids of the sequences with the submission. */
const namedSequences =
  (fetch: FetchLike): FetchLike =>
  async (request) => {
    const answer = await fetch(request);
    if (!request.url.endsWith('/asample')) return answer;
    return Response.json({ ...(await answer.json()), sample_sequence_ids: ['a', 'b'] });
  };

/** Acts of the other clients, and of the service. */
export const OTHER_ACTS: readonly Act[] = [
  { name: 'sampling in JSON', client: { wireFormat: 'json' }, wrap: namedSequences, play: sample },
  { name: 'sampling in protobuf', play: sample },
  { name: 'records', play: look },
  { name: 'a download', play: download },
  { name: 'a download whose address comes in JSON', wrap: jsonArchive, play: download },
  {
    name: 'tokens and heartbeats',
    emulator: { jwt: { lifetimeMs: 200_000 } },
    client: { telemetry: true },
    play: stay,
  },
  { name: 'telemetry of failures', client: { telemetry: true }, play: passes },
];
