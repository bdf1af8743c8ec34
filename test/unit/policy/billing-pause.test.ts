import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { BILLING_RETRY_MS, createBillingPause } from '../../../src/policy/billing-pause.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';

function setUp(maxPauseMs?: number) {
  const clock = createVirtualClock();
  const events: TinkerEvent[] = [];
  const billing = createBillingPause({ clock, emit: (event) => events.push(event), maxPauseMs });
  return { clock, events, billing };
}
const paused = (message: string, pausedMs: number): TinkerEvent => ({
  type: 'billing_paused',
  message,
  pausedMs,
});

/** Protocol 5.10 as it is written there, in seconds. */
function reference(maxPause: number) {
  let first: number | undefined;
  let lastLogged: number | undefined;
  return (now: number): { readonly isPause: boolean; readonly isLogged: boolean } => {
    if (lastLogged !== undefined && now - lastLogged > 300) {
      first = undefined;
      lastLogged = undefined;
    }
    if (first !== undefined && now - first > maxPause) return { isPause: false, isLogged: false };
    const isLogged = lastLogged === undefined || now - lastLogged >= 60;
    if (isLogged) lastLogged = now;
    first ??= now;
    return { isPause: true, isLogged };
  };
}

describe('createBillingPause', () => {
  it('asks for a request again after five seconds', () => {
    expect(BILLING_RETRY_MS).toBe(5_000);
  });

  it('tells of a bill once a minute, and since when: 59 s apart is one event, 60 s apart two', async () => {
    const { clock, events, billing } = setUp();
    expect(billing.heard('pay')).toBe(true);
    await clock.advance(59_999);
    expect(billing.heard('pay now')).toBe(true);
    expect(events).toEqual([paused('pay', 0)]);
    await clock.advance(1);
    expect(billing.heard('pay at once')).toBe(true);
    expect(events).toEqual([paused('pay', 0), paused('pay at once', 60_000)]);
    await clock.advance(60_000);
    expect(billing.heard('pay')).toBe(true);
    expect(events.at(-1)).toEqual(paused('pay', 120_000));
    expect(clock.pending).toBe(0);
  });

  it('pauses for an hour by default, and not a millisecond longer', async () => {
    const { clock, events, billing } = setUp();
    billing.heard('pay');
    for (let minute = 1; minute <= 60; minute++) {
      await clock.advance(60_000);
      expect(billing.heard('pay')).toBe(true);
    }
    expect(events).toHaveLength(61);
    await clock.advance(1);
    expect(billing.heard('pay')).toBe(false);
    expect(events).toHaveLength(61);
  });

  it('takes a 402 over five minutes after the last event for a new incident', async () => {
    for (const [gapMs, pausedMs] of [
      [300_000, 300_000],
      [300_001, 0],
    ] as const) {
      const { clock, events, billing } = setUp();
      billing.heard('pay');
      await clock.advance(gapMs);
      expect(billing.heard('pay')).toBe(true);
      expect(events.at(-1)).toEqual(paused('pay', pausedMs));
    }
  });

  it('pauses again five minutes after an incident that lasted too long', async () => {
    const { clock, events, billing } = setUp(100_000);
    billing.heard('pay');
    await clock.advance(100_000);
    expect(billing.heard('pay')).toBe(true);
    await clock.advance(300_000);
    expect(billing.heard('pay')).toBe(false);
    await clock.advance(1);
    expect(billing.heard('pay')).toBe(true);
    expect(events).toEqual([paused('pay', 0), paused('pay', 100_000), paused('pay', 0)]);
  });

  it('never pauses for a limit of 0', async () => {
    const { clock, events, billing } = setUp(0);
    expect(billing.heard('pay')).toBe(false);
    await clock.advance(10);
    expect([billing.heard('pay'), billing.pausedMs, events.length]).toEqual([false, 0, 0]);
  });

  it('shows the age of the incident until five minutes after the last 402', async () => {
    const { clock, billing } = setUp();
    expect(billing.pausedMs).toBe(0);
    await clock.advance(1_000);
    billing.heard('pay');
    expect(billing.pausedMs).toBe(0);
    await clock.advance(59_000);
    expect(billing.pausedMs).toBe(59_000);
    // One that makes no event counts too.
    billing.heard('pay');
    await clock.advance(300_000);
    expect(billing.pausedMs).toBe(359_000);
    await clock.advance(1);
    expect(billing.pausedMs).toBe(0);
  });

  it('does what the protocol says, whatever comes when', async () => {
    const gap = fc.oneof(fc.nat(90), fc.constantFrom(59, 60, 61, 299, 300, 301), fc.nat(1_000));
    await fc.assert(
      fc.asyncProperty(
        fc.array(gap, { maxLength: 40 }),
        fc.integer({ min: 1, max: 900 }),
        async (gaps, max) => {
          const { clock, events, billing } = setUp(max * 1_000);
          const expected = reference(max);
          for (const seconds of gaps) {
            await clock.advance(seconds * 1_000);
            const told = events.length;
            const isPause = billing.heard('pay');
            const isLogged = events.length > told;
            expect({ isPause, isLogged }).toEqual(expected(clock.monotonic() / 1_000));
          }
          expect(clock.pending).toBe(0);
        },
      ),
    );
  });
});
