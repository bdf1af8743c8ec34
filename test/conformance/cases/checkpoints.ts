import { decodeSafetensors, encodeSafetensors } from '../../../src/emulator/checkpoints/safetensors.ts';
import { encodeTar } from '../../../src/emulator/checkpoints/tar.ts';
import { extractArchive, type TrainingClient } from '../../../src/index.ts';
import { encodeUtf8 } from '../../../src/kernel/bytes.ts';
import { memoryStorage } from '../../../src/storage/memory.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { batch } from '../../support/offline.ts';
import { assertAlike, assertEqual, assertFails, assertTrue, bitsOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { type OfflineClient, offlineClient } from '../offline-client.ts';

/** Checkpoints: weights and optimizer come back to the bit, in files that others read. */
export function checkpointCases(): readonly ConformanceCase[] {
  return [...savedCases(), ...archiveCases(), ...fileCases()];
}

/** The losses of some steps. */
async function losses(
  { clock }: OfflineClient,
  training: TrainingClient,
  count = 3,
): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  for (let step = 0; step < count; step++) {
    const { forwardBackward } = await clock.drive(
      training.trainStep(batch(2, 9, step), 'cross_entropy', { learningRate: 0.02 }),
    );
    seen.push(forwardBackward.metrics['loss:sum']);
  }
  return seen;
}

/** A store that tells the bits of each file of weights that was kept in it. */
function watched(): { readonly storage: Storage; readonly bits: string[] } {
  const inner = memoryStorage();
  const bits: string[] = [];
  const storage: Storage = {
    ...inner,
    async set(key, value, options) {
      if (key.includes('/weights/')) bits.push(bitsOf(value));
      await inner.set(key, value, options);
    },
  };
  return { storage, bits };
}

function savedCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'emulator: a saved state is the same file everywhere: weights and optimizer to the bit',
      async run() {
        const { storage, bits } = watched();
        const setup = offlineClient({ emulator: { storage } });
        const training = await setup.train();
        const seen = await losses(setup, training);
        await setup.clock.drive(training.saveState('three'));
        await setup.finish();
        assertEqual('files', bits.length, 1);
        return textOf([seen, bits]);
      },
    },
    {
      name: 'emulator: another client on another server goes on from a checkpoint with the identical losses',
      async run() {
        const storage = memoryStorage();
        const before = offlineClient({ emulator: { storage } });
        const training = await before.train();
        await losses(before, training);
        const { path } = await before.clock.drive(training.saveState('three'));
        const uninterrupted = await losses(before, training);
        await before.finish();
        const after = offlineClient({ emulator: { storage } });
        const resumed = await after.clock.drive(
          after.service.createTrainingClientFromState(path, { optimizer: true }),
        );
        assertAlike('with the optimizer', await losses(after, resumed), uninterrupted);
        await after.clock.drive(resumed.loadState(path));
        const without = await losses(after, resumed);
        assertEqual('the first without it', without[0], uninterrupted[0]);
        assertTrue('the last without it', without[2] !== uninterrupted[2]);
        await after.finish();
        return textOf([uninterrupted, without]);
      },
    },
  ];
}

function archiveCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'emulator: a checkpoint is downloaded as the same archive everywhere, and taken apart',
      async run() {
        const setup = offlineClient();
        const { clock } = setup;
        const training = await setup.train();
        await losses(setup, training);
        const { path } = await clock.drive(training.saveWeightsForSampler('final'));
        const rest = setup.service.createRestClient();
        const download = await clock.drive(rest.downloadCheckpoint(path));
        const archive = await clock.drive(download.bytes());
        const files = await filesOf(archive);
        assertAlike(
          'names',
          files.map(({ name }) => name),
          ['adapter_config.json', 'adapter_model.safetensors', 'checkpoint_complete'],
        );
        const { tensors } = decodeSafetensors(files[1]?.bytes ?? new Uint8Array());
        assertTrue(
          'tensors',
          tensors.length > 10 && tensors.some(({ values }) => values.some((value) => value !== 0)),
        );
        await setup.finish();
        return textOf([archive.length, bitsOf(archive), files.map(({ bytes }) => bitsOf(bytes))]);
      },
    },
    {
      name: 'emulator: an archive packed with gzip is unpacked by the platform, and a cut one is an error',
      async run() {
        const tar = encodeTar([{ name: 'a/b.bin', bytes: new Uint8Array(200_000).map((_, i) => i >> 3) }], 0);
        const packed = await gzip(tar);
        assertTrue('it is packed', packed.length < tar.length / 2);
        assertEqual(
          'unpacked',
          bitsOf((await filesOf(packed))[0]?.bytes ?? new Uint8Array()),
          bitsOf((await filesOf(tar))[0]?.bytes ?? new Uint8Array()),
        );
        for (const length of [packed.length >> 1, packed.length - 1])
          await assertFails(
            `cut at ${length}`,
            () => filesOf(packed.slice(0, length)),
            'TinkerResponseError',
          );
        for (const length of [100, 600, tar.length - 1_025])
          await assertFails(`cut at ${length}`, () => filesOf(tar.slice(0, length)), 'TinkerResponseError');
      },
    },
    {
      name: 'emulator: what runs are there, and what they have saved, is listed alike',
      async run() {
        const setup = offlineClient();
        const { clock } = setup;
        const training = await setup.train();
        const saved = [
          await clock.drive(training.saveState('one')),
          await clock.drive(training.saveWeightsForSampler('two', { ttlSeconds: 3_600 })),
        ];
        const rest = setup.service.createRestClient();
        const run = await clock.drive(rest.getTrainingRun(training.modelId));
        const { items } = await clock.drive(rest.listUserCheckpoints().page());
        assertEqual('checkpoints', items.length, 2);
        await clock.drive(rest.deleteCheckpoint(saved[0]?.path ?? ''));
        const left = await clock.drive(rest.listUserCheckpoints().page());
        await setup.finish();
        const told = [...items, ...left.items].map((checkpoint) => JSON.stringify(checkpoint));
        return [JSON.stringify(run), ...told].join('\n').replaceAll(training.modelId, 'the run');
      },
    },
  ];
}

async function filesOf(archive: Uint8Array) {
  const files: { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[] = [];
  for await (const entry of extractArchive(archive))
    files.push({ name: entry.name, bytes: await entry.bytes() });
  return files;
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

function fileCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'emulator: tar and safetensors are the same bytes everywhere, and come back',
      async run() {
        const tensors = [
          { name: 'a', shape: [2, 2], values: Float32Array.of(0.1, -0, Number.POSITIVE_INFINITY, 1e-45) },
          { name: 'ünïcode', shape: [0], values: new Float32Array() },
        ];
        const file = encodeSafetensors({ metadata: { format: 'pt', of: '😀' }, tensors });
        assertAlike('tensors', decodeSafetensors(file).tensors, tensors);
        const tar = encodeTar(
          [
            { name: 'é.bin', bytes: file },
            { name: 'empty', bytes: new Uint8Array() },
          ],
          1_700_000_000_999,
        );
        const files = await filesOf(tar);
        assertAlike(
          'names',
          files.map(({ name }) => name),
          ['é.bin', 'empty'],
        );
        assertEqual('content', files[0]?.bytes, file);
        return `${bitsOf(file)} ${bitsOf(tar)}`;
      },
    },
    {
      name: 'emulator: an archive that would write elsewhere, or is none, is refused',
      async run() {
        for (const name of ['../up', '/root', 'a/../../b'])
          await assertFails(
            name,
            () => filesOf(encodeTar([{ name, bytes: new Uint8Array(3) }], 0)),
            'TinkerResponseError',
          );
        await assertFails('no tar', () => filesOf(encodeUtf8('x'.repeat(2_048))), 'TinkerResponseError');
        await assertFails('no source', () => filesOf(5 as unknown as Uint8Array), 'TinkerInputError');
      },
    },
  ];
}
