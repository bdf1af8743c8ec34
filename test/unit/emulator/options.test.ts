import { expect, it } from 'vitest';
import { createEmulator, type EmulatorOptions } from '../../../src/emulator/index.ts';

it.each<[EmulatorOptions, string]>([
  [{ limits: { concurrentSamples: 0 } }, '"limits.concurrentSamples" must be an integer >= 1, got 0'],
  [{ limits: { concurrentSamples: 1.5 } }, '"limits.concurrentSamples" must be an integer >= 1, got 1.5'],
  [{ metadataFirstBytes: -1 }, '"metadataFirstBytes" must be a finite number >= 0, got -1'],
  [{ holdMs: Number.NaN }, '"holdMs" must be a finite number >= 0, got NaN'],
])('refuses %j', (options, message) => {
  expect(() => createEmulator(options)).toThrow(message);
});
