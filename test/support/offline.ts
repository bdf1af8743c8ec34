import { createEmulator, type Emulator, type EmulatorOptions } from '../../src/emulator/index.ts';
import {
  createServiceClient,
  type Datum,
  type ServiceClient,
  type ServiceClientOptions,
  seededRandom,
} from '../../src/index.ts';
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';

/** A client and an emulator on one virtual clock. */
export interface Offline {
  readonly clock: VirtualClock;
  readonly emulator: Emulator;
  readonly service: ServiceClient;
}

/** A model small enough that a test trains it in milliseconds. */
export const SMALL = { width: 16, layers: 1, heads: 2, hiddenWidth: 16, contextLength: 64 };

/** Wire a client to an emulator; `wrap` may put something between them. */
export function offline(
  options: {
    readonly emulator?: EmulatorOptions;
    readonly client?: Partial<ServiceClientOptions>;
    readonly wrap?: (fetch: Emulator['fetch']) => Emulator['fetch'];
  } = {},
): Offline {
  const clock =
    options.client?.clock === undefined ? createVirtualClock() : (options.client.clock as VirtualClock);
  const emulator = createEmulator({
    model: SMALL,
    clock,
    random: seededRandom(1),
    latencyMs: 100,
    ...options.emulator,
  });
  const fetch = options.wrap?.(emulator.fetch) ?? emulator.fetch;
  const service = createServiceClient({
    apiKey: 'tml-test',
    fetch,
    clock,
    random: seededRandom(2),
    ...options.client,
  });
  return { clock, emulator, service };
}

/** A batch of `count` windows of a repeating text, next byte as target. */
export function batch(count = 2, length = 12, offset = 0): Datum<'cross_entropy'>[] {
  const text = new TextEncoder().encode('the quick brown fox jumps over the lazy dog. '.repeat(8));
  return Array.from({ length: count }, (_, index) => {
    const start = (offset + index * 7) % 45;
    return {
      modelInput: Array.from(text.subarray(start, start + length)),
      lossFnInputs: { target_tokens: Array.from(text.subarray(start + 1, start + length + 1)) },
    };
  });
}
