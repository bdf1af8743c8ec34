import { describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../src/index.ts';
import { batch, offline } from '../support/offline.ts';
import { rejection } from '../support/settled.ts';
import { forbidUnhandledRejections } from '../support/unhandled.ts';

forbidUnhandledRejections();

describe('a server that lets nothing but short-lived tokens in', () => {
  it.each([
    [2_000, 60_000],
    [10_000, 200_000],
    [30_000, 600_000],
    [300_000, 3_600_000],
    [3_600_000, 14_400_000],
  ])('is served by a client that trains on and on: tokens of %d ms, for %d ms', async (lifetimeMs, forMs) => {
    const seen: { readonly path: string; readonly status: number }[] = [];
    const events: TinkerEvent[] = [];
    const { clock, emulator, service } = offline({
      emulator: { jwt: { lifetimeMs }, apiKey: 'tml-test', latencyMs: 50 },
      client: { onEvent: (event) => events.push(event) },
      wrap: (fetch) => async (request) => {
        const response = await fetch(request);
        seen.push({
          path: new URL(request.url).pathname.replace(/^.*\/api\/v1\//, ''),
          status: response.status,
        });
        return response;
      },
    });
    const training = await clock.drive(
      service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 4 }),
    );
    const steps = 20;
    for (let step = 0; step < steps; step++) {
      await clock.drive(training.trainStep(batch(1, 8), 'cross_entropy'));
      await clock.advance(forMs / steps);
    }
    expect(seen.slice(0, 3).map(({ path }) => path)).toEqual([
      'client/config',
      'auth/token',
      'create_session',
    ]);
    expect(seen.filter(({ status }) => status === 401)).toEqual([]);
    const exchanges = seen.filter(({ path }) => path === 'auth/token').length;
    expect(exchanges).toBeLessThanOrEqual(2 * Math.ceil(clock.monotonic() / lifetimeMs) + 1);
    expect(exchanges).toBeLessThanOrEqual(seen.length / 2);
    expect(events.filter(({ type }) => type !== 'queue_state')).toEqual([]);
    await clock.drive(service.close());
    expect(clock.pending).toBe(0);
  });

  it('may take its tokens back: the next call asks for another, once for all', async () => {
    const revoked = new Set<string>();
    const sent: string[] = [];
    let exchanges = 0;
    let takesNone = false;
    const { clock, emulator, service } = offline({
      emulator: { jwt: true, apiKey: 'tml-test' },
      wrap: (fetch) => async (request) => {
        const key = request.headers.get('x-api-key') ?? '';
        if (request.url.endsWith('/auth/token')) exchanges += 1;
        else if (key.startsWith('eyJ')) sent.push(key);
        if (revoked.has(key) || (takesNone && key.startsWith('eyJ')))
          return Response.json({ detail: 'revoked' }, { status: 401 });
        return fetch(request);
      },
    });
    const training = await clock.drive(
      service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 4 }),
    );
    await clock.advance(60_000);
    revoked.add(sent.at(-1) ?? '');
    const step = training.trainStep(batch(1, 8), 'cross_entropy');
    await clock.drive(Promise.all([step, training.getInfo(), service.getServerCapabilities()]));
    expect(exchanges).toBe(2);
    // A server that takes none at all is not asked for them again and again.
    takesNone = true;
    await clock.advance(60_000);
    const before = exchanges;
    const refused = await clock.drive(Promise.all([training.getInfo(), training.getInfo()].map(rejection)));
    expect(refused).toMatchObject([{ status: 401 }, { status: 401 }]);
    await clock.drive(rejection(training.getInfo()));
    expect(exchanges - before).toBeLessThanOrEqual(1);
    await clock.drive(service.close());
  });

  it('is served from the first call on, whichever that is', async () => {
    const { clock, service } = offline({ emulator: { jwt: true, apiKey: 'tml-test' } });
    expect((await clock.drive(service.getServerCapabilities())).supportedModels).toHaveLength(1);
    await clock.drive(service.close());
  });

  it('is served by a client whose clock is a day wrong', async () => {
    for (const skewMs of [-86_400_000, 86_400_000]) {
      const server = offline({ emulator: { jwt: { lifetimeMs: 60_000 }, apiKey: 'tml-test' } });
      const { clock } = server;
      const statuses: number[] = [];
      const { service } = offline({
        client: {
          clock: { ...clock, now: () => clock.now() + skewMs } as never,
          fetch: async (request) => {
            const response = await server.emulator.fetch(request);
            statuses.push(response.status);
            return response;
          },
        },
      });
      for (let call = 0; call < 20; call++) {
        await clock.drive(service.getServerCapabilities());
        await clock.advance(20_000);
      }
      expect(statuses.filter((status) => status !== 200)).toEqual([]);
      // Each token is good for two calls of the twenty: one in its first half, one in its third quarter.
      expect(statuses.length).toBeLessThanOrEqual(1 + 20 + 11);
      await clock.drive(service.close());
      await clock.drive(server.service.close());
    }
  });
});
