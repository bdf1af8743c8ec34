import { describe, expect, it } from 'vitest';
import { createServiceClient, createSharedLimits, type ServiceClientOptions } from '../../src/index.ts';
import type { Answer } from '../../src/testing/scripted-fetch.ts';
import { answerAfter } from '../support/runtime.ts';
import { scriptedService } from '../support/service.ts';
import { driveToRejection, rejection, thrown } from '../support/settled.ts';

const ACCEPTED: Answer = { status: 200, body: { request_id: 'asample' } };
const BUSY: Answer = { status: 429, body: { detail: 'too many samples' } };

async function setUp(
  script: Record<string, readonly Answer[]> = {},
  options: Partial<ServiceClientOptions> = {},
) {
  const base = scriptedService(script, options);
  const sampler = await base.clock.drive(base.service.createSamplingClient({ baseModel: 'm' }));
  const sample = (tokens = 1, call = {}) =>
    sampler.sample({ prompt: new Int32Array(tokens).fill(5), maxTokens: 1 }, call);
  /** `seq_id` and time since the start of each submission. */
  const startedAt = base.clock.monotonic();
  const submissions = () =>
    base.requests
      .filter(({ path }) => path === 'asample')
      .map(({ body, startedAt: at }) => [body['seq_id'], (at ?? Number.NaN) - startedAt] as const);
  const gauges = () => base.service.snapshot().sampling;
  const finish = async (): Promise<void> => {
    for (const { used, waiting } of Object.values(gauges())) expect([used, waiting]).toEqual([0, 0]);
    await base.finish();
  };
  return { ...base, sampler, sample, submissions, gauges, finish };
}

describe('a 429', () => {
  it.each([
    ['a small prompt', 13_107, 1_000],
    ['case 19: a large prompt', 15_000, 5_000],
  ])('pauses all samples of the account, for %s of %i tokens %i ms', async (_, tokens, pauseMs) => {
    const { clock, sample, submissions, events, finish } = await setUp({ asample: [BUSY, ACCEPTED] });
    await clock.drive(sample(tokens));
    expect(submissions()).toEqual([
      [0, 0],
      [0, pauseMs],
    ]);
    expect(events.filter(({ type }) => type === 'rate_limited')).toMatchObject([
      { lane: 'sample', pauseMs, reason: expect.stringContaining('too many samples') },
    ]);
    await finish();
  });

  it('with a hint pauses as long as it says', async () => {
    const hinted: Answer = { status: 429, headers: { 'retry-after': '7' } };
    const { clock, sample, submissions, finish } = await setUp({ asample: [hinted, ACCEPTED] });
    await clock.drive(sample());
    expect(submissions()).toEqual([
      [0, 0],
      [0, 7_000],
    ]);
    await finish();
  });

  it('case 20: holds back what starts meanwhile; one number each, and only the refused one twice', async () => {
    const { clock, sample, submissions, service, finish } = await setUp(
      { asample: [BUSY, ACCEPTED] },
      { random: () => 0.5 },
    );
    const first = sample();
    await clock.advance(10);
    const others = Array.from({ length: 20 }, () => sample());
    await clock.drive(Promise.all([first, ...others]));
    const sent = submissions();
    expect(sent[0]).toEqual([0, 0]);
    expect(sent.slice(1).every(([, at]) => at >= 1_000)).toBe(true);
    const numbers = sent.map(([number]) => number as number).sort((a, b) => a - b);
    expect(numbers).toEqual([0, ...Array.from({ length: 21 }, (_, i) => i)]);
    expect(service.snapshot().pausedMs.sample).toBe(0);
    await finish();
  });

  it('spreads those that waited, and lets at most ten submit at once until ten seconds later', async () => {
    let chance = 0;
    const random = (): number => {
      chance = (chance + 0.37) % 1;
      return chance;
    };
    const base = await setUp({}, { random });
    const slow = answerAfter(base.clock, 400, () => Response.json({ request_id: 'asample' }));
    base.script['asample'] = [BUSY, slow];
    const refused = base.sample();
    await base.clock.advance(10);
    const others = Array.from({ length: 30 }, () => base.sample());
    await base.clock.advance(1_300);
    expect(base.gauges().throttled).toEqual({ used: 10, capacity: 10, waiting: 20 });
    await base.clock.drive(Promise.all([refused, ...others]));
    // The first ten waited out the pause of a second, and started spread over a quarter of it.
    const starts = base.submissions().map(([, at]) => at);
    expect(starts.slice(1).every((at) => at >= 1_000)).toBe(true);
    expect(new Set(starts.filter((at) => at <= 1_250)).size).toBeGreaterThan(8);
    // Ten at once, for 400 ms: thirty take 1,200 at the least.
    expect(Math.max(...starts)).toBeGreaterThanOrEqual(1_800);
    await base.clock.advance(10_000);
    const calm = Array.from({ length: 30 }, () => base.sample());
    await base.clock.advance(0);
    expect(base.service.snapshot().lanes.sample.inFlight).toBe(30);
    await base.clock.drive(Promise.all(calm));
    await base.finish();
  });

  it('case 22: makes bytes weigh twenty times, while the pressure lasts', async () => {
    const base = await setUp();
    // 10,485,760 bytes are 52,428.8 tokens at ten bytes and twenty times: two prompts of 30,000 do not fit, three do not.
    const slow = answerAfter(base.clock, 100, () => Response.json({ request_id: 'asample' }));
    base.script['asample'] = [{ status: 429, headers: { 'retry-after-ms': '10' } }, ACCEPTED, slow];
    await base.clock.drive(base.sample());
    const pressed = [base.sample(60_000), base.sample(60_000)];
    await base.clock.advance(50);
    expect(base.gauges().bytes).toEqual({ used: 12_000_000, capacity: 10_485_760, waiting: 1 });
    expect(base.service.snapshot().lanes.sample.inFlight).toBe(1);
    await base.clock.drive(Promise.all(pressed));
    await base.clock.advance(20_000);
    const calm = [base.sample(60_000), base.sample(60_000)];
    await base.clock.advance(50);
    expect(base.gauges().bytes).toMatchObject({ used: 1_200_000, waiting: 0 });
    expect(base.service.snapshot().lanes.sample.inFlight).toBe(2);
    await base.clock.drive(Promise.all(calm));
    await base.finish();
  });
});

describe('permits', () => {
  it('case 23, D6: are for submissions: four hundred at once in call order, and a thousand polls hold none', async () => {
    const base = await setUp({ retrieve_future: ['nothing'] });
    const held = answerAfter(base.clock, 50, () => Response.json({ request_id: 'asample' }));
    base.script['asample'] = [held];
    for (let i = 0; i < 1_000; i++) base.sample().then(undefined, () => {});
    await base.clock.advance(0);
    expect(base.gauges().submissions).toEqual({ used: 400, capacity: 400, waiting: 600 });
    expect(base.submissions()).toHaveLength(400);
    expect(base.events.filter(({ type }) => type === 'limit_reached')).toEqual([
      { type: 'limit_reached', scope: 'requests', limit: 'sample submissions', waiting: 1 },
    ]);
    await base.clock.advance(200);
    expect(base.submissions().map(([number]) => number)).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
    expect(base.gauges()).toMatchObject({
      submissions: { used: 0, waiting: 0 },
      samples: { used: 1_000, capacity: 2_000 },
    });
    expect(base.service.snapshot().lanes.poll).toEqual({ inFlight: 900, waiting: 100 });
    await base.service.close();
    await base.finish();
  });

  it('D6: are free while a result is handed out, so that a sample may start another', async () => {
    const { clock, sample, finish } = await setUp();
    const nested = sample()
      .then(() => sample())
      .then(() => sample());
    await clock.drive(nested);
    await finish();
  });

  it.each<readonly [string, Answer]>([
    ['a refusal', { status: 400, body: { detail: 'no' } }],
    ['an unreadable answer', { status: 200, body: {} }],
  ])('case 24: come back after %s', async (_, answer) => {
    const { clock, sample, finish } = await setUp({ asample: [answer] });
    await driveToRejection(clock, sample());
    await finish();
  });

  it.each(['submission', 'queue', 'pause'])('case 24: come back from an abort in the %s', async (where) => {
    const base = await setUp({}, { retryBudgetMs: 0 });
    base.script['asample'] = where === 'pause' ? [BUSY] : ['nothing'];
    const controller = new AbortController();
    const count = where === 'queue' ? 450 : 1;
    const work = Array.from({ length: count }, () =>
      rejection(base.sample(1, { signal: controller.signal })),
    );
    await base.clock.advance(500);
    controller.abort('enough');
    expect(new Set(await Promise.all(work))).toEqual(new Set(['enough']));
    await base.finish();
  });
});

describe('onLimit: throw', () => {
  it('rejects where a permit would have to be waited for, and sends nothing', async () => {
    const base = await setUp({ asample: ['nothing'] });
    const held = Array.from({ length: 400 }, () => rejection(base.sample()));
    await base.clock.advance(0);
    const error = await rejection(base.sample(1, { onLimit: 'throw' }));
    expect(error).toMatchObject({
      code: 'limit_reached',
      scope: 'requests',
      category: 'limit',
      retryable: true,
      message:
        'The limit of 400 sample submissions at once is reached. Try again when others have ended, or wait with onLimit: "wait"',
    });
    expect(base.submissions()).toHaveLength(400);
    await base.service.close();
    await Promise.all(held);
    await base.finish();
  });

  it('rejects with the server’s words and time at a 429, once, and while the pause lasts', async () => {
    const { clock, sample, submissions, finish } = await setUp(
      {
        asample: [{ status: 429, body: { detail: 'slow down' }, headers: { 'retry-after': '3' } }, ACCEPTED],
      },
      { onLimit: 'throw' },
    );
    expect(await driveToRejection(clock, sample())).toMatchObject({
      code: 'limit_reached',
      scope: 'rate',
      message: '/api/v1/asample answered 429: slow down. Try again in 3000 ms, or wait with onLimit: "wait"',
      retryAfterMs: 3_000,
      cause: { status: 429 },
    });
    await clock.advance(1_000);
    expect(await driveToRejection(clock, sample())).toMatchObject({ scope: 'rate', retryAfterMs: 2_000 });
    expect(submissions()).toHaveLength(1);
    // A call may have its own way.
    await clock.drive(sample(1, { onLimit: 'wait' }));
    await finish();
  });

  it('rejects at a 402, and concerns every other request too', async () => {
    const bill: Answer = { status: 402, body: { detail: 'no credit' } };
    const base = await setUp({ asample: [bill], get_server_capabilities: [BUSY] }, { onLimit: 'throw' });
    expect(await driveToRejection(base.clock, base.sample())).toMatchObject({
      code: 'limit_reached',
      scope: 'billing',
      message: expect.stringContaining('no credit'),
    });
    expect(await driveToRejection(base.clock, base.service.getServerCapabilities())).toMatchObject({
      code: 'limit_reached',
      scope: 'rate',
      retryAfterMs: undefined,
    });
    await base.finish();
  });

  it('is checked', async () => {
    const { sample, finish } = await setUp();
    expect(thrown(() => sample(1, { onLimit: 'maybe' as 'wait' }))).toMatchObject({
      message: '"onLimit" must be "wait" or "throw", got "maybe"',
    });
    await finish();
  });
});

describe('a sample whose result is lost', () => {
  it('case 6: is submitted anew under a new number, with growing pauses', async () => {
    const gone: Answer = { status: 410, body: { detail: 'expired' } };
    const done: Answer = { status: 200, body: { sequences: [] } };
    const { clock, sample, submissions, finish } = await setUp({ retrieve_future: [gone, gone, gone, done] });
    const future = sample();
    const events: unknown[] = [];
    const watching = (async () => {
      for await (const event of future.events()) events.push(event);
    })();
    expect(await clock.drive(future)).toMatchObject({ sequences: [] });
    // Random is 0: a quarter less of 0.5, 1 and 2 seconds.
    expect(submissions()).toEqual([
      [0, 0],
      [1, 375],
      [2, 1_125],
      [3, 2_625],
    ]);
    await watching;
    const lost = { type: 'trouble', message: 'The result of Sample is gone: expired' };
    const [submitting, queued] = ['submitting', 'queued'].map((status) => ({ type: 'status', status }));
    expect(events).toEqual([
      submitting,
      ...Array(3).fill([queued, lost, submitting]).flat(),
      queued,
      { type: 'status', status: 'done' },
    ]);
    await finish();
  });

  it('is given up when none of the account has ended for two hours', async () => {
    const { clock, sample, events, finish } = await setUp({ retrieve_future: [{ status: 410 }] });
    const startedAt = clock.monotonic();
    expect(await driveToRejection(clock, sample())).toMatchObject({
      code: 'timed_out',
      scope: 'progress',
      limitMs: 7_200_000,
      message: expect.stringContaining('stuck'),
    });
    expect(clock.monotonic() - startedAt).toBe(7_200_000);
    expect(events.at(-1)).toMatchObject({
      type: 'operation_failed',
      path: '/api/v1/asample',
      code: 'timed_out',
    });
    await finish();
  });
});

describe('service clients that share limits', () => {
  it('case 21: share pauses by address and key, however the address is written', async () => {
    const limits = createSharedLimits();
    const make = (baseUrl: string, apiKey: string) =>
      setUp({ asample: [BUSY, ACCEPTED] }, { limits, baseUrl, apiKey });
    const one = await make('https://EXAMPLE.com:443/', 'key-a');
    const same = createServiceClient({
      limits,
      baseUrl: 'https://example.com/api/v1',
      apiKey: 'key-a',
      clock: one.clock,
      fetch: () => Promise.reject(new Error('not asked')),
    });
    const otherKey = await make('https://example.com', 'key-b');
    const otherHost = await make('https://example.org', 'key-a');
    expect(limits.size).toBe(3);
    const refused = one.sample();
    await one.clock.advance(10);
    expect(same.snapshot().pausedMs.sample).toBe(990);
    expect([otherKey, otherHost].map(({ service }) => service.snapshot().pausedMs.sample)).toEqual([0, 0]);
    await one.clock.drive(refused);
    await same.close();
    for (const { finish } of [one, otherKey, otherHost]) await finish();
    expect(limits.size).toBe(0);
  });

  it('hear the events of their account, and keep it until the last one is closed', async () => {
    const limits = createSharedLimits();
    const one = await setUp({ asample: [BUSY, ACCEPTED] }, { limits });
    const heard: string[] = [];
    const other = createServiceClient({
      limits,
      apiKey: 'tml-test',
      clock: one.clock,
      fetch: () => Promise.reject(new Error('not asked')),
      onEvent: ({ type }) => heard.push(type),
    });
    await one.clock.drive(one.sample());
    expect(heard).toEqual(['rate_limited']);
    await one.finish();
    expect(limits.size).toBe(1);
    await other.close();
    await other.close();
    expect(limits.size).toBe(0);
  });

  it('F6: leave nothing behind, ten thousand of them', async () => {
    const limits = createSharedLimits();
    for (let i = 0; i < 10_000; i++) await createServiceClient({ limits, apiKey: `tml-${i}` }).close();
    expect(limits.size).toBe(0);
  });
});
