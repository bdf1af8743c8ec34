import { hmacSha256 } from '../../../src/emulator/hmac.ts';
import { createKernels } from '../../../src/emulator/model/create-kernels.ts';
import { exp, log, sineCosine } from '../../../src/emulator/model/elementary.ts';
import { sampleToken, topLogprobs } from '../../../src/emulator/model/token-sampling.ts';
import { toHex } from '../../../src/kernel/bytes.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { goldenTraining } from '../../unit/emulator/model/golden-training.ts';
import { assertAlike, assertEqual, assertTrue, bitsOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** The emulator's arithmetic, to the bit. */
export function modelCases(): readonly ConformanceCase[] {
  return [...arithmeticCases(), ...trainingCases(), ...choiceCases()];
}

/** Arguments over all magnitudes, the same every time. */
function anyNumbers(count: number, range: number): Float64Array {
  const random = seededRandom(range);
  return Float64Array.from({ length: count }, () => (random() - 0.5) * range);
}

function arithmeticCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'emulator: exp, log, sin and cos are the same bits in every engine, and right',
      run() {
        const values = [
          exp,
          (x: number) => log(Math.abs(x)),
          (x: number) => sineCosine(Math.abs(x)).sine,
          (x: number) => sineCosine(Math.abs(x)).cosine,
        ].map((of) => anyNumbers(20_000, 300).map(of));
        const references = [
          Math.exp,
          (x: number) => Math.log(Math.abs(x)),
          (x: number) => Math.sin(Math.abs(x)),
          Math.cos,
        ];
        for (const [i, reference] of references.entries()) {
          for (const [j, x] of anyNumbers(20_000, 300).entries()) {
            const expected = reference(x);
            const error = Math.abs((values[i]?.[j] ?? Number.NaN) - expected);
            if (!(error <= 1e-13 * Math.max(1, Math.abs(expected))))
              throw new Error(`Function ${i} of ${x} is off by ${error}`);
          }
        }
        const bits = bitsOf(...values);
        assertEqual('bits', bits, '004725f16705c6cc7245648e5c1f25a58c8bbf8c2f8be6c39172dde708c32457');
        return bits;
      },
    },
    {
      name: 'emulator: floats of 32 bits are rounded, stored and summed the same way',
      run() {
        const wide = anyNumbers(5_000, 1e30);
        const narrow = Float32Array.from(wide);
        for (const [i, x] of wide.entries()) assertTrue(`number ${i}`, narrow[i] === Math.fround(x));
        let sum = 0;
        for (const x of anyNumbers(5_000, 7)) sum = Math.fround(sum + Math.fround(x) * Math.fround(0.1));
        const edges = Float32Array.of(1e-46, 1e-45, 3.4028235e38, 3.5e38, -0, 1 + 2 ** -24, 1 + 2 ** -23);
        return `${bitsOf(narrow)} ${bitsOf(edges)} ${sum}`;
      },
    },
    {
      name: 'emulator: signatures are those of the standard’s own examples',
      run() {
        // RFC 4231, test case 2.
        const text = toHex(hmacSha256('Jefe', 'what do ya want for nothing?'));
        assertEqual('HMAC', text, '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
      },
    },
  ];
}

function trainingCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'emulator: twelve steps of training in plain JavaScript end in the very weights that are written down',
      run() {
        const hash = goldenTraining(createKernels('javascript'));
        assertEqual('hash of the weights', hash, 0x80900f93);
        return hash.toString(16);
      },
    },
    {
      name: 'emulator: WebAssembly gives the same weights to the bit, where the platform allows it',
      run() {
        const kernels = createKernels('auto');
        assertTrue(`"${kernels.name}" is a backend`, ['javascript', 'simd'].includes(kernels.name));
        assertEqual('hash of the weights', goldenTraining(kernels), 0x80900f93);
      },
    },
  ];
}

function choiceCases(): readonly ConformanceCase[] {
  const logits = (): Float32Array => Float32Array.from(anyNumbers(50, 8));
  const options = { temperature: 1, topK: -1, topP: 1 };
  const draws = (more: Partial<typeof options>, count = 400): readonly number[] => {
    const random = seededRandom(6);
    return Array.from({ length: count }, () => sampleToken(logits(), { ...options, ...more }, random).token);
  };
  return [
    {
      name: 'emulator: the same tokens are drawn everywhere, whatever temperature, top-k and top-p are',
      run() {
        const all = [
          {},
          { temperature: 0.3 },
          { temperature: 5 },
          { topK: 5 },
          { topP: 0.5 },
          { topK: 9, topP: 0.8 },
        ];
        return textOf(all.map((more) => draws(more, 60)));
      },
    },
    {
      name: 'emulator: top-k and top-p leave only the likeliest, temperature 0 only one, and equals go by id',
      run() {
        const ranked = topLogprobs(logits(), 50).map(([token]) => token);
        const among = (tokens: readonly number[], allowed: readonly number[]): boolean =>
          tokens.every((token) => allowed.includes(token));
        assertTrue('top-k', among(draws({ topK: 5 }), ranked.slice(0, 5)));
        assertEqual('all of them', new Set(draws({ topK: 5 })).size, 5);
        assertTrue('temperature 0', among(draws({ temperature: 0 }), ranked.slice(0, 1)));
        const flat = new Float32Array(10);
        assertAlike(
          'equals',
          topLogprobs(flat, 3).map(([token]) => token),
          [0, 1, 2],
        );
        let mass = 0;
        const kept = topLogprobs(logits(), 50).filter(([, logprob]) => {
          const before = mass;
          mass += Math.exp(logprob);
          return before < 0.5;
        });
        assertTrue(
          'top-p',
          among(
            draws({ topP: 0.5 }),
            kept.map(([token]) => token),
          ),
        );
        assertTrue('log-probabilities add up', Math.abs(mass - 1) < 1e-5);
      },
    },
  ];
}
