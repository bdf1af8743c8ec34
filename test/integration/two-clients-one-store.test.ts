import { describe, expect, it } from 'vitest';
import { createServiceClient, type ServiceClientOptions, type TinkerEvent } from '../../src/index.ts';
import { type Answer, scriptedFetch } from '../../src/testing/scripted-fetch.ts';
import { createSharedStore } from '../../src/testing/two-contexts.ts';
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';
import { healthyScript } from '../support/service.ts';
import { driveToRejection } from '../support/settled.ts';

/** A client in a context of its own: it shares nothing with others but the store. */
async function context(
  clock: VirtualClock,
  storage: ServiceClientOptions['storage'],
  script: Record<string, readonly Answer[]> = {},
  options: Partial<ServiceClientOptions> = {},
) {
  const events: TinkerEvent[] = [];
  const { fetch, requests } = scriptedFetch({ ...healthyScript(), ...script }, undefined, { clock });
  const service = createServiceClient({
    apiKey: 'tml-test',
    fetch,
    clock,
    storage,
    random: () => 0,
    onEvent: (event) => events.push(event),
    ...options,
  });
  // Also computes the digest that names the account, once: real work, during which virtual time may pass.
  const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
  const sample = () => sampler.sample({ prompt: [1], maxTokens: 1 });
  const submissions = () => requests.filter(({ path }) => path === 'asample');
  return { service, sample, events, submissions };
}

const LIMITED: Answer = { status: 429, headers: { 'retry-after': '30' } };
const ACCEPTED: Answer = { status: 200, body: { request_id: 'asample' } };

describe.each(['strict', 'hint'] as const)('two contexts with a %s store', (consistency) => {
  it('case 37: keep a pause that one was asked for, on the next request', async () => {
    const clock = createVirtualClock();
    const store = createSharedStore({ clock, consistency });
    const one = await context(clock, store.open(), { asample: [LIMITED, ACCEPTED] });
    const other = await context(clock, store.open());
    const askedAt = clock.monotonic();
    const first = one.sample();
    await clock.advance(1_000);
    await clock.drive(other.sample());
    expect(other.submissions().map(({ startedAt = 0 }) => startedAt - askedAt)).toEqual([30_000]);
    await clock.drive(first);
    await Promise.all([one.service.close(), other.service.close()]);
    expect(clock.pending).toBe(0);
  });

  it('another key on the same server is not paused', async () => {
    const clock = createVirtualClock();
    const store = createSharedStore({ clock, consistency });
    const one = await context(clock, store.open(), { asample: [LIMITED, ACCEPTED] });
    const other = await context(clock, store.open(), {}, { apiKey: 'tml-other' });
    const askedAt = clock.monotonic();
    const first = one.sample();
    await clock.advance(1_000);
    await clock.drive(other.sample());
    expect(other.submissions().map(({ startedAt = 0 }) => startedAt - askedAt)).toEqual([1_000]);
    await clock.drive(first);
    await Promise.all([one.service.close(), other.service.close()]);
  });

  it('keep a circuit open that one has opened, on the next request', async () => {
    const clock = createVirtualClock();
    const store = createSharedStore({ clock, consistency });
    const options = { circuitBreaker: { failureThreshold: 3, resetMs: 20_000 }, retryBudgetMs: 60_000 };
    const one = await context(clock, store.open(), { asample: [{ status: 503 }] }, options);
    const other = await context(clock, store.open(), {}, options);
    expect(await driveToRejection(clock, one.sample())).toMatchObject({ code: 'circuit_open' });
    expect(one.submissions()).toHaveLength(3);
    await clock.advance(1_000);
    expect(await driveToRejection(clock, other.sample())).toMatchObject({ code: 'circuit_open' });
    expect(other.submissions()).toHaveLength(0);
    await clock.advance(20_000);
    await clock.drive(other.sample());
    expect(other.submissions()).toHaveLength(1);
    await Promise.all([one.service.close(), other.service.close()]);
    expect(clock.pending).toBe(0);
  });

  it('F3: go on in memory when the store fails, at any call and in any way, each with one event', async () => {
    for (const mode of ['throw', 'reject', 'hang'] as const) {
      const clock = createVirtualClock();
      const store = createSharedStore({ clock, consistency });
      const options = { circuitBreaker: { failureThreshold: 2, resetMs: 20_000 }, retryBudgetMs: 60_000 };
      const script = { asample: [{ status: 503 }, { status: 503 }, ACCEPTED] };
      const one = await context(clock, store.open(), script, options);
      expect(one.service.snapshot().storage).toBe('ok');
      store.fail(undefined, mode);
      expect(await driveToRejection(clock, one.sample())).toMatchObject({ code: 'circuit_open' });
      expect(one.submissions()).toHaveLength(2);
      expect(one.events.filter(({ type }) => type === 'storage_trouble')).toHaveLength(1);
      expect(one.service.snapshot()).toMatchObject({
        storage: 'resting',
        circuits: { sample: { state: 'open' } },
      });
      await clock.advance(20_000);
      await clock.drive(one.sample());
      expect(one.service.snapshot().circuits.sample).toMatchObject({ state: 'closed', failures: 0 });
      await one.service.close();
    }
  });
});

it('the store holds neither key nor header, and its keys name the library', async () => {
  const clock = createVirtualClock();
  const store = createSharedStore({ clock, consistency: 'strict' });
  const keys: string[] = [];
  const values: string[] = [];
  const inner = store.open();
  const spied: ServiceClientOptions['storage'] = {
    ...inner,
    update: (key, change, options) => {
      keys.push(key);
      return inner.update!(
        key,
        (current) => {
          const next = change(current);
          values.push(new TextDecoder().decode(next));
          return next;
        },
        options,
      );
    },
  };
  const script = { asample: [LIMITED, { status: 503 }, ACCEPTED] };
  const one = await context(clock, spied, script, { circuitBreaker: true });
  await clock.drive(one.sample());
  await one.service.close();
  expect(keys.length).toBeGreaterThan(1);
  expect(keys.every((key) => /^isotinker:v1:(window|breaker):/.test(key))).toBe(true);
  expect(new Set(keys.map((key) => key.split(':')[2]))).toEqual(new Set(['window', 'breaker']));
  expect([...keys, ...values].join()).not.toContain('tml-test');
});
