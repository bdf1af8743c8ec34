import { createEventQueue } from '../../../src/kernel/event-queue.ts';
import { createSingleFlight } from '../../../src/kernel/single-flight.ts';
import { createWaitingLine } from '../../../src/kernel/waiting-line.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { assertAlike, assertEqual, assertFails, assertRejects, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** Work shared, events queued, turns taken. */
export function coordinationCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'kernel: work under way is done once for all who ask, and anew afterwards',
      async run() {
        const flight = createSingleFlight<number>();
        let runs = 0;
        const work = async (): Promise<number> => {
          runs += 1;
          await null;
          return runs;
        };
        const together = await Promise.all(
          ['a', 'a', 'b', 'a'].map((key) => flight.join(key, undefined, work)),
        );
        assertEqual('results', together.length, 4);
        assertEqual('runs', runs, 2);
        await flight.join('a', undefined, work);
        assertEqual('runs afterwards', runs, 3);
      },
    },
    {
      name: 'kernel: shared work ends with the last who waits, and not before',
      async run() {
        const flight = createSingleFlight<string>();
        const [first, second] = [new AbortController(), new AbortController()];
        const listeners = [countListeners(first.signal), countListeners(second.signal)];
        let given: AbortSignal | undefined;
        const work = (signal: AbortSignal): Promise<string> => {
          given = signal;
          return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        };
        const one = flight.join('key', first.signal, work);
        const other = flight.join('key', second.signal, work);
        first.abort('first');
        await assertRejects('the first', one, 'first');
        assertEqual('ended by the first', given?.aborted, false);
        second.abort('second');
        await assertRejects('the second', other, 'second');
        assertEqual('why it ended', given?.reason, 'second');
        assertAlike(
          'listeners',
          listeners.map(({ left }) => left),
          [0, 0],
        );
      },
    },
    {
      name: 'kernel: a failure of shared work reaches all, and is not remembered',
      async run() {
        const flight = createSingleFlight<number>();
        const broken = async (): Promise<number> => {
          await null;
          throw new RangeError('broken');
        };
        const waiting = [flight.join('key', undefined, broken), flight.join('key', undefined, broken)];
        for (const one of waiting) await assertFails('each', () => one, 'RangeError', 'broken');
        assertEqual('the next', await flight.join('key', undefined, async () => 5), 5);
      },
    },
    {
      name: 'kernel: a full queue drops the oldest events, and tells their number in their place',
      async run() {
        const queue = createEventQueue<string>(3, (count) => `${count} dropped`);
        for (let i = 0; i < 10; i++) queue.push(`event ${i}`);
        const read: string[] = [(await queue.next()).value as string, (await queue.next()).value as string];
        queue.push('event 10');
        queue.end();
        queue.push('too late');
        for await (const event of queue) read.push(event);
        assertEqual('the first', read[0], '7 dropped');
        return textOf(read);
      },
    },
    {
      name: 'kernel: readers who wait are served in their order, and leaving the loop stops the source once',
      async run() {
        let stops = 0;
        const queue = createEventQueue<number>(
          8,
          (count) => -count,
          () => stops++,
        );
        const waiting = [queue.next(), queue.next()];
        queue.push(1);
        queue.push(2);
        assertAlike(
          'who waited',
          (await Promise.all(waiting)).map(({ value }) => value as number),
          [1, 2],
        );
        queue.push(3);
        queue.push(4);
        for await (const event of queue) {
          assertEqual('event', event, 3);
          break;
        }
        await queue.return();
        assertEqual('stops', stops, 1);
        assertEqual('after the end', (await queue.next()).done, true);
      },
    },
    {
      name: 'kernel: turns come in the order asked for, whoever leaves the line meanwhile',
      async run() {
        const line = createWaitingLine<number>();
        const controllers = Array.from({ length: 12 }, () => new AbortController());
        const trace: string[] = [];
        const waits = controllers.map(({ signal }, i) =>
          line.wait(signal, i).then(
            () => trace.push(`${i} goes`),
            (reason) => trace.push(`${i} leaves: ${reason}`),
          ),
        );
        for (const i of [0, 5, 6, 11]) controllers[i]?.abort(`bored ${i}`);
        assertEqual('who is next', line.first, 1);
        while (line.size > 0) {
          line.callFirst();
          await null;
        }
        line.callFirst();
        await Promise.all(waits);
        assertEqual('who is next at the end', line.first, undefined);
        return textOf(trace);
      },
    },
  ];
}
