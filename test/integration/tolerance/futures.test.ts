import { describe, expect, it } from 'vitest';
import type { EmulatorDialect, FaultPlan } from '../../../src/emulator/index.ts';
import type { FutureHandle } from '../../../src/index.ts';
import { CLIENT_OPTIONS } from '../../support/dialects.ts';
import { batch } from '../../support/offline.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';
import { edited, type Watched, watched } from '../../support/watched.ts';

// Above each test: changes of the client that make it fail.

const JSON_ONLY = { wireFormat: 'json' } as const;

const samplerOf = ({ clock, service, emulator }: Watched) =>
  clock.drive(service.createSamplingClient({ baseModel: emulator.modelName }));

const polls = (setup: Watched) => setup.to('retrieve_future');

/** Only the polls of one future, from the first to the last. */
const pollsOf = (setup: Watched, id: unknown) => polls(setup).filter(({ body }) => body.request_id === id);

/** A handle of a future that this client never opened. */
const handleOf = (requestId: string): FutureHandle & { kind: 'optim_step' } => ({
  version: 1,
  kind: 'optim_step',
  requestIds: [requestId],
});

// Breaks it: futures.ts (JSON), `try_again` that needs a request id or a state; a state read as it is written.
describe('servers.md 2.1 item 24', () => {
  it.each(['408-try-again', '408', '408-detail', '408-queue', '200-try-again', '200-bare'] as const)(
    'goes on waiting after %s, and hears of pauses that are told',
    async (pending) => {
      const setup = watched({ dialect: { pending }, holdMs: 500, latencyMs: 100 });
      const training = await setup.training();
      setup.emulator.pause('paused_capacity', 'full');
      const step = training.trainStep(batch(2, 8), 'cross_entropy');
      await setup.clock.advance(5_000);
      const tells = pending !== '408' && pending !== '408-detail';
      expect([pending, step.forwardBackward.queueState]).toEqual([
        pending,
        tells ? 'paused_capacity' : undefined,
      ]);
      setup.emulator.resume();
      const { forwardBackward } = await setup.clock.drive(step);
      expect(forwardBackward.metrics['loss:sum']).toBeGreaterThan(0);
      await setup.finish();
    },
  );
});

// Breaks it: poll-request.ts, another LEG_TIMEOUT_MS; poll-judge.ts, a poll's time-out that is an error.
describe('servers.md 2.1 item 25', () => {
  it('ends a poll after 45 s where the server holds it for 300, and loses nothing', async () => {
    const setup = watched({ dialect: 'skyrl', latencyMs: 100_000 });
    const training = await setup.training();
    expect(await setup.clock.drive(training.optimStep())).toMatchObject({ metrics: expect.anything() });
    const lengths = polls(setup).map(({ sentAt, endedAt = 0 }) => endedAt - sentAt);
    expect(lengths.slice(0, 3)).toEqual([45_000, 45_000, 10_000]);
    await setup.finish();
  });

  it('lets one be that a server holds for 30 s', async () => {
    const setup = watched({ dialect: 'beam', latencyMs: 40_000 }, CLIENT_OPTIONS.beam);
    await setup.training();
    const lengths = polls(setup).map(({ sentAt, endedAt = 0 }) => endedAt - sentAt);
    expect(lengths).toEqual([30_000, 10_000]);
    await setup.finish();
  });
});

// Breaks it: poll-pacing.ts, 0 for `hurried`; `usableHint` left out; a pause after a long poll.
describe('servers.md 2.1 item 26', () => {
  it.each(['200-try-again', '408'] as const)(
    'asks a server that answers %s at once less and less often',
    async (pending) => {
      const setup = watched({ dialect: { pending, holdMs: 0 }, latencyMs: 60_000 });
      await setup.training();
      const times = polls(setup).map(({ sentAt }) => sentAt);
      expect(times.length).toBeGreaterThan(4);
      expect(times.length).toBeLessThan(80);
      const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
      expect(Math.max(...gaps.slice(-3))).toBeGreaterThanOrEqual(1_000);
      await setup.finish();
    },
  );

  it('waits as long as it is told', async () => {
    const setup = watched({ dialect: 'mint', holdMs: 0, latencyMs: 10_000 }, CLIENT_OPTIONS.mint);
    await setup.training();
    const times = polls(setup).map(({ sentAt }) => sentAt);
    expect(times).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((second) => (times[0] ?? 0) + second * 1_000),
    );
    await setup.finish();
  });

  it('waits no longer after a poll that was held', async () => {
    const setup = watched({ holdMs: 20_000, latencyMs: 50_000 });
    await setup.training();
    const calls = polls(setup);
    expect(calls).toHaveLength(3);
    for (const [index, { sentAt }] of calls.entries())
      if (index > 0) expect(sentAt).toBe(calls[index - 1]?.endedAt);
    await setup.finish();
  });
});

// Breaks it: poll.ts, a poll more after the result; api-future.ts, a poll for each `await`.
describe('servers.md 2.1 item 27', () => {
  it('has one poll under way for a future, and none after its end, however often it is awaited', async () => {
    const setup = watched({ dialect: 'beam', holdMs: 100, latencyMs: 1_000 }, CLIENT_OPTIONS.beam);
    const training = await setup.training();
    const future = training.optimStep();
    const results = await setup.clock.drive(Promise.all([future, future, future.result()]));
    expect(results[1]).toBe(results[0]);
    expect(await setup.clock.drive(future)).toBe(results[0]);
    await setup.clock.advance(60_000);
    const calls = pollsOf(setup, future.requestId);
    expect(calls.length).toBeGreaterThan(2);
    // One of them was answered with the result, the last.
    expect(calls.map(({ status }) => status === 200).lastIndexOf(true)).toBe(calls.length - 1);
    expect(calls.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const [index, { sentAt }] of calls.entries())
      if (index > 0) expect(sentAt).toBeGreaterThanOrEqual(calls[index - 1]?.endedAt ?? Number.NaN);
    await setup.finish();
  });
});

// Breaks it: poll.ts, a wait without the scope's signal, or a count of polls as the end.
describe('servers.md 2.1 item 28', () => {
  it.each(['openrl-legacy', 'twinkle', 'arctic'] as const)(
    'waits for ever with %s for what it does not know, until a limit or an abort ends it',
    async (dialect) => {
      const setup = watched({ dialect }, CLIENT_OPTIONS[dialect]);
      const limited = setup.service.resume(handleOf('nobody'), { timeoutMs: 600_000 });
      expect(await driveToRejection(setup.clock, limited)).toMatchObject({
        code: 'timed_out',
        scope: 'operation',
      });
      expect(setup.clock.monotonic()).toBe(600_000);
      const controller = new AbortController();
      const aborted = rejection(setup.service.resume(handleOf('nobody'), { signal: controller.signal }));
      await setup.clock.advance(300_000);
      const reason = new Error('enough');
      controller.abort(reason);
      expect(await setup.clock.drive(aborted)).toBe(reason);
      await setup.finish();
    },
  );
});

// Breaks it: status-rules.ts, another action for a poll's 400; futures.ts (JSON), a place of the words left out.
describe('servers.md 2.1 item 29', () => {
  it.each(['200-error', '400-detail', '400-error', '400-error-message', '500-detail'] as const)(
    'fails with the server’s own words after %s',
    async (failure) => {
      const setup = watched({ dialect: { failure } });
      const training = await setup.training();
      const load = training.loadState('tinker://nobody/weights/none');
      const message = expect.stringContaining('There is no checkpoint at "tinker://nobody/weights/none"');
      const error = await driveToRejection(setup.clock, load);
      if (failure === '500-detail')
        expect(error).toMatchObject({ code: 'http_status', status: 500, message });
      else expect(error).toMatchObject({ code: 'operation_failed', message });
      // A 500 may pass; nothing else is asked for again.
      expect(pollsOf(setup, load.requestId)).toHaveLength(failure === '500-detail' ? 10 : 1);
      await setup.finish();
    },
  );

  it('reads an error that is an object', async () => {
    const setup = watched({}, {}, (path, response) =>
      path === 'retrieve_future' && response.status === 200
        ? edited(response, (body) => ('error' in body ? { error: { message: body.error, code: 7 } } : body))
        : response,
    );
    const load = (await setup.training()).loadState('tinker://nobody/weights/none');
    expect(await driveToRejection(setup.clock, load)).toMatchObject({
      code: 'operation_failed',
      message: expect.stringContaining('There is no checkpoint'),
    });
    await setup.finish();
  });

  it('asks again, three times, after a 400 with nothing in it: that is a proxy', async () => {
    const faults =
      (until: number): FaultPlan =>
      ({ path, attempt }) =>
        path === 'retrieve_future' && attempt <= until ? { status: 400 } : undefined;
    const three = watched({ faults: faults(3) });
    expect(await three.step(await three.training())).toBeGreaterThan(0);
    await three.finish();
    const four = watched({ faults: faults(4) });
    const create = four.service.createLoraTrainingClient({ baseModel: 'emulator/tiny' });
    expect(await driveToRejection(four.clock, create)).toMatchObject({ code: 'http_status', status: 400 });
    await four.finish();
  });
});

// Breaks it: futures.ts (JSON), `toLowerCase` left out of `readCategory`; poll-judge.ts, `unknown` taken for the user's.
describe('servers.md 2.1 item 30', () => {
  it.each([
    ['User', 'user', false],
    ['user', 'user', false],
    ['Server', 'server', true],
    ['system', 'server', true],
    ['unheard-of', 'server', true],
  ])('takes "%s" for %s', async (user, category, retryable) => {
    const setup = watched({ dialect: { failureCategories: { user, server: 'Server' } } });
    const load = (await setup.training()).loadState('tinker://nobody/weights/none');
    expect(await driveToRejection(setup.clock, load)).toMatchObject({
      code: 'operation_failed',
      category,
      retryable,
    });
    await setup.finish();
  });
});

// Breaks it: status-rules.ts, any of these rows; `PERMANENT` with other numbers.
describe('servers.md 2.1 item 31', () => {
  const atPoll = (fault: (attempt: number) => ReturnType<FaultPlan>): FaultPlan => {
    return ({ path, attempt }) => (path === 'retrieve_future' ? fault(attempt) : undefined);
  };

  it('ends with a 404', async () => {
    const setup = watched({});
    const lost = setup.service.resume(handleOf('nobody'));
    expect(await driveToRejection(setup.clock, lost)).toMatchObject({ code: 'http_status', status: 404 });
    expect(polls(setup)).toHaveLength(1);
    await setup.finish();
  });

  it('samples anew after a 410, under a new number, and gives up a result of training', async () => {
    const setup = watched({
      dialect: 'miles',
      faults: atPoll((attempt) => (attempt === 1 ? { expire: true } : undefined)),
    });
    const sampler = await samplerOf(setup);
    const { sequences } = await setup.clock.drive(sampler.sample({ prompt: [1], maxTokens: 2, seed: 1 }));
    expect(sequences[0]?.tokens).toHaveLength(2);
    expect(setup.to('asample').map(({ body }) => body.seq_id)).toEqual([0, 1]);
    const lost = setup.service.resume(handleOf('upstream-a@sess-1:train/0:op999'));
    expect(await driveToRejection(setup.clock, lost)).toMatchObject({
      code: 'result_expired',
    });
    await setup.finish();
  });

  it('backs off after a 429 as long as it is told, and waits out a 402', async () => {
    const faults = atPoll((attempt) => {
      if (attempt === 1) return { status: 429, body: { detail: 'busy' }, headers: { 'retry-after': '7' } };
      return attempt === 2 ? { status: 402, body: { detail: 'unpaid' } } : undefined;
    });
    const setup = watched({ faults });
    await setup.training();
    const [first, second, third] = polls(setup).map(({ sentAt }) => sentAt);
    expect((second ?? 0) - (first ?? 0)).toBe(7_000);
    expect((third ?? 0) - (second ?? 0)).toBe(5_000);
    await setup.finish();
  });

  it('survives an outage, and does not ask for ever after the same crash', async () => {
    const outage = watched({
      faults: atPoll((attempt) => (attempt <= 30 ? { status: 503, text: `${attempt}` } : undefined)),
    });
    await outage.training();
    await outage.finish();
    const crash: FaultPlan = ({ path }) =>
      path === 'create_model' || path === 'optim_step'
        ? { status: 500, text: 'Internal Server Error' }
        : undefined;
    const setup = watched({ faults: crash });
    const create = setup.service.createLoraTrainingClient({ baseModel: 'emulator/tiny' });
    expect(await driveToRejection(setup.clock, create)).toMatchObject({ status: 500 });
    expect(setup.to('create_model')).toHaveLength(3);
    await setup.finish();
    const polled = watched({ faults: atPoll(() => ({ status: 500, text: 'Internal Server Error' })) });
    const waiting = polled.service.createLoraTrainingClient({ baseModel: 'emulator/tiny' });
    expect(await driveToRejection(polled.clock, waiting)).toMatchObject({ status: 500 });
    expect(polls(polled)).toHaveLength(10);
    await polled.finish();
  });
});

// Breaks it: poll.ts without `isAnnounced = true`; poll-request.ts without `settings.isServed`.
describe('servers.md 2.1 item 32', () => {
  it('fetches what was announced, and asks for announcements only who knows them', async () => {
    const setup = watched({ metadataFirstBytes: 10 });
    expect(await setup.step(await setup.training())).toBeGreaterThan(0);
    const id = setup.to('forward_backward').length > 0 ? 'request-2' : '';
    const asked = pollsOf(setup, id).map(({ body }) => body.allow_metadata_only);
    expect(asked.slice(-2)).toEqual([true, undefined]);
    await setup.finish();
    const older = watched(
      { dialect: 'localtinker', clientConfig: {}, metadataFirstBytes: 10 },
      CLIENT_OPTIONS.localtinker,
    );
    expect(await older.step(await older.training())).toBeGreaterThan(0);
    await older.finish();
    for (const dialect of ['twinkle', 'tinkercloud'] as const) {
      const without = watched({ dialect, metadataFirstBytes: 10 }, CLIENT_OPTIONS[dialect]);
      await without.step(await without.training());
      expect(polls(without).filter(({ body }) => 'allow_metadata_only' in body)).toEqual([]);
      await without.finish();
    }
  });
});

// Breaks it: poll-judge.ts without `isLimit`.
describe('servers.md 2.1 item 33', () => {
  it('says of a limit that is told as a failure that the request can be made again', async () => {
    const dialect: Partial<EmulatorDialect> = {
      backpressure: 'failure',
      failureCategories: { user: 'User', server: 'Server' },
    };
    const setup = watched({ dialect, limits: { concurrentSamples: 1 }, latencyMs: 1_000 }, JSON_ONLY);
    const sampler = await samplerOf(setup);
    const sample = () => sampler.sample({ prompt: [1], maxTokens: 2 });
    const [first, second] = [sample(), sample()];
    expect(await driveToRejection(setup.clock, second)).toMatchObject({
      code: 'operation_failed',
      category: 'user',
      retryable: true,
      message: expect.stringContaining('Rate limit exceeded'),
    });
    await setup.clock.drive(first);
    expect((await setup.clock.drive(sample())).sequences).toHaveLength(1);
    await setup.finish();
  });
});
