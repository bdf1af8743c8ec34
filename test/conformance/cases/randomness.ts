import { createId, seededRandom, systemRandom } from '../../../src/kernel/random.ts';
import { createUuid } from '../../../src/kernel/uuid.ts';
import { assertEqual, assertTrue, bitsOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** Numbers by seed, and ids of the platform's randomness. */
export function randomnessCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'kernel: a seed gives the same numbers in every engine',
      run() {
        const seeds = [0, 1, 42, -1, 2 ** 32, 2 ** 32 + 42, Number.MAX_SAFE_INTEGER, -(2 ** 40)];
        const draws = seeds.map((seed) => {
          const random = seededRandom(seed);
          return Float64Array.from({ length: 100 }, () => random());
        });
        for (const draw of draws)
          assertTrue(
            'within [0, 1)',
            draw.every((value) => value >= 0 && value < 1),
          );
        const distinct = new Set(draws.map((draw) => bitsOf(draw)));
        assertEqual('different sequences', distinct.size, seeds.length);
        return bitsOf(...draws);
      },
    },
    {
      name: 'kernel: a seed’s integer part alone selects the sequence',
      run() {
        for (const [one, other] of [
          [1.25, 1.75],
          [-3.5, -3],
        ] as const)
          assertEqual(`${one} and ${other}`, seededRandom(one)(), seededRandom(other)());
        return textOf([seededRandom(7)(), seededRandom(8)()]);
      },
    },
    {
      name: 'kernel: ids are hex of the platform’s randomness, and no two are the same',
      run() {
        const ids = Array.from({ length: 500 }, () => createId());
        assertTrue(
          '32 digits',
          ids.every((id) => /^[0-9a-f]{32}$/.test(id)),
        );
        assertEqual('different ones', new Set(ids).size, 500);
        assertEqual('digits of 3 bytes', createId(3).length, 6);
      },
    },
    {
      name: 'kernel: UUIDs are of version 4, with the bits of a source of ids where that makes enough',
      run() {
        const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
        const made = Array.from({ length: 200 }, () => createUuid());
        assertTrue(
          'their form',
          made.every((uuid) => pattern.test(uuid)),
        );
        assertEqual('different ones', new Set(made).size, 200);
        const given = createUuid(() => '00112233445566778899AABBCCDDEEFF');
        assertTrue('form of a given one', pattern.test(given));
        assertTrue('form of one that was not enough', pattern.test(createUuid(() => 'short')));
        return given;
      },
    },
    {
      name: 'kernel: the platform’s random numbers are in [0, 1), and differ',
      run() {
        const draws = Array.from({ length: 200 }, () => systemRandom());
        assertTrue(
          'within [0, 1)',
          draws.every((value) => value >= 0 && value < 1),
        );
        assertTrue('different', new Set(draws).size > 190);
      },
    },
  ];
}
