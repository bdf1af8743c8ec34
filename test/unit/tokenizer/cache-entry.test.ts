import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { ABSENT, packEntry, unpackEntry } from '../../../src/tokenizer/cache/cache-entry.ts';
import { rejection } from '../../support/settled.ts';

const streams = {
  CompressionStream: globalThis.CompressionStream,
  DecompressionStream: globalThis.DecompressionStream,
};
afterEach(() => {
  Object.assign(globalThis, streams);
});

const kept = (bytes: Uint8Array<ArrayBuffer>, etag?: string) => ({
  bytes,
  etag,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});
const TEXT = new TextEncoder().encode('a text that repeats itself, '.repeat(1_000));

it('keeps any bytes, and their names', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.option(fc.string(), { nil: undefined }),
      async (bytes, etag) => {
        const file = kept(new Uint8Array(bytes), etag);
        expect(await unpackEntry(await packEntry(file))).toEqual(file);
      },
    ),
    { numRuns: 50 },
  );
});

it('packs, and says so', async () => {
  const value = await packEntry(kept(TEXT, '"e"'));
  expect(value.length).toBeLessThan(1_000);
  const [line = ''] = new TextDecoder().decode(value).split('\n', 1);
  expect(JSON.parse(line)).toMatchObject({ version: 1, isPacked: true, size: TEXT.length, etag: '"e"' });
});

it('keeps as it is what the platform cannot pack', async () => {
  Object.assign(globalThis, { CompressionStream: undefined });
  const value = await packEntry(kept(TEXT));
  expect(value.length).toBeGreaterThan(TEXT.length);
  Object.assign(globalThis, { DecompressionStream: undefined });
  expect(await unpackEntry(value)).toEqual(kept(TEXT));
});

it('fails for what is packed where the platform cannot unpack', async () => {
  const value = await packEntry(kept(TEXT));
  Object.assign(globalThis, { DecompressionStream: undefined });
  expect(await rejection(unpackEntry(value))).toBeInstanceOf(Error);
});

it('keeps that there is no file', async () => {
  expect(await unpackEntry(await packEntry(ABSENT))).toEqual(ABSENT);
});

it('sees every cut, and every byte that is another', async () => {
  const file = kept(TEXT.slice(0, 60));
  const value = await packEntry(file);
  for (let length = 0; length < value.length; length++) {
    expect(await rejection(unpackEntry(value.slice(0, length)))).toBeInstanceOf(Error);
  }
  for (let at = 0; at < value.length; at++) {
    const changed = value.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    // A header may say the same in other words, but the content is never another.
    const outcome = await unpackEntry(changed).catch(() => undefined);
    if (outcome?.bytes !== undefined) expect(outcome.bytes).toEqual(file.bytes);
  }
});

it('sees changes of what is not packed', async () => {
  Object.assign(globalThis, { CompressionStream: undefined });
  const value = await packEntry(kept(TEXT.slice(0, 60)));
  for (let at = value.length - 60; at < value.length; at++) {
    const changed = value.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(await rejection(unpackEntry(changed))).toMatchObject({ message: 'its SHA-256 differs' });
  }
});

it.each([10, null, 'x', -1])('does not unpack more than it should become: %j', async (size) => {
  const value = await packEntry(kept(TEXT));
  const end = value.indexOf(10);
  const header = JSON.parse(new TextDecoder().decode(value.subarray(0, end)));
  const line = new TextEncoder().encode(`${JSON.stringify({ ...header, size })}\n`);
  const forged = new Uint8Array([...line, ...value.subarray(end + 1)]);
  expect(await rejection(unpackEntry(forged))).toMatchObject({ message: 'it is longer than it should be' });
});

it('does not read what another version wrote', async () => {
  const value = new TextEncoder().encode('{"version":2}\nx');
  expect(await rejection(unpackEntry(value))).toMatchObject({ message: 'it is of another version' });
  expect(await rejection(unpackEntry(new TextEncoder().encode('null\nx')))).toBeInstanceOf(Error);
});
