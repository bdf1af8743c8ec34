import { type LoopName, SAMPLING_LOOPS, type SamplingLoop } from './sampling-loops.ts';

// One client in a process of its own: `concurrency-child.ts NAME BASE_URL SAMPLES RESULT_MS`. Prints a ConcurrencyReport.

/** What so many samples at once cost. */
export interface ConcurrencyReport {
  /** Samples a second where each result takes its time. */
  readonly throughput: number;
  /** The same where results are there at once: the client works without a pause. */
  readonly busyThroughput: number;
  /** Heap and typed arrays while all of them wait for their results, above what there was before, per sample. */
  readonly bytesHeld: number;
  /** The most that the process had in memory, in bytes, per sample. */
  readonly peakBytes: number;
  /** CPU time while all of them wait, in percent of a core. */
  readonly idlePercent: number;
}

declare const gc: () => void;

/** For how long the client is watched while nothing happens. */
const IDLE_MS = 1_500;
const SETTLE_MS = 1_000;
const BURST = 500;

const [name, baseUrl, samplesText, resultMs] = process.argv.slice(2);
const samples = Number(samplesText);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const control = async (command: string, body: object = {}): Promise<{ readonly held: number }> => {
  const response = await fetch(`${baseUrl}/bench/${command}`, { method: 'POST', body: JSON.stringify(body) });
  return (await response.json()) as { held: number };
};
const startAll = (loop: SamplingLoop, count = samples): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, () => loop.sample()));

/** Samples a second. */
async function throughput(loop: SamplingLoop, ms: number): Promise<number> {
  await control('delay', { ms });
  const startedAt = performance.now();
  await startAll(loop);
  return (samples * 1_000) / (performance.now() - startedAt);
}

async function inUse(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    gc();
    await pause(50);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** All of them wait on polls that the server holds. */
async function held(loop: SamplingLoop): Promise<readonly [bytes: number, idlePercent: number]> {
  await control('delay', { ms: null });
  const before = await inUse();
  const all = startAll(loop);
  while ((await control('count')).held < samples) await pause(100);
  const bytes = (await inUse()) - before;
  // What the engine tidies up after a collection is not idleness.
  await pause(SETTLE_MS);
  const [cpu, startedAt] = [process.cpuUsage(), performance.now()];
  await pause(IDLE_MS);
  const { user, system } = process.cpuUsage(cpu);
  const idlePercent = (user + system) / 10 / (performance.now() - startedAt);
  await control('release');
  await all;
  return [bytes / samples, idlePercent];
}

const loop = await SAMPLING_LOOPS[name as LoopName]({ baseUrl: baseUrl ?? '', connections: samples + 300 });
await control('delay', { ms: 0 });
for (let burst = 0; burst < 3; burst++) await startAll(loop, BURST);
const busyThroughput = await throughput(loop, 0);
const rate = await throughput(loop, Number(resultMs));
const [bytesHeld, idlePercent] = await held(loop);
const report: ConcurrencyReport = {
  throughput: rate,
  busyThroughput,
  bytesHeld,
  peakBytes: (process.resourceUsage().maxRSS * 1_024) / samples,
  idlePercent,
};
await control('forget');
await loop.close();
console.log(JSON.stringify(report));
process.exit();
