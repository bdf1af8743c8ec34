import { systemClock } from '../../src/kernel/clock.ts';
import { createDenoKv } from '../support/deno-kv.ts';

// Stands in for the part of Deno that a block of the README needs, and only for such a block: clients look for Deno.

const kv = createDenoKv({ clock: systemClock });
Object.assign(globalThis, { Deno: { openKv: async () => kv.open() } });
