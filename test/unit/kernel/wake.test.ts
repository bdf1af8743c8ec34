import { afterEach, expect, it } from 'vitest';
import { systemWake } from '../../../src/kernel/wake.ts';

/** A page's globals, as far as waking is concerned. */
function page() {
  const scope = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
  const names = {
    document,
    addEventListener: scope.addEventListener.bind(scope),
    removeEventListener: scope.removeEventListener.bind(scope),
  };
  Object.assign(globalThis, names);
  return { scope, document };
}

afterEach(() => {
  for (const name of ['document', 'addEventListener', 'removeEventListener'])
    Reflect.deleteProperty(globalThis, name);
});

it('hears of what a page tells, but not of its being hidden, until it is let go', () => {
  const { scope, document } = page();
  const heard: string[] = [];
  let what = '';
  const tell = (target: EventTarget, type: string): void => {
    what = type;
    target.dispatchEvent(new Event(type));
  };
  const dispose = systemWake(() => heard.push(what));
  tell(scope, 'online');
  tell(document, 'visibilitychange');
  document.visibilityState = 'visible';
  tell(document, 'visibilitychange');
  tell(document, 'resume');
  tell(scope, 'offline');
  expect(heard).toEqual(['online', 'visibilitychange', 'resume']);
  dispose();
  tell(scope, 'online');
  tell(document, 'visibilitychange');
  tell(document, 'resume');
  expect(heard).toHaveLength(3);
});

it('hears nothing where the platform tells nothing', () => {
  expect('addEventListener' in globalThis).toBe(false);
  const dispose = systemWake(() => {});
  dispose();
});
