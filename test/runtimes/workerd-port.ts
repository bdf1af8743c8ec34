import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { OwnProcess } from './own-process.ts';

/** Where a workerd listens that was started with `--control-fd=3`: it chooses a port that is free, and says it there. */
export async function portOfWorkerd({ child }: OwnProcess): Promise<number> {
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const { event, port } = JSON.parse(line) as { readonly event: string; readonly port?: number };
    if (event === 'listen' && port !== undefined) return port;
  }
  throw new Error('workerd does not say where it listens');
}
