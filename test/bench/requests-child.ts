import { type LoopName, SAMPLING_LOOPS, sampleMany } from './sampling-loops.ts';

// One client in a process of its own: `requests-child.ts NAME BASE_URL SAMPLES`. Prints a RequestsReport.

/** CPU time of the process per request, in microseconds. */
export interface RequestsReport {
  /** Over a connection. */
  readonly network: number;
  /** Against a `fetch` in memory: the client's own code. */
  readonly memory: number;
}

const AT_ONCE = 4;
const REQUESTS_PER_SAMPLE = 2;

const RESULT = JSON.stringify({
  sequences: [
    {
      stop_reason: 'length',
      tokens: Array.from({ length: 16 }, (_, i) => 1_000 + i),
      logprobs: Array.from({ length: 16 }, (_, i) => -0.125 * (i + 1)),
    },
  ],
  prompt_cache_hit_tokens: 0,
  type: 'sample',
});

const ANSWERS: Readonly<Record<string, string>> = {
  create_session: '{"session_id":"session"}',
  create_sampling_session: '{"sampling_session_id":"session:sample:0"}',
  asample: '{"request_id":"future"}',
  retrieve_future: RESULT,
};

const memoryFetch = async (input: Request | string): Promise<Response> => {
  const url = typeof input === 'string' ? input : input.url;
  const text = ANSWERS[url.slice(url.lastIndexOf('/') + 1)] ?? '{}';
  return new Response(text, { headers: { 'content-type': 'application/json' } });
};

async function cpuPerRequest(
  name: LoopName,
  server: Parameters<(typeof SAMPLING_LOOPS)[LoopName]>[0],
  samples: number,
): Promise<number> {
  const loop = await SAMPLING_LOOPS[name](server);
  // Until the engine has seen it often enough.
  await sampleMany(loop, samples, AT_ONCE);
  gc();
  const before = process.cpuUsage();
  await sampleMany(loop, samples, AT_ONCE);
  const { user, system } = process.cpuUsage(before);
  await loop.close();
  return (user + system) / (samples * REQUESTS_PER_SAMPLE);
}

declare const gc: () => void;

const [name, baseUrl = '', samples] = process.argv.slice(2);
const network = await cpuPerRequest(name as LoopName, { baseUrl }, Number(samples));
const memory = await cpuPerRequest(name as LoopName, { baseUrl, fetch: memoryFetch }, Number(samples));
const report: RequestsReport = { network, memory };
console.log(JSON.stringify(report));
// Connections that are kept alive would hold it for seconds.
process.exit();
