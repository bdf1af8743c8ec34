import { describe, expect, it } from 'vitest';
import { createAbortGroup } from '../../../src/kernel/abort-group.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';

describe('a group of signals', () => {
  it('follows one signal behind a single listener, and ends with it', () => {
    const parent = new AbortController();
    const listeners = countListeners(parent.signal);
    const group = createAbortGroup(parent.signal);
    const members = Array.from({ length: 100 }, () => group.join());
    expect(listeners).toMatchObject({ left: 1, added: 1 });
    parent.abort('enough');
    expect(members.map(({ reason }) => reason)).toEqual(members.map(() => 'enough'));
    expect(listeners.left).toBe(0);
  });

  it('ends by itself, once, and leaves what it follows alone', () => {
    const parent = new AbortController();
    const group = createAbortGroup(parent.signal);
    const member = group.join();
    group.abort('one failed');
    group.abort('another failed');
    parent.abort('too late');
    expect(member.reason).toBe('one failed');
    const other = createAbortGroup(new AbortController().signal);
    expect(other.join().aborted).toBe(false);
  });

  it('has ended for those who join later', () => {
    const group = createAbortGroup(AbortSignal.abort('before'));
    expect(group.join().reason).toBe('before');
    const own = createAbortGroup(new AbortController().signal);
    own.abort(undefined);
    expect(own.join().aborted).toBe(true);
  });

  it('no longer follows when it is disposed of', () => {
    const parent = new AbortController();
    const listeners = countListeners(parent.signal);
    const group = createAbortGroup(parent.signal);
    const member = group.join();
    group.dispose();
    expect(listeners.left).toBe(0);
    parent.abort('enough');
    expect(member.aborted).toBe(false);
  });
});
