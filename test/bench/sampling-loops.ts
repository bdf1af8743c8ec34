import ky from 'ky';
import { createServiceClient, type FetchLike } from '../../src/index.ts';

/** Somebody who samples, as often as asked: hands in, polls to the result, reads it. */
export interface SamplingLoop {
  /** One sample. @returns the server's id of it. */
  sample(): Promise<string>;
  close(): Promise<void>;
}

/** Where it samples. */
export interface LoopServer {
  readonly baseUrl: string;
  /** @default the platform's, as each client uses it by itself */
  readonly fetch?: FetchLike | undefined;
  /** Connections at once, for who has a limit of them. */
  readonly connections?: number | undefined;
}

const API_KEY = 'tml-bench-0123456789abcdef0123456789abcdef';
const PROMPT = Array.from({ length: 32 }, (_, i) => 500 + i);
const MAX_TOKENS = 16;
const LEG_MS = 45_000;

/** The same body that isotinker sends. */
const sampleBody = (number: number): object => ({
  num_samples: 1,
  prompt: { chunks: [{ tokens: PROMPT, type: 'encoded_text' }] },
  sampling_params: { max_tokens: MAX_TOKENS, temperature: 1, top_k: -1, top_p: 1 },
  sampling_session_id: 'session:sample:0',
  seq_id: number,
  prompt_logprobs: false,
  type: 'sample',
});
const pollBody = (id: string): object => ({ request_id: id, allow_metadata_only: true });

/** A loop over two calls, whoever makes them. */
function loopOver(post: (path: string, body: object) => Promise<Response>): SamplingLoop {
  let next = 0;
  return {
    async sample() {
      const submitted = await post('/api/v1/asample', sampleBody(next++));
      if (!submitted.ok) throw new Error(`asample answered ${submitted.status}`);
      const { request_id: id } = (await submitted.json()) as { request_id: string };
      for (;;) {
        const response = await post('/api/v1/retrieve_future', pollBody(id));
        const result = (await response.json()) as { sequences?: unknown[] };
        if (response.status === 408) continue;
        if (result.sequences?.length !== 1) throw new Error(`retrieve_future answered ${response.status}`);
        return id;
      }
    },
    close: async () => {},
  };
}

function bareFetch({ baseUrl, fetch = globalThis.fetch as FetchLike }: LoopServer): SamplingLoop {
  const send = fetch as unknown as typeof globalThis.fetch;
  const headers = { 'x-api-key': API_KEY, accept: 'application/json', 'content-type': 'application/json' };
  return loopOver((path, body) =>
    send(`${baseUrl}${path}`, { method: 'POST', headers, body: JSON.stringify(body) }),
  );
}

const kyOptions = ({ fetch }: LoopServer) => ({
  headers: { 'x-api-key': API_KEY, accept: 'application/json' },
  retry: 0,
  timeout: false as const,
  throwHttpErrors: false,
  ...(fetch && { fetch: fetch as unknown as typeof globalThis.fetch }),
});

function kyMinimal(server: LoopServer): SamplingLoop {
  const client = ky.create(kyOptions(server));
  return loopOver((path, json) => client.post(`${server.baseUrl}${path}`, { json }));
}

/** With what a client of long polls cannot do without: a limit for each request, and a signal that ends them. */
function kyLimited(server: LoopServer): SamplingLoop {
  const client = ky.create({ ...kyOptions(server), timeout: LEG_MS });
  return loopOver((path, json) => {
    const { signal } = new AbortController();
    return client.post(`${server.baseUrl}${path}`, { json, signal });
  });
}

async function isotinker({ baseUrl, fetch, connections }: LoopServer): Promise<SamplingLoop> {
  const service = createServiceClient({ apiKey: API_KEY, baseUrl, fetch, connections });
  const sampler = await service.createSamplingClient({ baseModel: 'bench' });
  const request = { prompt: PROMPT, maxTokens: MAX_TOKENS };
  return {
    async sample() {
      const future = sampler.sample(request);
      const { sequences } = await future;
      if (sequences.length !== 1) throw new Error('no sequence');
      return future.requestId ?? '';
    },
    close: () => service.close(),
  };
}

/** Who samples, by name. They send the same requests with the same bodies. */
export const SAMPLING_LOOPS = {
  'bare fetch': bareFetch,
  'ky, no limits': kyMinimal,
  'ky, timeout and signal': kyLimited,
  isotinker,
} as const satisfies Readonly<Record<string, (server: LoopServer) => SamplingLoop | Promise<SamplingLoop>>>;

export type LoopName = keyof typeof SAMPLING_LOOPS;

/** So many samples, at most so many of them at once. */
export async function sampleMany(loop: SamplingLoop, count: number, atOnce: number): Promise<void> {
  let left = count;
  const work = async (): Promise<void> => {
    while (left-- > 0) await loop.sample();
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, work));
}
