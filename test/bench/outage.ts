import { createServiceClient, type PollPolicyOption, seededRandom } from '../../src/index.ts';
import { scriptedFetch } from '../../src/testing/scripted-fetch.ts';
import { createVirtualClock } from '../../src/testing/virtual-clock.ts';
import { healthyScript } from '../support/service.ts';
import type { Bench } from './bench.ts';

const OUTAGE_MS = 60_000;

/** Polls of one future in a minute in which the server answers nothing but 503, each after `rttMs`. */
export async function requestsInOutage(pollPolicy: PollPolicyOption, rttMs: number): Promise<number> {
  const clock = createVirtualClock({ graceTurns: 2 });
  const down = { status: 503, text: 'down', afterMs: rttMs };
  const { fetch, requests } = scriptedFetch({ ...healthyScript(), retrieve_future: [down] }, undefined, {
    clock,
  });
  const service = createServiceClient({
    apiKey: 'tml-bench',
    clock,
    random: seededRandom(7),
    pollPolicy,
    fetch,
  });
  const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
  const future = sampler.sample({ prompt: [1], maxTokens: 1 });
  await clock.advance(OUTAGE_MS);
  const polls = requests.filter(({ path }) => path === 'retrieve_future').length;
  future.cancel();
  await service.close();
  return polls;
}

/** The review's arithmetic (seed.txt): a loop without a pause makes one request per round trip. */
const reviewed = (rttMs: number): number => OUTAGE_MS / rttMs;

export const outage: Bench = {
  name: 'outage',
  title:
    'Requests per minute and future while the server answers 503 at once, by round trip; virtual time.\n' +
    'review: one request per round trip, as the loop without a pause that the review found (60,000 at 1 ms, 600 to\n' +
    '3,000 at 20 to 100 ms). python: the preset that repeats at once. adaptive: the default.',
  async run() {
    const rows = [];
    for (const rttMs of [1, 20, 100]) {
      const review = reviewed(rttMs);
      const python = await requestsInOutage('python', rttMs);
      const adaptive = await requestsInOutage('adaptive', rttMs);
      rows.push({ 'round trip ms': rttMs, review, python, adaptive, 'review / adaptive': review / adaptive });
    }
    return rows;
  },
};
