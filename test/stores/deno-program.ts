import { seededRandom } from '../../src/kernel/random.ts';
import { type DenoKeyValue, denoKvStorage } from '../../src/storage/kv.ts';
import { storageCases } from '../../src/testing/storage-contract.ts';
import { createVirtualClock } from '../../src/testing/virtual-clock.ts';

// Runs in Deno, as one of the processes that have a file open. Prints one line of JSON for each check.

declare const Deno: {
  readonly args: readonly string[];
  openKv(path: string): Promise<DenoKeyValue & { close(): void }>;
  exit(): never;
};

/** What a process may be asked to do with a file. */
export type DenoTask =
  | {
      readonly task: 'contract' | 'large' | 'overwrite' | 'read' | 'crash' | 'afterCrash';
      readonly file: string;
    }
  | { readonly task: 'increment' | 'countIs'; readonly file: string; readonly count: number };

/** Both values are of several pieces, and of different lengths. */
const VALUES = [new Uint8Array(1_000_000).fill(1), new Uint8Array(1_500_000).fill(2)];
const OVERWRITES = 40;

const numberOf = (bytes: Uint8Array | undefined): number => Number(new TextDecoder().decode(bytes));
const bytesOf = (value: number): Uint8Array => new TextEncoder().encode(String(value));

function report(name: string, error?: unknown): void {
  console.log(JSON.stringify(error === undefined ? { name } : { name, error: String(error) }));
}

async function check(name: string, work: () => Promise<void>): Promise<void> {
  await work().then(
    () => report(name),
    (error: unknown) => report(name, error),
  );
}

function demand(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise);
}

function isSame(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one?.length === other.length && one.every((byte, index) => byte === other[index]);
}

async function contract(file: string): Promise<void> {
  for (const [index, one] of storageCases().entries()) {
    const kv = await Deno.openKv(`${file}-${index}`);
    const clock = createVirtualClock();
    await check(one.name, () => one.run(denoKvStorage(kv, { clock }), clock));
    kv.close();
  }
}

async function increment(file: string, count: number): Promise<void> {
  const kv = await Deno.openKv(file);
  const { update } = denoKvStorage(kv);
  for (let done = 0; done < count; done++)
    await update('count', (current) => bytesOf((current === undefined ? 0 : numberOf(current)) + 1));
  kv.close();
}

async function countIs(file: string, count: number): Promise<void> {
  const kv = await Deno.openKv(file);
  await check(`processes lose none of ${count} updates`, async () => {
    const counted = numberOf(await denoKvStorage(kv).get('count'));
    demand(counted === count, `${counted} were counted`);
  });
  kv.close();
}

async function large(file: string): Promise<void> {
  const kv = await Deno.openKv(file);
  const storage = denoKvStorage(kv);
  const random = seededRandom(20);
  const key = 'é'.repeat(256);
  for (const length of [61_440, 61_441, 1_000_000, 20_000_000, 61_378_560]) {
    await check(`keeps ${length} bytes, and replaces and deletes them`, async () => {
      const value = new Uint8Array(length).map(() => random() * 256);
      await storage.set(key, value);
      demand(isSame(await storage.get(key), value), 'other bytes came back');
      value.reverse();
      await storage.set(key, value);
      demand(isSame(await storage.get(key), value), 'other bytes came back after the second write');
      await storage.delete(key);
      demand((await storage.get(key)) === undefined, 'it is still there');
    });
  }
  await check('takes lifetimes of any length', async () => {
    for (const ttlMs of [0, 0.5, 1e9, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY]) {
      await storage.set('short', VALUES[0]!.subarray(0, 10), { ttlMs });
      await storage.set('long', VALUES[0]!, { ttlMs });
    }
    demand(isSame(await storage.get('long'), VALUES[0]!), 'what has no end is gone');
  });
  kv.close();
}

/** Write one value over the other. */
async function overwrite(file: string): Promise<void> {
  const kv = await Deno.openKv(file);
  const storage = denoKvStorage(kv);
  for (let round = 0; round < OVERWRITES; round++) await storage.set('value', VALUES[round % 2]!);
  await storage.set('over', bytesOf(1));
  kv.close();
}

/** Read while the other process writes. */
async function read(file: string): Promise<void> {
  const kv = await Deno.openKv(file);
  const storage = denoKvStorage(kv);
  const seen = [0, 0];
  await check('one process never reads parts of two values of another', async () => {
    while ((await storage.get('over')) === undefined) {
      const value = await storage.get('value');
      const index = VALUES.findIndex((each) => isSame(value, each));
      demand(value === undefined || index !== -1, `${value?.length} bytes that were never written`);
      if (index !== -1) seen[index]! += 1;
    }
    demand(
      seen.every((count) => count > 0),
      `it has not seen both: ${seen}`,
    );
  });
  kv.close();
}

/** Be ended in the middle of a write: the third operation of it is the last. */
async function crash(file: string): Promise<void> {
  const kv = await Deno.openKv(file);
  await denoKvStorage(kv).set('value', VALUES[0]!);
  let commits = 0;
  const dying: DenoKeyValue = {
    get: (key) => kv.get(key),
    atomic() {
      commits += 1;
      if (commits === 3) Deno.exit();
      return kv.atomic();
    },
  };
  await denoKvStorage(dying).set('value', new Uint8Array(5_000_000));
}

async function afterCrash(file: string): Promise<void> {
  const kv = await Deno.openKv(file);
  await check('a process that is ended in a write leaves the value as it was', async () => {
    demand(isSame(await denoKvStorage(kv).get('value'), VALUES[0]!), 'it is another');
  });
  kv.close();
}

const asked = JSON.parse(Deno.args[0] ?? '') as DenoTask;
const tasks: Readonly<Record<DenoTask['task'], (file: string, count: number) => Promise<void>>> = {
  contract,
  large,
  overwrite,
  read,
  crash,
  afterCrash,
  increment,
  countIs,
};
await tasks[asked.task](asked.file, 'count' in asked ? asked.count : 0);
