import { expect, it } from 'vitest';
import { scriptedService } from '../support/service.ts';
import { driveToRejection, rejection } from '../support/settled.ts';

const RUN = 'training_runs/sess-1%3Atrain%3A0/checkpoints';

/** A server on which the first save gets lost, and a repetition is refused; `time` is that of the checkpoint it lists. */
async function setUp(
  checkpoint: { readonly id?: string; readonly path?: string; readonly time?: string | number | null },
  listing = 200,
) {
  const { id = 'weights/final', path = 'tinker://sess-1:train:0/weights/final', time } = checkpoint;
  const conflict = { status: 409, body: { detail: "Checkpoint 'final' already exists" } };
  const base = scriptedService({
    save_weights: [{ status: 503 }, conflict],
    save_weights_for_sampler: [{ status: 503 }, conflict],
    [RUN]: [
      {
        status: listing,
        body: { checkpoints: [{ checkpoint_id: id, tinker_path: path, time, public: false }] },
      },
    ],
  });
  const training = await base.clock.drive(base.service.createLoraTrainingClient({ baseModel: 'm' }));
  return { ...base, training };
}

// The virtual clock starts at 1,700,000,000,000: 2023-11-14T22:13:20Z.
const JUST_NOW = '2023-11-14T22:13:20.300';
const EARLIER = '2023-11-14T22:12:10.000';

it.each<readonly [string, { readonly time: string | number; readonly path?: string; readonly id?: string }]>([
  ['with a zone', { time: `${JUST_NOW}Z` }],
  ['without a zone, which is UTC', { time: JUST_NOW }],
  ['in another zone', { time: '2023-11-15T00:13:20.300+02:00' }],
  ['with a space', { time: JUST_NOW.replace('T', ' ') }],
  ['in seconds since the epoch', { time: 1_700_000_000.3 }],
  ['known by its id alone', { time: JUST_NOW, path: 'tinker://other/final' }],
  ['known by its path alone', { time: JUST_NOW, id: 'final' }],
])('item 34: a save that was lost on its way is found in the list: %s', async (_, checkpoint) => {
  const { training, clock, requests, finish } = await setUp(checkpoint);
  const { path } = await clock.drive(training.saveState('final'));
  expect(path).toBe(checkpoint.path ?? 'tinker://sess-1:train:0/weights/final');
  // Its number is taken: the server has carried it out.
  await clock.drive(training.optimStep());
  expect(requests.at(-2)?.body).toMatchObject({ seq_id: 2, type: 'optim_step' });
  await finish();
});

it('item 34: holds for weights to sample from, which are another kind', async () => {
  const path = 'tinker://sess-1:train:0/sampler_weights/final';
  const found = await setUp({ id: 'sampler_weights/final', path, time: JUST_NOW });
  expect(await found.clock.drive(found.training.saveWeightsForSampler('final'))).toEqual({ path });
  await found.finish();
  const other = await setUp({ time: JUST_NOW });
  expect(await driveToRejection(other.clock, other.training.saveWeightsForSampler('final'))).toMatchObject({
    code: 'submit_ambiguous',
  });
  await other.finish();
});

it.each<readonly [string, Parameters<typeof setUp>]>([
  ['it is older than the save', [{ time: EARLIER }]],
  ['its age is unknown', [{ time: null }]],
  ['its age cannot be read', [{ time: 'yesterday' }]],
  [
    'it has another name',
    [{ id: 'weights/first', path: 'tinker://sess-1:train:0/weights/first', time: JUST_NOW }],
  ],
  ['there is no list', [{ time: JUST_NOW }, 404]],
])('item 34: is not taken for saved where %s', async (_, server) => {
  const { training, clock, finish } = await setUp(...server);
  expect(await driveToRejection(clock, training.saveState('final'))).toMatchObject({
    code: 'submit_ambiguous',
    sequenceId: 1,
    cause: { status: 409 },
  });
  expect(await rejection(training.optimStep())).toMatchObject({ code: 'client_poisoned' });
  await finish();
});

it('item 34: is a plain refusal where nothing was lost before', async () => {
  const base = scriptedService({ save_weights: [{ status: 409, body: { detail: 'exists' } }] });
  const training = await base.clock.drive(base.service.createLoraTrainingClient({ baseModel: 'm' }));
  expect(await driveToRejection(base.clock, training.saveState('final'))).toMatchObject({
    code: 'http_status',
    status: 409,
    attempts: 1,
  });
  await base.clock.drive(training.optimStep());
  await base.finish();
});
