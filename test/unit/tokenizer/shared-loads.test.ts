import { afterEach, expect, it } from 'vitest';
import { byteTokenizer } from '../../../src/tokenizer/byte-tokenizer.ts';
import { sharedLoads } from '../../../src/tokenizer/hub/shared-loads.ts';
import { rejection } from '../../support/settled.ts';

const { WeakRef: PlatformWeakRef } = globalThis;
afterEach(() => {
  globalThis.WeakRef = PlatformWeakRef;
});

/** Counts how often it is loaded. */
function createLoader() {
  let loads = 0;
  return {
    load: async () => {
      loads += 1;
      return { ...byteTokenizer };
    },
    get loads() {
      return loads;
    },
  };
}

it('gives what somebody holds, by owner and key', async () => {
  const loader = createLoader();
  const owner = {};
  const first = await sharedLoads({ owner }).load('a', undefined, loader.load);
  expect(await sharedLoads({ owner }).load('a', undefined, loader.load)).toBe(first);
  expect(await sharedLoads({ owner }).load('b', undefined, loader.load)).not.toBe(first);
  expect(await sharedLoads({ owner: {} }).load('a', undefined, loader.load)).not.toBe(first);
  expect(loader.loads).toBe(3);
});

it('gives nobody what another backend made', async () => {
  const loader = createLoader();
  const owner = {};
  const backend = {};
  const plain = await sharedLoads({ owner }).load('a', undefined, loader.load);
  const first = await sharedLoads({ owner, tiktoken: backend }).load('a', undefined, loader.load);
  expect(await sharedLoads({ owner, tiktoken: backend }).load('a', undefined, loader.load)).toBe(first);
  const other = await sharedLoads({ owner, tiktoken: {} }).load('a', undefined, loader.load);
  expect(new Set([plain, first, other]).size).toBe(3);
});

it('loads again what nobody holds any more', async () => {
  const held: { target: object | undefined }[] = [];
  globalThis.WeakRef = class {
    readonly slot: { target: object | undefined };
    constructor(target: object) {
      this.slot = { target };
      held.push(this.slot);
    }
    deref() {
      return this.slot.target;
    }
  } as unknown as WeakRefConstructor;
  const loader = createLoader();
  const owner = {};
  await sharedLoads({ owner }).load('a', undefined, loader.load);
  for (const slot of held) slot.target = undefined;
  await sharedLoads({ owner }).load('a', undefined, loader.load);
  await sharedLoads({ owner }).load('a', undefined, loader.load);
  expect(loader.loads).toBe(2);
});

it('works where the platform has no weak references', async () => {
  Object.assign(globalThis, { WeakRef: undefined });
  const loader = createLoader();
  const owner = {};
  await sharedLoads({ owner }).load('a', undefined, loader.load);
  await sharedLoads({ owner }).load('a', undefined, loader.load);
  expect(loader.loads).toBe(2);
});

it('gives nothing to one who has left', async () => {
  const loader = createLoader();
  const owner = {};
  const held = await sharedLoads({ owner }).load('a', undefined, loader.load);
  expect(await rejection(sharedLoads({ owner }).load('a', AbortSignal.abort('gone'), loader.load))).toBe(
    'gone',
  );
  expect(held).toBeDefined();
});
