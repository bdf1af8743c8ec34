import { withTemporaryFolder } from '../runtimes/temporary-folder.ts';
import { type Bench, interleaved, type Row } from './bench.ts';
import type { EmulatorReport } from './emulator-child.ts';
import { LENGTH, SAMPLED, SEQUENCES, type WorkName } from './emulator-works.ts';
import { bundled, runForJson, runtimePrograms } from './runtime-programs.ts';
import { withWorker } from './worker-process.ts';

type Speeds = Readonly<Record<WorkName, number>>;

const WORKER_ROUNDS = 7;
const WORKS: readonly WorkName[] = ['step', 'step products', 'sample', 'sample products', 'large product'];

export const emulator: Bench = {
  name: 'emulator',
  title:
    `A training step of ${(SEQUENCES * LENGTH).toLocaleString('en')} tokens, ${SEQUENCES} sequences of ${LENGTH}, and ${SAMPLED} tokens sampled one after the other, with the\n` +
    'default model. "of products": operations per second beside those of the same matrix products alone, of the same shapes,\n' +
    'in the same order, on the same backend; only products count as operations. Medians of interleaved rounds in one process.',
  run: () =>
    withTemporaryFolder('bench', async (folder) => {
      const script = await bundled('emulator-child.ts', folder);
      const rows: Row[] = [];
      const programs = await runtimePrograms();
      for (const program of programs) {
        const { simd, javascript } = await runForJson<EmulatorReport>(program, script);
        rows.push(rowOf(program.name, 'SIMD', simd), rowOf(program.name, 'JavaScript', javascript));
      }
      if (programs.length > 1)
        rows.push(
          rowOf('workerd', 'JavaScript', await workerSpeeds(await bundled('emulator-worker.ts', folder))),
        );
      return rows;
    }),
};

function workerSpeeds(script: string): Promise<Speeds> {
  return withWorker(script, async (ask) => {
    const flops = new Map<string, number>();
    const ofWork = (name: WorkName) => async (): Promise<void> => {
      flops.set(name, Number(await ask(`/${encodeURIComponent(name)}`)));
    };
    const medians = await interleaved(
      WORKER_ROUNDS,
      Object.fromEntries(WORKS.map((name) => [name, ofWork(name)])),
    );
    return Object.fromEntries(
      WORKS.map((name) => [name, (flops.get(name) ?? Number.NaN) / 1e6 / (medians[name] ?? Number.NaN)]),
    ) as Speeds;
  });
}

function rowOf(runtime: string, backend: string, speeds: Speeds): Row {
  return {
    runtime,
    backend,
    'step: of products': speeds.step / speeds['step products'],
    'step GFLOP/s': speeds.step,
    'products GFLOP/s': speeds['step products'],
    'large product GFLOP/s': speeds['large product'],
    'sampling: of products': speeds.sample / speeds['sample products'],
    'sampling GFLOP/s': speeds.sample,
  };
}
