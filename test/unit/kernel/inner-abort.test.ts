import { describe, expect, it } from 'vitest';
import { linkInner } from '../../../src/kernel/abort.ts';
import { createInnerAbort } from '../../../src/kernel/inner-abort.ts';

// Each of these holds for the platform's controller, too.
describe.each([
  ['inner', createInnerAbort],
  ['the platform’s', () => new AbortController()],
])('a controller: %s', (_, create) => {
  it('tells each listener once, in order, and none that comes later', () => {
    const { signal, abort } = bound(create());
    const heard: string[] = [];
    signal.addEventListener('abort', () => heard.push('first'), { once: true });
    signal.addEventListener('abort', () => heard.push(`second: ${signal.reason}`), { once: true });
    expect(signal.aborted).toBe(false);
    abort('enough');
    abort('again');
    signal.addEventListener('abort', () => heard.push('late'), { once: true });
    expect(heard).toEqual(['first', 'second: enough']);
    expect([signal.aborted, signal.reason]).toEqual([true, 'enough']);
  });

  it('counts the same listener once, and takes it off', () => {
    const { signal, abort } = bound(create());
    let calls = 0;
    const once = (): void => void calls++;
    const gone = (): void => {
      calls += 100;
    };
    for (const listener of [once, once, gone]) signal.addEventListener('abort', listener, { once: true });
    signal.removeEventListener('abort', gone);
    signal.removeEventListener('abort', () => {});
    abort('enough');
    expect(calls).toBe(1);
  });

  it('does not tell a listener that another one takes off', () => {
    const { signal, abort } = bound(create());
    let calls = 0;
    const second = (): void => void calls++;
    signal.addEventListener('abort', () => signal.removeEventListener('abort', second), { once: true });
    signal.addEventListener('abort', second, { once: true });
    abort('enough');
    expect(calls).toBe(0);
  });

  it('throws its reason, and has one where none is given', () => {
    const { signal, abort } = bound(create());
    signal.throwIfAborted();
    abort(undefined);
    expect(signal.reason).toMatchObject({ name: 'AbortError' });
    expect(() => signal.throwIfAborted()).toThrow(signal.reason as Error);
  });

  it('may be aborted with nothing at all', () => {
    const { signal, abort } = bound(create());
    abort(null);
    expect([signal.aborted, signal.reason]).toEqual([true, null]);
  });
});

function bound(controller: { readonly signal: AbortSignal; abort(reason: unknown): void }) {
  return { signal: controller.signal, abort: (reason: unknown) => controller.abort(reason) };
}

describe('linkInner', () => {
  it('follows its parent until it is disposed', () => {
    const parent = new AbortController();
    const [follower, other] = [linkInner(parent.signal), linkInner(parent.signal)];
    other.dispose();
    parent.abort('enough');
    expect([follower.signal.reason, other.signal.aborted]).toEqual(['enough', false]);
    expect(linkInner(parent.signal).signal.reason).toBe('enough');
  });
});

it('what a listener throws keeps neither the others nor the caller from going on, and is not lost', async () => {
  const { signal, abort } = bound(createInnerAbort());
  const [heard, uncaught]: [string[], unknown[]] = [[], []];
  const onUncaught = (reason: unknown): void => void uncaught.push(reason);
  process.on('unhandledRejection', onUncaught);
  signal.addEventListener('abort', () => {
    throw new Error('broken');
  });
  signal.addEventListener('abort', () => heard.push('second'));
  abort('enough');
  expect(heard).toEqual(['second']);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', onUncaught);
  expect(uncaught).toEqual([new Error('broken')]);
});
