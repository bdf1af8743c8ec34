import { interleaved } from './bench.ts';
import { emulatorWorks, type Work, type WorkName } from './emulator-works.ts';

// Times the works of both backends in whatever runtime it is started, and prints their operations per second.

/** GFLOP/s of each work. */
export type EmulatorReport = Readonly<Record<'simd' | 'javascript', Readonly<Record<WorkName, number>>>>;

const ROUNDS = 9;

async function main(): Promise<void> {
  const works = new Map<string, Work>();
  for (const backend of ['simd', 'javascript'] as const)
    for (const [name, work] of Object.entries(emulatorWorks(backend))) works.set(`${backend} ${name}`, work);
  const medians = await interleaved(
    ROUNDS,
    Object.fromEntries([...works].map(([name, { run }]) => [name, async () => run()])),
  );
  const speeds = (backend: string) =>
    Object.fromEntries(
      [...works]
        .filter(([name]) => name.startsWith(backend))
        .map(([name, { flops }]) => [
          name.slice(backend.length + 1),
          flops / 1e6 / (medians[name] ?? Number.NaN),
        ]),
    );
  console.log(JSON.stringify({ simd: speeds('simd'), javascript: speeds('javascript') }));
}

await main();
