import {
  createTelemetry,
  type Telemetry,
  type TelemetryParts,
} from '../../src/operations/telemetry/telemetry.ts';
import { resolveBreakerConfig } from '../../src/policy/breaker.ts';
import { type Circuit, createCircuit } from '../../src/policy/circuit.ts';
import { createRateWindow, type RateWindow } from '../../src/policy/rate-window.ts';
import { type Answer, type ScriptedFetch, scriptedFetch } from '../../src/testing/scripted-fetch.ts';
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';
import { connectionBudget } from '../../src/transport/connection-budget.ts';
import { createLanes, type Lanes } from '../../src/transport/lanes.ts';
import { createPipeline, type Pipeline } from '../../src/transport/pipeline.ts';
import { createTransport } from '../../src/transport/transport.ts';

/** The answer that counts. */
export const ACCEPTED: Answer = { status: 200, body: { status: 'accepted' } };

/** An event as a server sees it. */
export interface SeenEvent extends Readonly<Record<string, unknown>> {
  readonly event: string;
  readonly event_id: string;
  readonly event_session_index: number;
}

/** Telemetry on a scripted server, with three connections, and a pause and a circuit for the lane `rest`. */
export interface TelemetryRig {
  readonly telemetry: Telemetry;
  readonly clock: VirtualClock;
  readonly scripted: ScriptedFetch;
  readonly pipeline: Pipeline;
  readonly lanes: Lanes;
  readonly window: RateWindow;
  readonly circuit: Circuit;
  /** When each request was made, on the clock. */
  readonly times: () => (number | undefined)[];
  /** Events of each request. */
  readonly batches: () => SeenEvent[][];
}

/** A rig whose server gives these answers. Ids are 1, 2, 3… in hex. */
export function telemetryRig(answers: readonly Answer[], parts: Partial<TelemetryParts> = {}): TelemetryRig {
  const clock = createVirtualClock();
  const scripted = scriptedFetch({ telemetry: answers }, undefined, { clock });
  const transport = createTransport({
    baseUrl: 'https://tinker.test',
    credential: async () => 'tml-canary-key',
    authScheme: 'x-api-key',
    fetch: scripted.fetch,
    clock,
    defaultHeaders: { 'x-gateway-secret': 'canary-header' },
  });
  const random = (): number => 0;
  let ids = 0;
  const createId = (): string => (++ids).toString(16).padStart(32, '0');
  const window = createRateWindow({ clock, random });
  const config = resolveBreakerConfig('circuitBreaker', { failureThreshold: 2 });
  const circuit = createCircuit({
    name: 'rest',
    storageKey: 'rest',
    clock,
    config,
    emit: () => {},
    createId,
  });
  const lanes = createLanes(connectionBudget(3));
  const pipeline = createPipeline(
    { clock, emit: () => {}, lanes, windows: { rest: window }, circuits: { rest: circuit } },
    transport,
  );
  const telemetry = createTelemetry({ clock, random, createId, pipeline, platform: 'Test', ...parts });
  return {
    telemetry,
    clock,
    scripted,
    pipeline,
    lanes,
    window,
    circuit,
    times: () => scripted.requests.map(({ startedAt }) => startedAt),
    batches: () => scripted.requests.map(({ body }) => body['events'] as SeenEvent[]),
  };
}
