import { expect, it } from 'vitest';
import { createOperationGate } from '../../../src/emulator/futures/operation-gate.ts';
import { emulatorCalls } from '../../support/emulator-calls.ts';

it('starts no operation while paused, and tells polls why', async () => {
  const calls = emulatorCalls({ holdMs: 5000, latencyMs: 10 });
  const { modelId } = await calls.model();
  const step = (seq_id: number) => calls.ok('optim_step', { adam_params: {}, model_id: modelId, seq_id });
  const poll = (request_id: string) => calls.call('retrieve_future', { request_id });

  calls.emulator.pause('paused_capacity', 'All machines are busy');
  const { request_id } = await step(1);
  expect(await poll(request_id)).toMatchObject({
    status: 408,
    body: {
      type: 'try_again',
      request_id,
      queue_state: 'paused_capacity',
      queue_state_reason: 'All machines are busy',
    },
  });
  calls.emulator.pause('paused_rate_limit');
  expect((await poll(request_id)).body).toEqual({
    type: 'try_again',
    request_id,
    queue_state: 'paused_rate_limit',
  });
  await calls.clock.advance(200_000);
  expect(calls.clock.pending).toBe(0);

  calls.emulator.resume();
  expect((await poll(request_id)).status).toBe(200);
  const after = await step(2);
  expect((await poll(after.request_id)).status).toBe(200);
  expect(calls.clock.pending).toBe(0);
});

it('lets an operation that runs go on', async () => {
  const calls = emulatorCalls({ holdMs: 5000, latencyMs: 1000 });
  const { modelId } = await calls.model();
  const body = { adam_params: {}, model_id: modelId };
  const [first, second] = [
    await calls.ok('optim_step', { ...body, seq_id: 1 }),
    await calls.ok('optim_step', { ...body, seq_id: 2 }),
  ];
  await calls.clock.advance(500);
  calls.emulator.pause('paused_capacity');
  expect((await calls.call('retrieve_future', first)).status).toBe(200);
  expect((await calls.call('retrieve_future', second)).status).toBe(408);
  calls.emulator.resume();
  expect((await calls.call('retrieve_future', second)).status).toBe(200);
});

it('holds on to whoever waits when it is paused again at once', async () => {
  const gate = createOperationGate();
  const passed: number[] = [];
  gate.pause('paused_capacity');
  const waits = [1, 2].map((who) => gate.passed().then(() => passed.push(who)));
  gate.resume();
  gate.pause('paused_capacity');
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  expect(passed).toEqual([]);
  gate.resume();
  await Promise.all(waits);
  expect(passed).toEqual([1, 2]);
});
