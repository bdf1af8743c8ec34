import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createWaitingLine } from '../../../src/kernel/waiting-line.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { rejection } from '../../support/settled.ts';
import { forbidTimers, microtasks } from '../../support/timers.ts';

const { signal: CALM } = new AbortController();

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('createWaitingLine', () => {
  it('is empty at first, and calling nobody is harmless', () => {
    const line = createWaitingLine<string>();
    line.callFirst();
    expect(line.size).toBe(0);
    expect(line.first).toBeUndefined();
  });

  it('lets one go for each call, in the order they came', async () => {
    const line = createWaitingLine<string>();
    const gone: string[] = [];
    for (const name of ['a', 'b', 'c']) void line.wait(CALM, name).then(() => gone.push(name));
    expect([line.size, line.first]).toEqual([3, 'a']);
    await microtasks();
    expect(gone).toEqual([]);
    line.callFirst();
    expect([line.size, line.first]).toEqual([2, 'b']);
    await microtasks();
    expect(gone).toEqual(['a']);
    line.callFirst();
    line.callFirst();
    expect([line.size, line.first]).toEqual([0, undefined]);
    await microtasks();
    expect(gone).toEqual(['a', 'b', 'c']);
  });

  it('lets the called one go on after a single microtask', async () => {
    const line = createWaitingLine<number>();
    const order: string[] = [];
    const waiter = async () => {
      await line.wait(CALM, 0);
      order.push('waiter');
    };
    const done = waiter();
    line.callFirst();
    order.push('called');
    const later = Promise.resolve().then(() => order.push('later'));
    await Promise.all([done, later]);
    expect(order).toEqual(['called', 'waiter', 'later']);
  });

  it('rejects with the reason itself, and has let the waiter out before anybody hears of it', async () => {
    const line = createWaitingLine<string>();
    const controller = new AbortController();
    const reason = { why: 'enough' };
    const aborted = rejection(line.wait(controller.signal, 'first'));
    const second = line.wait(CALM, 'second');
    controller.abort(reason);
    expect([line.size, line.first]).toEqual([1, 'second']);
    expect(await aborted).toBe(reason);
    line.callFirst();
    await second;
  });

  it('refuses an aborted signal without a place in the line, or a listener', async () => {
    const line = createWaitingLine<string>();
    const signal = AbortSignal.abort('enough');
    const listeners = countListeners(signal);
    expect(await rejection(line.wait(signal, 'late'))).toBe('enough');
    expect(line.size).toBe(0);
    expect(listeners.added).toBe(0);
  });

  it('takes no notice of an abort after the call', async () => {
    const line = createWaitingLine<string>();
    const controller = new AbortController();
    const called = line.wait(controller.signal, 'called');
    const next = line.wait(CALM, 'next');
    line.callFirst();
    controller.abort('too late');
    expect(await called).toBeUndefined();
    expect([line.size, line.first]).toEqual([1, 'next']);
    line.callFirst();
    await next;
  });

  it('has one listener for each waiter on a shared signal, and none after it', async () => {
    const line = createWaitingLine<number>();
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const waits = Array.from({ length: 5 }, (_, i) => line.wait(signal, i));
    expect(listeners.left).toBe(5);
    for (let left = 4; left >= 0; left--) {
      line.callFirst();
      expect(listeners.left).toBe(left);
    }
    await Promise.all(waits);
  });

  it('makes ten thousand wait, half of them abort, and no timer', async () => {
    forbidTimers();
    const line = createWaitingLine<number>();
    const waiters = Array.from({ length: 10_000 }, (_, i) => {
      const controller = new AbortController();
      return { i, controller, settled: line.wait(controller.signal, i).then(() => 'called', String) };
    });
    for (const { i, controller } of waiters) if (i % 2 === 0) controller.abort('left');
    const called: (number | undefined)[] = [];
    for (; line.size > 0; line.callFirst()) called.push(line.first);
    expect(called).toEqual(Array.from({ length: 5_000 }, (_, i) => 2 * i + 1));
    for (const { i, settled } of waiters) expect(await settled).toBe(i % 2 === 0 ? 'left' : 'called');
  });

  it('is a list that loses its head, or any of its members', async () => {
    const step = fc.record({
      kind: fc.constantFrom('wait', 'wait', 'call', 'abort'),
      which: fc.nat(1_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const line = createWaitingLine<number>();
        const controllers: AbortController[] = [];
        const listeners: { readonly left: number }[] = [];
        const outcomes: string[] = [];
        const expected: string[] = [];
        let model: number[] = [];
        const all: Promise<unknown>[] = [];
        const act = (kind: string, which: number): void => {
          if (kind === 'wait') {
            const id = controllers.length;
            const controller = new AbortController();
            controllers.push(controller);
            listeners.push(countListeners(controller.signal));
            model.push(id);
            const settle = (what: unknown) => outcomes.push(`${what ?? 'called'} ${id}`);
            all.push(line.wait(controller.signal, id).then(settle, settle));
          } else if (kind === 'call') {
            const id = model.shift();
            if (id !== undefined) expected.push(`called ${id}`);
            line.callFirst();
          } else if (controllers.length > 0) {
            const id = which % controllers.length;
            if (model.includes(id)) expected.push(`aborted ${id}`);
            model = model.filter((other) => other !== id);
            controllers[id]?.abort('aborted');
          }
        };
        for (const { kind, which } of steps) {
          act(kind, which);
          expect(line.size).toBe(model.length);
          expect(line.first).toBe(model[0]);
        }
        while (model.length > 0) act('call', 0);
        await Promise.all(all);
        expect(outcomes).toEqual(expected);
        expect(line.size).toBe(0);
        expect(listeners.map(({ left }) => left)).toEqual(controllers.map(() => 0));
      }),
      { numRuns: 300 },
    );
  });
});
