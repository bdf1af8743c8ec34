import {
  createServiceClient,
  isTinkerError,
  type SamplingClient,
  type ServiceClient,
  type TinkerEvent,
} from 'isotinker';
import { indexedDbStorage } from 'isotinker/storage/indexeddb';
import { type Answer, type SeenRequest, scriptedFetch } from 'isotinker/testing';
import { healthyScript } from '../support/service.ts';
import { createSteadyTime, type SteadyTime } from './steady-time.ts';

// Runs in a page or a worker.

/** What a client's server answers to the submission of a sample; it is healthy apart from that. */
export type SamplingServer = 'healthy' | 'limits the first' | 'is down' | 'fails every other';

/** A client to open. */
export interface ClientOptions {
  readonly database: string;
  readonly server: SamplingServer;
  /** Failures in a row that open its circuits. */
  readonly failureThreshold: number;
}

/** How a sample ended: `done`, or the error's code; and when each submission of the client so far was sent. */
export interface SampleReport {
  readonly ended: string;
  readonly submittedAtMs: readonly number[];
}

/** How a client fares. */
export interface ClientReport {
  readonly samples: number;
  readonly failures: readonly string[];
  /** What it told of its store. */
  readonly storageTrouble: readonly string[];
  readonly storage: string;
}

interface OpenClient {
  readonly time: SteadyTime;
  readonly service: ServiceClient;
  readonly sampler: SamplingClient;
  readonly requests: readonly SeenRequest[];
  readonly events: readonly TinkerEvent[];
}

const ACCEPTED: Answer = { status: 200, body: { request_id: 'asample' } };
const SERVERS: Readonly<Record<SamplingServer, () => readonly Answer[]>> = {
  healthy: () => [ACCEPTED],
  'limits the first': () => [{ status: 429, headers: { 'retry-after': '30' } }, ACCEPTED],
  'is down': () => [{ status: 503 }],
  'fails every other': () => Array.from({ length: 2_000 }, (_, i) => (i % 2 ? ACCEPTED : { status: 503 })),
};

/** Functions around one client at a time, whose time starts at the same moment in every context. */
export function createClientFunctions() {
  let client: OpenClient | undefined;
  let keptGoing: Promise<void> | undefined;
  let isToStop = false;
  let samples = 0;
  let failures: string[] = [];

  function current(): OpenClient {
    if (client === undefined) throw new Error('No client is open');
    return client;
  }

  async function sampleOnce({ time, sampler }: OpenClient): Promise<string> {
    const work = sampler.sample({ prompt: [1], maxTokens: 1 });
    return time.drive(
      Promise.resolve(work).then(
        () => 'done',
        (error: unknown) => (isTinkerError(error) ? error.code : String(error)),
      ),
    );
  }

  return {
    /** Open a client on the database of that name, and a sampling client of it. */
    async openClient({ database, server, failureThreshold }: ClientOptions): Promise<void> {
      const time = createSteadyTime();
      const { clock } = time;
      const script = { ...healthyScript(), asample: SERVERS[server]() };
      const { fetch, requests } = scriptedFetch(script, undefined, { clock });
      const events: TinkerEvent[] = [];
      const service = createServiceClient({
        apiKey: 'tml-test',
        fetch,
        clock,
        storage: time.watch(indexedDbStorage({ name: database, clock })),
        random: () => 0,
        circuitBreaker: { failureThreshold, resetMs: 20_000 },
        retryBudgetMs: 60_000,
        onEvent: (event) => events.push(event),
      });
      const sampler = await time.drive(Promise.resolve(service.createSamplingClient({ baseModel: 'm' })));
      client = { time, service, sampler, requests, events };
      samples = 0;
      failures = [];
    },

    /** Let time pass. */
    advance: ({ ms }: { readonly ms: number }) => current().time.advance(ms),

    /** Submit a sample and let time pass until it has ended. */
    async sample(): Promise<SampleReport> {
      const { requests } = current();
      const ended = await sampleOnce(current());
      const submissions = requests.filter(({ path }) => path === 'asample');
      return { ended, submittedAtMs: submissions.map(({ startedAt = 0 }) => startedAt) };
    },

    /** Submit a sample and let no more time pass than it takes to be told to wait; it goes on by itself. */
    async sampleUntilPaused(): Promise<{ readonly pausedMs: number }> {
      const { time, service, sampler } = current();
      sampler.sample({ prompt: [1], maxTokens: 1 }).then(
        () => {},
        () => {},
      );
      for (let round = 0; round < 100; round++) {
        await time.advance(0);
        const { sample } = service.snapshot().pausedMs;
        if (sample > 0) return { pausedMs: sample };
      }
      throw new Error('The sample was not told to wait');
    },

    /** Sample one after the other until told to stop. */
    async startSampling(): Promise<void> {
      const opened = current();
      isToStop = false;
      const run = async (): Promise<void> => {
        while (!isToStop) {
          const ended = await sampleOnce(opened);
          samples += 1;
          if (ended !== 'done') failures.push(ended);
        }
      };
      keptGoing = run();
    },

    /** Wait until so many more samples have ended. */
    async waitForSamples({ count }: { readonly count: number }): Promise<void> {
      const enough = samples + count;
      while (samples < enough) await new Promise((resolve) => setTimeout(resolve, 5));
    },

    /** Stop, and tell how it went. */
    async stopSampling(): Promise<ClientReport> {
      const { service, events } = current();
      isToStop = true;
      await keptGoing;
      const storageTrouble = events.flatMap((event) =>
        event.type === 'storage_trouble' ? [`${event.operation}: ${event.message}`] : [],
      );
      return { samples, failures, storageTrouble, storage: service.snapshot().storage };
    },

    /** Close the client. @returns the timers that are left. */
    async closeClient(): Promise<{ readonly timers: number }> {
      const { time, service } = current();
      await time.drive(service.close());
      await time.advance(0);
      client = undefined;
      return { timers: time.pending };
    },
  };
}
