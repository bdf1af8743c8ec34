import { SAMPLING_LOOPS, type SamplingLoop } from './sampling-loops.ts';

// Both clients in one process, in turns: `latency-child.ts BASE_URL SAMPLES`. Prints a LatencyReport.

/** Milliseconds from the moment in which the server has a result to the moment in which it is the caller's, in order. */
export interface LatencyReport {
  readonly bare: readonly number[];
  readonly isotinker: readonly number[];
  /** The same while a few hundred other samples wait. */
  readonly bareAmongOthers: readonly number[];
  readonly isotinkerAmongOthers: readonly number[];
}

const OTHERS = 200;
const WARM_UP = 30;

const [baseUrl = '', samplesText] = process.argv.slice(2);
const samples = Number(samplesText);

interface Control {
  readonly held: number;
  readonly readyAt: Readonly<Record<string, number>>;
}

const control = async (command: string, body: object = {}): Promise<Control> => {
  const response = await fetch(`${baseUrl}/bench/${command}`, { method: 'POST', body: JSON.stringify(body) });
  return (await response.json()) as Control;
};

async function addedTimes(loops: readonly SamplingLoop[], count: number): Promise<readonly number[][]> {
  const ended = loops.map(() => new Map<string, number>());
  for (let i = 0; i < count; i++) {
    // Results that come at other times than timers do.
    await control('delay', { ms: 5 + (i % 11) });
    // Each goes first as often as the other: the second finds a server that is warm.
    const turns = [...loops.entries()];
    for (const [index, loop] of i % 2 === 0 ? turns : turns.reverse()) {
      const id = await loop.sample();
      ended[index]?.set(id, performance.timeOrigin + performance.now());
    }
  }
  const { readyAt } = await control('stamps');
  return ended.map((times) =>
    [...times].map(([id, at]) => at - (readyAt[id] ?? Number.NaN)).sort((a, b) => a - b),
  );
}

const bare = await SAMPLING_LOOPS['bare fetch']({ baseUrl });
const isotinker = await SAMPLING_LOOPS.isotinker({ baseUrl });
await addedTimes([bare, isotinker], WARM_UP);
const [alone = [], aloneOurs = []] = await addedTimes([bare, isotinker], samples);
await control('delay', { ms: null });
const others = Array.from({ length: OTHERS }, (_, i) => (i % 2 === 0 ? bare : isotinker).sample());
while ((await control('count')).held < OTHERS) await new Promise((resolve) => setTimeout(resolve, 50));
const [among = [], amongOurs = []] = await addedTimes([bare, isotinker], samples);
await control('release');
await Promise.all(others);
await isotinker.close();
const report: LatencyReport = {
  bare: alone,
  isotinker: aloneOurs,
  bareAmongOthers: among,
  isotinkerAmongOthers: amongOurs,
};
console.log(JSON.stringify(report));
process.exit();
