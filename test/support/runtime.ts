import { createAbortFanout } from '../../src/kernel/abort.ts';
import type { TinkerEvent } from '../../src/kernel/diagnostics.ts';
import type { Runtime } from '../../src/operations/runtime.ts';
import { createScopes } from '../../src/operations/scope.ts';
import { createTransport } from '../../src/transport/transport.ts';
import { type Answer, type SeenRequest, scriptedFetch } from '../../src/testing/scripted-fetch.ts';
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';

/** What operations run on, with a scripted server behind it. */
export interface TestRuntime {
  readonly runtime: Runtime;
  readonly clock: VirtualClock;
  readonly requests: SeenRequest[];
  /** When each request was made, on the clock. */
  readonly times: number[];
  readonly events: TinkerEvent[];
}

/** A runtime on virtual time, without jitter, that talks to a script. */
export function testRuntime(
  script: Record<string, readonly Answer[]>,
  options: Partial<Runtime> = {},
): TestRuntime {
  const clock = createVirtualClock();
  const events: TinkerEvent[] = [];
  const times: number[] = [];
  const scripted = scriptedFetch(script);
  let ids = 0;
  const fanout = createAbortFanout();
  const runtime: Runtime = {
    clock,
    random: () => 0,
    createId: () => `id-${++ids}`,
    emit: (event) => events.push(event),
    transport: createTransport({
      baseUrl: 'https://tinker.test',
      apiKey: 'tml-test',
      fetch: (request) => {
        times.push(clock.monotonic());
        return scripted.fetch(request);
      },
      clock,
      defaultHeaders: {},
    }),
    scopes: createScopes(clock, fanout),
    fanout,
    attemptTimeoutMs: 60_000,
    retryBudgetMs: 300_000,
    ...options,
  };
  return { runtime, clock, requests: scripted.requests, times, events };
}

/** Answer after so many milliseconds of virtual time, or not at all if the request is aborted before. */
export function answerAfter(clock: VirtualClock, ms: number, make: () => Response): Answer {
  return (request) =>
    new Promise((resolve, reject) => {
      const cancel = clock.schedule(() => resolve(make()), ms);
      request.signal.addEventListener('abort', () => {
        cancel();
        reject(request.signal.reason);
      });
    });
}
