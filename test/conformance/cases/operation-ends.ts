import { createServiceClient, type FutureHandle, isTinkerError } from '../../../src/index.ts';
import { batch } from '../../support/offline.ts';
import { assertAlike, assertEqual, assertFails, assertTrue, rejectionOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { offlineClient } from '../offline-client.ts';

/** Operations that are closed, aborted, waited for, resumed. */
export function operationEndCases(): readonly ConformanceCase[] {
  return [...endCases(), ...resumeCases(), ...otherCases()];
}

function endCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: closing rejects what is under way, sends nothing more and leaves no timer',
      async run() {
        const setup = offlineClient({ emulator: { latencyMs: 5_000 } });
        const training = await setup.train();
        const work = [
          training.forwardBackward(batch(2), 'cross_entropy'),
          training.optimStep(),
          training.saveState('never'),
        ];
        const failures = work.map((one) => rejectionOf('each', () => one));
        await setup.clock.advance(1_000);
        await setup.clock.drive(setup.service.close());
        for (const error of await Promise.all(failures))
          assertTrue(`closed, not ${error}`, isTinkerError(error, 'client_closed'));
        assertAlike(
          'statuses',
          work.map(({ status }) => status),
          ['failed', 'failed', 'failed'],
        );
        await setup.clock.advance(20_000);
        assertEqual('timers left', setup.clock.pending, 0);
        await assertFails('a later call', () => setup.train(), 'TinkerClosedError');
      },
    },
    {
      name: 'protocol: an aborted operation rejects with its very reason, and the next one goes on',
      async run() {
        for (const afterMs of [0, 50, 99]) {
          const setup = offlineClient();
          const training = await setup.train();
          const controller = new AbortController();
          const reason = { mine: afterMs };
          const { signal } = controller;
          const aborted = rejectionOf('the pass', () =>
            training.forwardBackward(batch(1), 'cross_entropy', { signal }),
          );
          await setup.clock.advance(afterMs);
          controller.abort(reason);
          assertEqual('its reason', await setup.clock.drive(aborted), reason);
          const { metrics } = await setup.clock.drive(training.optimStep({ learningRate: 0.1 }));
          assertTrue('the next one', metrics['grad_norm:mean'] !== undefined);
          await setup.finish();
        }
      },
    },
    {
      name: 'protocol: waiting for a result may end early, and the operation goes on',
      async run() {
        const setup = offlineClient({ emulator: { latencyMs: 5_000 } });
        const training = await setup.train();
        const pass = training.forward(batch(1), 'cross_entropy');
        const error = await rejectionOf('the wait', () =>
          setup.clock.drive(pass.result({ timeoutMs: 1_000 })),
        );
        assertTrue(
          `a time-out of the wait, not ${error}`,
          isTinkerError(error, 'timed_out') && error.scope === 'wait',
        );
        const { metrics } = await setup.clock.drive(pass);
        await setup.finish();
        return textOf(metrics);
      },
    },
    {
      name: 'protocol: a pause of the server is told with its reason, and waited for',
      async run() {
        const setup = offlineClient();
        const training = await setup.train();
        setup.emulator.pause('paused_capacity', 'the cluster is full');
        const pass = training.forward(batch(1), 'cross_entropy');
        await setup.clock.advance(60_000);
        const { status, queueState, reason } = pass;
        assertAlike(
          'while it is paused',
          [status, queueState, reason],
          ['paused', 'paused_capacity', 'the cluster is full'],
        );
        setup.emulator.resume();
        await setup.clock.drive(pass);
        await setup.finish();
        return textOf(
          setup.events.map((event) => ('reason' in event ? [event.type, event.reason] : event.type)),
        );
      },
    },
  ];
}

function resumeCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: a result is read by another client from a handle that went through JSON and a clone',
      async run() {
        const setup = offlineClient({
          emulator: { latencyMs: 10_000, clientConfig: { fwdbwd_max_chunk_len: 2 } },
        });
        const { clock, emulator } = setup;
        const training = await setup.train();
        const pass = training.forwardBackward(batch(5), 'cross_entropy');
        const update = training.optimStep({ learningRate: 0.02 });
        while (pass.requestId === undefined || update.requestId === undefined) await clock.advance(100);
        const handles = [pass, update].map((one) =>
          structuredClone(JSON.parse(JSON.stringify(one)) as FutureHandle),
        );
        const options = { apiKey: 'tml-test', fetch: emulator.fetch, clock, random: () => 0 };
        const other = createServiceClient(options);
        const resumed = handles.map((handle) =>
          other.resume(handle as FutureHandle & { kind: 'optim_step' }),
        );
        const theirs = textOf(await clock.drive(Promise.all(resumed)));
        assertEqual('results', theirs, textOf(await clock.drive(Promise.all([pass, update]))));
        await clock.drive(other.close());
        await setup.finish();
        return theirs;
      },
    },
    {
      name: 'protocol: a handle that cannot be is refused, naming what is wrong with it',
      async run() {
        const { service, finish } = offlineClient();
        const wrong = [
          null,
          'text',
          { version: 2 },
          { version: 1, kind: 'x' },
          { version: 1, kind: 'optim_step', requestIds: 'a' },
        ];
        const words: string[] = [];
        for (const handle of wrong) {
          const error = await rejectionOf('it', async () => service.resume(handle as never));
          assertTrue(`an input error, not ${error}`, isTinkerError(error, 'input_invalid'));
          words.push((error as Error).message);
        }
        await finish();
        return words.join('\n');
      },
    },
  ];
}

function otherCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: a loss of one’s own trains as the built-in one that it is',
      async run() {
        const run = async (isOwn: boolean): Promise<readonly number[]> => {
          const setup = offlineClient();
          const training = await setup.train(3);
          const losses: number[] = [];
          for (let step = 0; step < 4; step++) {
            const data = batch(2, 8, step);
            const pass = isOwn
              ? training.forwardBackwardCustom(data, (_, rows) => ({
                  loss: -rows.reduce((sum, row) => sum + row.reduce((part, value) => part + value, 0), 0),
                  gradients: rows.map((row) => row.map(() => -1)),
                }))
              : training.forwardBackward(data, 'cross_entropy');
            const update = training.optimStep({ learningRate: 0.02 });
            const [{ metrics }] = await setup.clock.drive(Promise.all([pass, update]));
            losses.push(metrics[isOwn ? 'custom_loss' : 'loss:sum'] ?? Number.NaN);
          }
          await setup.finish();
          return losses;
        };
        const [own, builtIn] = [await run(true), await run(false)];
        for (const [i, loss] of builtIn.entries())
          assertTrue(`loss ${i}`, Math.abs((own[i] ?? 0) - loss) < 1e-3);
        assertTrue('it learns', (builtIn[3] ?? 0) < (builtIn[0] ?? 0));
        return textOf([own, builtIn]);
      },
    },
    {
      name: 'protocol: gauges are the same everywhere, and telemetry goes where it was asked to',
      async run() {
        const setup = offlineClient({ client: { telemetry: true, circuitBreaker: true } });
        const training = await setup.train();
        await setup.clock.drive(training.trainStep(batch(1), 'cross_entropy'));
        await setup.clock.advance(30_000);
        const { lanes, sampling, passes, circuits } = setup.service.snapshot();
        const text = textOf({
          lanes: Object.keys(lanes),
          sampling,
          passes,
          circuits,
          usage: training.usage(),
        });
        await setup.finish();
        const told = setup.emulator.telemetry.map(({ event }) => event['event']);
        assertEqual('telemetry', told, ['SESSION_START', 'SESSION_END']);
        return text;
      },
    },
  ];
}
