import { describe, expect, it } from 'vitest';
import { safeSink, type TinkerEvent } from '../../../src/kernel/diagnostics.ts';

const EVENT: TinkerEvent = { type: 'session_lost', sessionId: 's', status: 404 };

describe('safeSink', () => {
  it('passes events on as they are', () => {
    const heard: TinkerEvent[] = [];
    safeSink((event) => heard.push(event))(EVENT);
    expect(heard).toEqual([EVENT]);
  });

  it('drops what the listener throws, and goes on calling it', () => {
    let calls = 0;
    const sink = safeSink(() => {
      calls += 1;
      throw new Error('a listener’s bug');
    });
    sink(EVENT);
    sink(EVENT);
    expect(calls).toBe(2);
  });

  it('does without a listener', () => {
    expect(() => safeSink(undefined)(EVENT)).not.toThrow();
  });
});
