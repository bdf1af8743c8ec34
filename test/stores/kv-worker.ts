import { type KeyValueNamespace, kvStorage } from 'isotinker/storage/kv';
import { createVirtualClock, storageCases } from 'isotinker/testing';
import { commandResult, leaveCommand, probeState, runCircuitClient } from './kv-worker-circuit.ts';

// A Worker that does what it is told to by the path and the body of a request. Two of them share a namespace.

/** What a Worker is bound to: one namespace for each case of the contract, and one for the two together. */
export interface Bindings {
  readonly SHARED: KeyValueNamespace;
  readonly [name: `CASE${number}`]: KeyValueNamespace;
}

interface Context {
  waitUntil(work: Promise<unknown>): void;
}

/** What comes with a request. */
interface Call {
  // biome-ignore lint/suspicious/noExplicitAny: the driver's JSON.
  readonly body: any;
  readonly bindings: Bindings;
  readonly context: Context;
}

/** Stores that outlive a request, as one at module scope does; by name, and made in the first request for it. */
const lasting = new Map<string, ReturnType<typeof kvStorage>>();

function lastingStore(name: string, { bindings, context }: Call): ReturnType<typeof kvStorage> {
  let store = lasting.get(name);
  if (store === undefined) {
    // The first request's, if any: it is over when the others come.
    const options = name.startsWith('kept alive')
      ? { waitUntil: (work: Promise<void>) => context.waitUntil(work) }
      : {};
    store = kvStorage(bindings.SHARED, options);
    lasting.set(name, store);
  }
  return store;
}

const of = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** One case of the contract on a store of its own; `slowly`: KV has every value before the next call. */
async function contractCase({ body, bindings }: Call): Promise<string | undefined> {
  const { index, slowly } = body as { readonly index: number; readonly slowly: boolean };
  const clock = createVirtualClock();
  const storage = kvStorage(bindings[`CASE${slowly ? 2 * index + 1 : 2 * index}`]!, { clock });
  const pass = (): Promise<void> => clock.advance(slowly ? 1_000 : 0);
  await storageCases({ update: false })[index]?.run(
    {
      get: (key) => storage.get(key),
      set: async (key, value, options) => {
        // At once, as the store itself would.
        const copy = value.slice();
        if (options === undefined) await pass();
        await storage.set(key, copy, options);
      },
      async delete(key) {
        await pass();
        await storage.delete(key);
      },
    },
    clock,
  );
  await clock.advance(2_000);
  return clock.pending === 0 ? undefined : `${clock.pending} timers are left`;
}

/** What KV takes, and what it itself refuses. */
async function bounds({ bindings }: Call): Promise<string | undefined> {
  const storage = kvStorage(bindings.SHARED);
  const value = new Uint8Array(25 * 2 ** 20).map((_, index) => index % 251);
  await storage.set('large', value);
  const read = await kvStorage(bindings.SHARED).get('large');
  if (read?.length !== value.length || read.some((byte, index) => byte !== value[index]))
    return '25 MiB came back as something else';
  await storage.set('short', of(1), { ttlMs: 1 });
  await storage.set('long', of(1), { ttlMs: Number.MAX_SAFE_INTEGER });
  const refusals = await Promise.allSettled([
    bindings.SHARED.put('ttl', of(1) as Uint8Array<ArrayBuffer>, { expirationTtl: 59 }),
    bindings.SHARED.put('x'.repeat(513), of(1) as Uint8Array<ArrayBuffer>),
    bindings.SHARED.put('larger', new Uint8Array(25 * 2 ** 20 + 1)),
  ]);
  const taken = refusals.filter(({ status }) => status === 'fulfilled').length;
  return taken === 0 ? undefined : `${taken} of three things were not refused`;
}

const routes: Readonly<Record<string, (call: Call) => Promise<unknown>>> = {
  contractCase,
  bounds,
  /** Set a key to each of several values, one right after the other. */
  async set(call) {
    const { store, key, values } = call.body as { store: string; key: string; values: number[] };
    for (const value of values) await lastingStore(store, call).set(key, of(value));
    return (await lastingStore(store, call).get(key))?.[0];
  },
  async get(call) {
    const { store, key } = call.body as { store: string; key: string };
    return (await lastingStore(store, call).get(key))?.[0] ?? null;
  },
  runCircuitClient: ({ body, bindings }) => runCircuitClient(bindings.SHARED, body),
  leaveCommand: async ({ body }) => leaveCommand(body),
  commandResult: async () => commandResult(),
  probeState: async () => probeState(),
  async release({ body }) {
    probeState().outcome = body.outcome;
  },
};

// biome-ignore lint/style/noDefaultExport: what a Worker is.
export default {
  async fetch(request: Request, bindings: Bindings, context: Context): Promise<Response> {
    const route = routes[new URL(request.url).pathname.slice(1)];
    if (route === undefined) return Response.json({ error: 'no such route' });
    try {
      const result = await route({ body: await request.json(), bindings, context });
      return Response.json({ result: result ?? null });
    } catch (error) {
      return Response.json({
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  },
};
