import { expect, it } from 'vitest';
import { TinkerConnectionError } from '../../src/kernel/errors.ts';
import { startOperation } from '../../src/operations/api-future.ts';
import { createTurns } from '../../src/operations/turns.ts';
import { resolveBreakerConfig } from '../../src/policy/breaker.ts';
import { createCircuit } from '../../src/policy/circuit.ts';
import { exploreInterleavings, randomInterleavings } from '../../src/testing/interleavings.ts';
import type { PipelineRequest } from '../../src/transport/pipeline.ts';
import { testRuntime } from '../support/runtime.ts';

// Outcomes do not depend on the order in which promises settle (tinkex H3). Each test names where it interleaves.

it('at the submission and at each poll: numbers follow the calls, and results find their operation', async () => {
  let sent: unknown[] = [];
  let ends: unknown[] = [];
  const { schedules, distinct } = await randomInterleavings(
    (pass) => {
      sent = [];
      ends = [];
      const base = testRuntime({});
      const pipeline = {
        async send({ path, body }: PipelineRequest): Promise<unknown> {
          const { call, seq_id, request_id } = body as {
            call?: string;
            seq_id?: number;
            request_id?: string;
          };
          await pass(`${path} ${call ?? request_id}`);
          if (request_id !== undefined) return { value: request_id };
          sent.push([seq_id, call]);
          await pass(`answer ${call}`);
          return { request_id: `result of ${call}` };
        },
      };
      const runtime = { ...base.runtime, pipeline };
      const turns = createTurns(runtime, () => ({ path: '/api/v1/fill', body: (seq_id) => ({ seq_id }) }));
      const start = (call: string) =>
        startOperation(runtime, {
          path: '/api/v1/train',
          type: 'OptimStep',
          submit: (scope) =>
            turns.submit(scope, {
              requests: [{ path: '/api/v1/train', body: (seq_id) => ({ seq_id, call }) }],
            }),
          decode: ([body]) => (body as { value: string }).value,
        });
      return ['a', 'b', 'c'].map((call) => {
        const future = start(call);
        return async () => {
          ends.push([call, await future]);
        };
      });
    },
    () => {
      expect(sent).toEqual([
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ]);
      expect([...ends].sort()).toEqual(['a', 'b', 'c'].map((call) => [call, `result of ${call}`]));
    },
    { seeds: 1_000 },
  );
  expect(schedules).toBe(1_000);
  expect(distinct).toBeGreaterThan(20);
});

it('at the call of two probes and a late failure: one probe at a time, whatever comes first', async () => {
  let under = 0;
  let most = 0;
  const { schedules } = await exploreInterleavings(
    async (pass) => {
      [under, most] = [0, 0];
      const { clock } = testRuntime({});
      let ids = 0;
      const circuit = createCircuit({
        name: 'c',
        storageKey: 'k',
        clock,
        config: resolveBreakerConfig('c', { failureThreshold: 1, resetMs: 1_000 }),
        emit: () => {},
        createId: () => `${++ids}`,
      });
      const { signal } = new AbortController();
      const call = (name: string, isFailing: boolean) =>
        circuit.run(signal, async () => {
          under += 1;
          most = Math.max(most, under);
          await pass(name);
          under -= 1;
          if (isFailing) throw new TinkerConnectionError('down');
        });
      await call('opening', true).catch(() => {});
      await clock.advance(1_000);
      return [
        () => call('probe', false).catch(() => {}),
        () => call('other probe', false).catch(() => {}),
        () => call('failing probe', true).catch(() => {}),
      ];
    },
    () => {
      expect([under, most]).toEqual([0, 1]);
    },
  );
  expect(schedules).toBeGreaterThan(0);
});
