import type { Context } from './contexts.ts';
import { demand } from './demand.ts';

/** One context is told to wait 30 seconds; the other keeps the pause on its next request, a second later. */
export async function sharePause(contexts: readonly [Context, Context], database: string): Promise<void> {
  const [one, other] = contexts;
  await one.call('openClient', { database, server: 'limits the first', failureThreshold: 5 });
  await other.call('openClient', { database, server: 'healthy', failureThreshold: 5 });
  const { pausedMs } = await one.call('sampleUntilPaused', undefined);
  demand(pausedMs === 30_000, `the first is paused for ${pausedMs} ms`);
  await other.call('advance', { ms: 1_000 });
  const { ended, submittedAtMs } = await other.call('sample', undefined);
  demand(ended === 'done', `the other's sample ended with ${ended}`);
  const [askedAtMs = 0] = submittedAtMs;
  demand(askedAtMs >= 30_000 && askedAtMs <= 32_000, `the other asked at ${submittedAtMs} ms`);
  await closeClients(contexts);
}

/** One context's circuit opens; the other's next request is rejected unsent, until the circuit lets a probe through. */
export async function shareOpenCircuit(
  contexts: readonly [Context, Context],
  database: string,
): Promise<void> {
  const [one, other] = contexts;
  await one.call('openClient', { database, server: 'is down', failureThreshold: 3 });
  await other.call('openClient', { database, server: 'healthy', failureThreshold: 3 });
  const first = await one.call('sample', undefined);
  demand(first.ended === 'circuit_open', `the first sample ended with ${first.ended}`);
  demand(first.submittedAtMs.length === 3, `the first asked at ${first.submittedAtMs} ms`);
  const openedAtMs = first.submittedAtMs.at(-1) ?? 0;
  await other.call('advance', { ms: openedAtMs + 1_000 });
  const held = await other.call('sample', undefined);
  demand(held.ended === 'circuit_open', `the other's sample ended with ${held.ended}`);
  demand(held.submittedAtMs.length === 0, `the other asked at ${held.submittedAtMs} ms`);
  await other.call('advance', { ms: 20_000 });
  const probe = await other.call('sample', undefined);
  demand(probe.ended === 'done', `the probe ended with ${probe.ended}`);
  await closeClients(contexts);
}

/** Close the client of each. */
export async function closeClients(contexts: readonly Context[]): Promise<void> {
  for (const context of contexts) {
    const { timers } = await context.call('closeClient', undefined);
    demand(timers === 0, `${timers} timers are left of a client`);
  }
}
