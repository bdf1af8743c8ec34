import fc from 'fast-check';
import { expect, it } from 'vitest';
import { faultSchedule } from '../../src/emulator/index.ts';
import { seededRandom } from '../../src/index.ts';
import { CLIENT_OPTIONS, trainAndSample } from '../support/dialects.ts';

/** Of everything that a client can survive, a little; three polls in a row that are cut would be an end, as they should be. */
const RATES = {
  cut: 0.05,
  lost: 0.05,
  outage: 0.05,
  busy: 0.05,
  timeout: 0.05,
  crash: 0.03,
  slow: 0.03,
  duplicate: 0.05,
};

it.each(['hosted', 'miles'] as const)(
  'faults by chance change no bit of what is trained with %s',
  async (dialect) => {
    const calm = await trainAndSample(dialect, CLIENT_OPTIONS[dialect]);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 }), async (seed) => {
        const client = { ...CLIENT_OPTIONS[dialect], random: seededRandom(seed) };
        const run = await trainAndSample(dialect, client, { faults: faultSchedule(seed, RATES) });
        const { metrics, logprobs, norms, samples } = run;
        expect({ metrics, logprobs, norms, samples }).toEqual({
          metrics: calm.metrics,
          logprobs: calm.logprobs,
          norms: calm.norms,
          samples: calm.samples,
        });
      }),
      { numRuns: 15 },
    );
  },
  120_000,
);

it('a server whose clock is a day off is obeyed no longer than a minute, and never at once for ever', async () => {
  for (const clockSkewMs of [86_400_000, -86_400_000]) {
    let sent = 0;
    const run = await trainAndSample(
      'hosted',
      {},
      {
        clockSkewMs,
        faults: ({ path, attempt }) => {
          if (path !== 'optim_step' || attempt > 4) return undefined;
          sent += 1;
          return { status: 429, body: { detail: 'busy' }, headers: { 'retry-after': '2' } };
        },
      },
    );
    expect(sent).toBe(4);
    const waits = run.events.flatMap((event) => (event.type === 'retry' ? [event.delayMs] : []));
    expect(waits).toHaveLength(4);
    for (const wait of waits) expect(wait > 0 && wait <= 60_000).toBe(true);
  }
});
