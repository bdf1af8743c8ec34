import { describe, expect, it } from 'vitest';
import {
  createServiceClient,
  isTinkerError,
  type SamplingClient,
  type ServiceClient,
  type TrainingClient,
} from '../../src/index.ts';
import { scriptedFetch } from '../../src/testing/scripted-fetch.ts';
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';
import { healthyScript } from '../support/service.ts';
import { forbidUnhandledRejections } from '../support/unhandled.ts';

// Every operation, broken at every point where it waits, in every way (tinkex.md V2). The points are found by running
// each operation once; none is listed by hand.

/** Ways to break an operation at a point: the world fails once or from there on, or its owner ends it. */
const FAULTS = ['throw', 'throw for ever', 'reject', 'reject for ever', 'abort', 'close'] as const;
type Fault = (typeof FAULTS)[number];

/** Meets a fault at the n-th point that is crossed. */
interface Saboteur {
  /** Names of the points crossed so far. */
  readonly crossed: string[];
  /** Called at each point; what it throws, or rejects with, is the fault. */
  cross(name: string): Promise<void> | undefined;
}

function createSaboteur(
  at: number,
  fault: Fault | undefined,
  act: (fault: 'abort' | 'close') => void,
): Saboteur {
  const crossed: string[] = [];
  return {
    crossed,
    cross(name) {
      const index = crossed.length;
      crossed.push(name);
      const isHit = index === at || (index > at && fault?.endsWith('for ever') === true);
      if (fault === undefined || !isHit) return undefined;
      if (fault === 'abort' || fault === 'close') {
        act(fault);
        return undefined;
      }
      const error = new Error(`sabotage at ${name}`);
      if (fault.startsWith('throw')) throw error;
      return Promise.reject(error);
    },
  };
}

interface World {
  readonly clock: VirtualClock;
  readonly service: ServiceClient;
  readonly training: TrainingClient;
  readonly sampler: SamplingClient;
  readonly sent: () => string[];
  /** From now on, points are counted, and the saboteur is at work. */
  arm(saboteur: Saboteur): void;
  /** A point outside of the client: the caller's own loss function. */
  cross(name: string): Promise<void> | undefined;
}

/** What a rocky server answers before it comes round, path by path, once armed. */
const rocky = (): Record<string, Response[]> => {
  const answer = (status: number): Response => new Response(`not now: ${status}`, { status });
  const submissions = ['forward', 'forward_backward', 'optim_step', 'save_weights', 'load_weights'];
  return {
    ...Object.fromEntries(submissions.map((path) => [path, [answer(503), answer(402)]])),
    asample: [answer(429), answer(503)],
    retrieve_future: [503, 503, 503, 503, 429, 402].map(answer),
  };
};

/** A client and a server, healthy or rocky, with a point at the key, at each request, at each body and at each wait. */
async function world(isRocky = false): Promise<World> {
  const troubles = isRocky ? rocky() : {};
  const clock = createVirtualClock();
  let saboteur: Saboteur | undefined;
  const scripted = scriptedFetch({
    ...healthyScript(),
    'client/config': [{ status: 200, body: { fwdbwd_max_chunk_len: 1, proto_write_fwdbwd: false } }],
    weights_info: [{ status: 200, body: { base_model: 'm', is_lora: true, lora_rank: 8 } }],
  });
  const cross = (name: string): Promise<void> | undefined => saboteur?.cross(name);
  const service = createServiceClient({
    baseUrl: 'https://tinker.test',
    apiKey: async () => {
      await cross('key');
      return 'tml-test';
    },
    clock: {
      ...clock,
      schedule(callback, ms, options) {
        if (options?.background !== true && ms > 0 && ms < 45_000) cross(`wait ${ms}`)?.catch(() => {});
        return clock.schedule(callback, ms, options);
      },
    },
    random: () => 0,
    retryBudgetMs: 20_000,
    circuitBreaker: { failureThreshold: 50 },
    async fetch(request) {
      const path = new URL(request.url).pathname.split('/').at(-1) ?? '';
      if (path === 'session_heartbeat') return scripted.fetch(request);
      await cross(`request ${path}`);
      const trouble = saboteur === undefined ? undefined : troubles[path]?.shift();
      const response = trouble ?? (await scripted.fetch(request));
      const text = await response.text();
      const body = new ReadableStream({
        async pull(controller) {
          await cross(`body ${path}`);
          controller.enqueue(new TextEncoder().encode(text));
          controller.close();
        },
      });
      return new Response(body, { status: response.status, headers: response.headers });
    },
  });
  const training = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
  const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
  return {
    clock,
    service,
    training,
    sampler,
    sent: () => scripted.requests.filter(({ path }) => path !== 'session_heartbeat').map(({ path }) => path),
    arm: (next) => {
      saboteur = next;
    },
    cross,
  };
}

const DATA = [{ modelInput: [1, 2], lossFnInputs: { target_tokens: [2, 3] } }];

/** Longer than all retries together; without it a poll that never gets through goes on for ever. */
const timeoutMs = 900_000;

/** The operations of the matrix. */
const OPERATIONS: Readonly<Record<string, (world: World, signal: AbortSignal) => PromiseLike<unknown>>> = {
  forwardBackward: ({ training }, signal) =>
    training.forwardBackward(DATA, 'cross_entropy', { signal, timeoutMs }),
  optimStep: ({ training }, signal) => training.optimStep({}, { signal, timeoutMs }),
  saveState: ({ training }, signal) => training.saveState('n', { signal, timeoutMs }),
  loadState: ({ training }, signal) => training.loadState('tinker://a/weights/x', { signal, timeoutMs }),
  forwardBackwardCustom: ({ training, cross }, signal) =>
    training.forwardBackwardCustom(
      DATA,
      async () => {
        await cross('loss');
        return { loss: 1, gradients: [[1, 2]] };
      },
      { signal, timeoutMs },
    ),
  forwardBackwardInChunks: ({ training }, signal) =>
    training.forwardBackward([...DATA, ...DATA, ...DATA], 'cross_entropy', { signal, timeoutMs }),
  trainingClientFromState: ({ service }, signal) =>
    service.createTrainingClientFromState('tinker://a/weights/x', {}, { signal, timeoutMs }),
  resume: ({ service }, signal) =>
    service.resume({ version: 1, kind: 'optim_step', requestIds: ['optim_step'] }, { signal, timeoutMs }),
  sample: ({ sampler }, signal) => sampler.sample({ prompt: [1], maxTokens: 1 }, { signal, timeoutMs }),
};

/** How a promise ended. */
async function ending(work: PromiseLike<unknown>): Promise<{ readonly error?: unknown }> {
  try {
    await work;
    return {};
  } catch (error) {
    return { error };
  }
}

/** The points of an operation that nobody breaks: on a rocky server with all the waits that trouble brings about. */
async function pointsOf(name: string, isRocky: boolean): Promise<string[]> {
  const healthy = await world(isRocky);
  const saboteur = createSaboteur(-1, undefined, () => {});
  healthy.arm(saboteur);
  await healthy.clock.drive(OPERATIONS[name]!(healthy, new AbortController().signal));
  await healthy.service.close();
  return saboteur.crossed;
}

const unhandled = forbidUnhandledRejections();

/** Nothing is held, nothing waits. */
function expectIdle({ service }: World): void {
  const { operations, lanes, sampling, passes, responses } = service.snapshot();
  expect(operations).toEqual([]);
  for (const gauge of Object.values(lanes)) expect(gauge).toEqual({ inFlight: 0, waiting: 0 });
  for (const { used, waiting } of [...Object.values(sampling), passes, responses])
    expect([used, waiting]).toEqual([0, 0]);
}

const matrix = await Promise.all(
  Object.keys(OPERATIONS).map(async (name) => {
    const points = await pointsOf(name, false);
    return points.flatMap((point, at) => FAULTS.map((fault) => [name, at, point, fault, 'healthy'] as const));
  }),
);
/** Where trouble is the server's already, the owner ends it. */
const rockyMatrix = await Promise.all(
  Object.keys(OPERATIONS).map(async (name) => {
    const points = await pointsOf(name, true);
    const faults = ['abort', 'close'] as const;
    return points.flatMap((point, at) => faults.map((fault) => [name, at, point, fault, 'rocky'] as const));
  }),
);

it('has points before, in and after every exchange', () => {
  const points = (name: string) =>
    matrix
      .flat()
      .flatMap(([operation, , point, fault]) => (operation === name && fault === 'throw' ? [point] : []));
  const exchange = (path: string) => ['key', `request ${path}`, `body ${path}`];
  expect(points('optimStep')).toEqual([...exchange('optim_step'), ...exchange('retrieve_future')]);
  expect(points('forwardBackwardCustom')).toEqual([
    ...exchange('forward'),
    ...exchange('retrieve_future'),
    'loss',
    ...exchange('forward_backward'),
    ...exchange('retrieve_future'),
  ]);
});

it('has waits between polls and between attempts, on a server in trouble', () => {
  const waits = (name: string) =>
    rockyMatrix
      .flat()
      .filter(
        ([operation, , point, fault]) => operation === name && fault === 'abort' && point.startsWith('wait'),
      );
  for (const name of Object.keys(OPERATIONS)) {
    // What is resumed is not submitted.
    const least = name === 'resume' ? 3 : 5;
    expect([name, waits(name).length >= least]).toEqual([name, true]);
  }
});

describe.each([...matrix.flat(), ...rockyMatrix.flat()])(
  '%s, at point %i (%s): %s, %s server',
  (name, at, point, fault, server) => {
    it('settles, leaves nothing behind, and the next operation runs or says why not', async () => {
      const here = await world(server === 'rocky');
      const { clock, service, training, sampler } = here;
      const controller = new AbortController();
      const reason = { why: 'enough' };
      let closing: Promise<void> | undefined;
      const saboteur = createSaboteur(at, fault, (what) => {
        if (what === 'abort') controller.abort(reason);
        else closing = service.close();
      });
      here.arm(saboteur);
      const { error } = await clock.drive(ending(OPERATIONS[name]!(here, controller.signal)));
      expect(saboteur.crossed[at]).toBe(point);

      if (fault === 'abort') expect(error).toBe(reason);
      if (fault === 'close') expect(isTinkerError(error, 'client_closed')).toBe(true);
      if (fault.endsWith('for ever')) expect(error).toBeDefined();

      // What the caller was spared may still run: the attempt of a numbered request whose caller aborted.
      here.arm(createSaboteur(-1, undefined, () => {}));
      await clock.advance(120_000);
      expectIdle(here);

      const next = name === 'sample' ? sampler.sample({ prompt: [1], maxTokens: 1 }) : training.optimStep();
      const { error: refusal } = await clock.drive(ending(next));
      if (fault === 'close') expect(isTinkerError(refusal, 'client_closed')).toBe(true);
      else if (refusal !== undefined) {
        // Only a numbered request that may have been sent can leave the next one without a number.
        expect(name).not.toBe('sample');
        expect(isTinkerError(refusal, 'client_poisoned')).toBe(true);
        // Of a pass in chunks also one that cannot be sent: what would fill its place cannot be sent either.
        const place = name === 'forwardBackwardInChunks' ? /^(?!.*retrieve)/ : /^(request|body) (?!retrieve)/;
        expect(fault.endsWith('for ever') && place.test(point)).toBe(true);
        expect(isTinkerError(error, 'submit_ambiguous')).toBe(true);
      }
      await clock.drive(Promise.all([closing, service.close()]));
      await clock.advance(60_000);
      expectIdle(here);
      expect(clock.pending).toBe(0);
      expect(unhandled).toEqual([]);
    });
  },
);
