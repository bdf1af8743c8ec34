import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';

/** Node's own channel: it has a message for each child process that is made. */
const CHILDREN = 'child_process';
/** What asks a program to end. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** From now on every program that this process starts ends with it, also where it is asked to end by a signal. */
export function endChildrenWithThis(): void {
  const running = new Set<ChildProcess>();
  subscribe(CHILDREN, (message) => {
    const { process: child } = message as { readonly process: ChildProcess };
    running.add(child);
    child.once('exit', () => running.delete(child));
    child.once('error', () => running.delete(child));
  });
  process.once('exit', () => {
    for (const child of running) child.kill();
  });
  for (const [signal, number] of Object.entries(SIGNALS))
    process.once(signal, () => process.exit(128 + number));
}
