import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TinkerResponseError } from '../../../../src/kernel/errors.ts';
import { decodeForwardBackwardOutput } from '../../../../src/wire/proto/forward-backward-output.ts';
import { decodeSampleResponse } from '../../../../src/wire/proto/sample-response.ts';
import { fromHex, GOLDEN } from './golden.ts';
import { oracleEncode } from './oracle.ts';
import { records } from './records.ts';

/** A change to a message; positions are fractions of its length. */
type Damage =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly byte: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'drop'; readonly at: number; readonly length: number }
  | { readonly kind: 'repeat'; readonly at: number; readonly length: number };

function damaged(bytes: Uint8Array, damage: Damage): Uint8Array {
  const at = Math.floor(damage.at * bytes.length);
  switch (damage.kind) {
    case 'flip':
      return bytes.map((byte, i) => (i === at ? byte ^ (1 << damage.bit) : byte));
    case 'set':
      return bytes.map((byte, i) => (i === at ? damage.byte : byte));
    case 'cut':
      return bytes.slice(0, at);
    case 'drop':
      return Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + damage.length)]);
    case 'repeat':
      return Uint8Array.from([...bytes.slice(0, at + damage.length), ...bytes.slice(at)]);
  }
}

const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const length = fc.integer({ min: 1, max: 20 });
const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const), at }) },
  fc.record({ kind: fc.constant('set' as const), at, byte: fc.constantFrom(0, 0x7f, 0x80, 0xff) }),
  fc.record({ kind: fc.constant('drop' as const), at, length }),
  fc.record({ kind: fc.constant('repeat' as const), at, length }),
);

/** Whether it is a result; anything but a response error goes through. */
function isResult(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    if (error instanceof TinkerResponseError) return false;
    throw error;
  }
}

/** Damage messages 20,000 times: both outcomes must come up, and no other. */
function check(messages: readonly Uint8Array[], decode: (bytes: Uint8Array) => unknown): void {
  const outcomes = { results: 0, errors: 0 };
  fc.assert(
    fc.property(
      fc.constantFrom(...messages),
      fc.array(damage, { minLength: 1, maxLength: 3 }),
      (bytes, all) => {
        const changed = all.reduce(damaged, bytes);
        if (isResult(() => decode(changed))) outcomes.results++;
        else outcomes.errors++;
      },
    ),
    { numRuns: 20_000 },
  );
  expect(outcomes.results).toBeGreaterThan(2_000);
  expect(outcomes.errors).toBeGreaterThan(2_000);
}

it('a damaged forward-backward result is a result or a response error', () => {
  const random = fc.sample(records, 40).map(({ init }) =>
    oracleEncode('ForwardBackwardOutput', {
      lossFnOutputType: 'a:T',
      lossFnOutputs: init,
      metrics: { m: 1 },
    }),
  );
  check([fromHex(GOLDEN.v4), fromHex(GOLDEN.v5), ...random], decodeForwardBackwardOutput);
});

it('a damaged sample result is a result or a response error', () => {
  const sequence = {
    stopReason: 1,
    tokens: new Uint8Array(40).fill(3),
    logprobs: new Uint8Array(40).fill(0x81),
  };
  const small = oracleEncode('SampleResponse', { sequences: [sequence, sequence, {}] });
  const topkPromptLogprobs = {
    tokenIds: new Uint8Array(48),
    logprobs: new Uint8Array(48),
    k: 4,
    promptLength: 3,
  };
  const large = oracleEncode('SampleResponse', {
    sequences: [sequence, {}],
    promptLogprobs: new Uint8Array(12).fill(7),
    topkPromptLogprobs,
    promptCacheHitTokens: -1,
  });
  check([fromHex(GOLDEN.v3), small, large], (bytes) => decodeSampleResponse(bytes, 3));
});

it('random bytes are a result or a response error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      isResult(() => decodeForwardBackwardOutput(bytes));
      isResult(() => decodeSampleResponse(bytes, 3));
    }),
    { numRuns: 2_000 },
  );
});
