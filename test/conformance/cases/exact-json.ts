import { unorderedHash } from '../../../src/client/passes/unordered-hash.ts';
import { stringifyExact } from '../../../src/wire/json/exact-json.ts';
import { assertEqual, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** JSON with integers of 64 bits, and numbers as engines write them. */
export function exactJsonCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'kernel: integers of 64 bits are written digit for digit',
      run() {
        const text = stringifyExact({ seed: 2n ** 63n - 1n, list: [-(2n ** 63n), 1, 'a'], inner: { n: 0n } });
        assertEqual(
          'text',
          text,
          '{"seed":9223372036854775807,"list":[-9223372036854775808,1,"a"],"inner":{"n":0}}',
        );
        assertEqual(
          'deep inside',
          stringifyExact([[{ a: [1, { n: 2n ** 53n + 1n }] }]]),
          '[[{"a":[1,{"n":9007199254740993}]}]]',
        );
        return text;
      },
    },
    {
      name: 'kernel: without them it is JSON.stringify’s to the letter, with them but for them',
      run() {
        const plain = {
          a: undefined,
          b: [undefined, () => 1, Number.NaN, -0, 1e21, 5e-324],
          c: '\ud800\u2028"\\',
          __proto__: null,
          e: new Date(0),
        };
        assertEqual('without', stringifyExact(plain), JSON.stringify(plain));
        assertEqual('with', stringifyExact([plain, 1n]), `[${JSON.stringify(plain)},1]`);
        return stringifyExact([plain, 1n]);
      },
    },
    {
      name: 'kernel: a text that looks like an integer stays a text',
      run() {
        const text = stringifyExact({ '1n': '1n', n: 12n, t: '12', u: '"12"' });
        assertEqual('text', text, '{"1n":"1n","n":12,"t":"12","u":"\\"12\\""}');
      },
    },
    {
      name: 'kernel: numbers are written and read back the same in every engine',
      run() {
        const numbers = [
          0.1,
          1 / 3,
          1e21,
          1e-7,
          123456789012345680000,
          5e-324,
          Number.MAX_VALUE,
          Math.fround(0.1),
          -0,
        ];
        const text = JSON.stringify(numbers);
        const back = JSON.parse(text) as number[];
        for (const [i, number] of numbers.entries())
          assertEqual(`number ${i}`, back[i], number === 0 ? 0 : number);
        return text;
      },
    },
    {
      name: 'kernel: the hash of numbers in any order is the reference’s, in 64 bits',
      run() {
        assertEqual('of none', unorderedHash([]), 5_740_354_900_026_072_187n);
        assertEqual('in another order', unorderedHash([3, -1, 2.9]), unorderedHash([2.1, 3, -1]));
        assertEqual('of what has none', unorderedHash([1, Number.NaN]), undefined);
        const rows = [[0], [-1], [1, 2, 3], [2 ** 53, -(2 ** 60)], [1e300, -1e300], [0.5, -0.5]];
        return textOf(rows.map(unorderedHash));
      },
    },
  ];
}
