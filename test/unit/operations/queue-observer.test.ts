import { describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { createQueueObserver, type QueueSubject } from '../../../src/operations/queue-observer.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';

function setUp(kind: QueueSubject['kind'] = 'sampling') {
  const clock = createVirtualClock();
  const events: TinkerEvent[] = [];
  const { heard } = createQueueObserver(clock, (event) => events.push(event), { name: 'Sampling s-1', kind });
  return { clock, events, heard };
}

describe('createQueueObserver', () => {
  it('reports the server’s reason, and once a minute at most (protocol 5.9)', async () => {
    const { clock, events, heard } = setUp();
    for (let i = 0; i < 1_000; i++) heard(`r-${i}`, 'paused_capacity', 'busy');
    expect(events).toEqual([
      {
        type: 'queue_state',
        subject: 'Sampling s-1',
        requestId: 'r-0',
        queueState: 'paused_capacity',
        reason: 'busy',
      },
    ]);
    await clock.advance(59_999);
    heard('r-1', 'paused_rate_limit', 'slow down');
    expect(events).toHaveLength(1);
    await clock.advance(1);
    heard('r-2', 'paused_rate_limit', 'slow down');
    expect(events.at(-1)).toMatchObject({ requestId: 'r-2', reason: 'slow down' });
    expect(events).toHaveLength(2);
  });

  it('does not report that all is well, and that is no report', () => {
    const { events, heard } = setUp();
    heard('r', 'active', undefined);
    heard('r', 'paused_capacity', undefined);
    expect(events).toHaveLength(1);
  });

  it.each([
    ['training', 'paused_capacity', 'the server is short of capacity'],
    ['training', 'paused_rate_limit', 'the limit of concurrent training clients is reached'],
    ['sampling', 'paused_rate_limit', 'the limit of concurrently used sampler weights is reached'],
    ['sampling', 'weird', 'unknown'],
  ] as const)('has words of its own where the server has none: %s, %s', (kind, state, reason) => {
    const { events, heard } = setUp(kind);
    heard('r', state, undefined);
    expect(events).toMatchObject([{ queueState: state, reason }]);
  });
});
