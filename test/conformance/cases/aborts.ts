import { createAbortFanout, linkAbort, raceAbort, sleep } from '../../../src/kernel/abort.ts';
import { createAbortGroup } from '../../../src/kernel/abort-group.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { assertEqual, assertRejects, assertTrue, rejectionOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { patientClock } from '../patience.ts';

/** Aborts: the reason reaches everybody as the same object, and no listener stays. */
export function abortCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'kernel: an abort hands on its reason, whatever it is',
      async run() {
        for (const reason of [new Error('mine'), 'a text', 0, null, Object.freeze({ a: 1 })]) {
          const controller = new AbortController();
          const linked = linkAbort(controller.signal);
          const racing = raceAbort(linked.signal, new Promise(() => {}));
          controller.abort(reason);
          await assertRejects('the race', racing, reason);
          assertEqual('the linked signal’s reason', linked.signal.reason, reason);
        }
      },
    },
    {
      name: 'kernel: an abort without a reason is an AbortError of the platform, the same for all who hear it',
      async run() {
        const controller = new AbortController();
        const group = createAbortGroup(controller.signal);
        const members = [group.join(), group.join()];
        controller.abort();
        const reason = await rejectionOf('the race', () => raceAbort(controller.signal, Promise.resolve(1)));
        assertEqual('its name', (reason as Error).name, 'AbortError');
        for (const member of members) assertEqual('a member’s reason', member.reason, reason);
        assertEqual('the reason of one who joins late', group.join().reason, reason);
      },
    },
    {
      name: 'kernel: linked signals leave no listener, settled or disposed',
      async run() {
        const controller = new AbortController();
        const listeners = countListeners(controller.signal);
        const clock = patientClock();
        const linked = Array.from({ length: 8 }, () => linkAbort(controller.signal));
        await raceAbort(controller.signal, Promise.resolve());
        await clock.drive(sleep(clock, 5, controller.signal));
        assertEqual('while they are linked', listeners.left, 8);
        for (const one of linked) one.dispose();
        assertEqual('afterwards', listeners.left, 0);
      },
    },
    {
      name: 'kernel: a group is one listener on its parent, and ends its members once',
      run() {
        const controller = new AbortController();
        const listeners = countListeners(controller.signal);
        const group = createAbortGroup(controller.signal);
        const heard: unknown[] = [];
        for (let i = 0; i < 50; i++) {
          const member = group.join();
          member.addEventListener('abort', () => heard.push(member.reason));
        }
        assertEqual('listeners on the parent', listeners.left, 1);
        group.abort('first');
        controller.abort('second');
        assertEqual('members that heard', heard.length, 50);
        assertTrue(
          'all of the first',
          heard.every((reason) => reason === 'first'),
        );
        group.dispose();
        assertEqual('listeners at the end', listeners.left, 0);
      },
    },
    {
      name: 'kernel: thousands of followers are one listener on a signal, called in their order',
      run() {
        const controller = new AbortController();
        const listeners = countListeners(controller.signal);
        const fanout = createAbortFanout();
        const heard: number[] = [];
        const leave = Array.from({ length: 2_000 }, (_, i) =>
          fanout.subscribe(controller.signal, () => heard.push(i)),
        );
        assertEqual('listeners', listeners.left, 1);
        for (const [i, unsubscribe] of leave.entries()) if (i % 2 === 0) unsubscribe();
        controller.abort('over');
        assertEqual(
          'who heard',
          heard,
          Array.from({ length: 1_000 }, (_, i) => 2 * i + 1),
        );
        assertEqual('listeners afterwards', listeners.left, 0);
      },
    },
    {
      name: 'kernel: a sleep that is aborted takes its timer along, and one that was aborted before makes none',
      async run() {
        const clock = patientClock();
        const controller = new AbortController();
        const sleeping = sleep(clock, 1_000, controller.signal);
        assertEqual('timers', clock.pending, 1);
        controller.abort('woken');
        await assertRejects('the sleep', sleeping, 'woken');
        await assertRejects('the next one', sleep(clock, 1_000, controller.signal), 'woken');
        assertEqual('timers afterwards', clock.pending, 0);
      },
    },
    {
      name: 'kernel: work that loses its race against an abort may fail unheard',
      async run() {
        const controller = new AbortController();
        let fail: (error: Error) => void = () => {};
        const work = new Promise<void>((_, reject) => {
          fail = reject;
        });
        const racing = raceAbort(controller.signal, work);
        controller.abort('over');
        await assertRejects('the race', racing, 'over');
        fail(new Error('too late'));
      },
    },
  ];
}
