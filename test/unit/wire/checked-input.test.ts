import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTinkerError, type TinkerInputError } from '../../../src/kernel/errors.ts';
import { checkedBatch, checkedCustomBatch } from '../../../src/wire/checked-input.ts';
import type { Datum, LossFn } from '../../../src/wire/types/datum.ts';
import { ModelInput } from '../../../src/wire/types/model-input.ts';
import { thrown } from '../../support/settled.ts';

const messageOf = (work: () => unknown): string => {
  const error = thrown(work);
  expect(isTinkerError(error, 'input_invalid'), String(error)).toBe(true);
  return (error as TinkerInputError).message;
};

/** A datum of two positions that every policy loss takes, with changes to its tensors. */
const datum = (changes: Record<string, unknown> = {}, modelInput: unknown = [5, 6]): unknown => ({
  modelInput,
  lossFnInputs: { target_tokens: [6, 7], ...changes },
});
/** An array whose first element was never set. */
const hole = (second: unknown): unknown[] => {
  const array = new Array(2);
  array[1] = second;
  return array;
};
const policy = { logprobs: [-1, -2], advantages: [1, 1] };

describe('checkedBatch', () => {
  it('takes thresholds for each position where ratios are clipped, and nowhere else', () => {
    const inputs = { ...policy, clip_low_threshold: [0.8, 0.9], clip_high_threshold: [1.2, 1.1] };
    for (const lossFn of ['ppo', 'cispo'] as const) {
      const [checked] = checkedBatch([datum(inputs) as Datum], lossFn);
      expect(checked?.lossFnInputs['clip_high_threshold']?.data).toEqual(Float32Array.of(1.2, 1.1));
    }
    for (const lossFn of ['importance_sampling', 'dro'] as const) {
      expect(() => checkedBatch([datum(inputs) as Datum], lossFn)).toThrow(
        /clip_low_threshold" is not read by \w+; it reads/,
      );
    }
  });

  it.each<readonly [string, unknown, unknown, string]>([
    [
      'an unknown loss',
      [datum()],
      'mse',
      '"lossFn" must be one of cross_entropy, importance_sampling, ppo, cispo, dro, got "mse"',
    ],
    [
      'a loss that is a name of an object’s own things',
      [datum()],
      'constructor',
      '"lossFn" must be one of cross_entropy, importance_sampling, ppo, cispo, dro, got "constructor"',
    ],
    [
      'no loss',
      [datum()],
      undefined,
      '"lossFn" must be one of cross_entropy, importance_sampling, ppo, cispo, dro, got undefined',
    ],
    ['no data', [], 'cross_entropy', '"data" must hold at least one datum, got none'],
    [
      'one datum without its array',
      datum(),
      'cross_entropy',
      '"data" must hold at least one datum, got an object. Put a single datum into a list',
    ],
    ['nothing', undefined, 'cross_entropy', '"data" must hold at least one datum, got undefined'],
    ['a hole', [datum(), undefined], 'cross_entropy', '"data[1]" must be a datum, got undefined'],
    ['a real hole', hole(datum()), 'cross_entropy', '"data[0]" must be a datum, got undefined'],
    ['null', [null], 'cross_entropy', '"data[0]" must be a datum, got null'],
    ['text for a datum', ['hello'], 'cross_entropy', '"data[0]" must be a datum, got "hello"'],
    [
      'no model input',
      [datum({}, null)],
      'cross_entropy',
      '"data[0].modelInput" must be token ids or a ModelInput, got null',
    ],
    [
      'text',
      [datum({}, 'hello')],
      'cross_entropy',
      `"data[0].modelInput" must be token ids or a ModelInput, got "hello". Encode text with the model's tokenizer first`,
    ],
    [
      'no tokens',
      [datum({}, [])],
      'cross_entropy',
      '"data[0].modelInput" must hold at least one token, got none',
    ],
    [
      'no chunks',
      [datum({}, { chunks: [] })],
      'cross_entropy',
      '"data[0].modelInput" must hold at least one token, got none',
    ],
    [
      'an empty chunk',
      [datum({}, ModelInput.fromTokens([]))],
      'cross_entropy',
      '"data[0].modelInput" must hold at least one token, got none',
    ],
    [
      'a fraction',
      [datum({}, [5, 6.5])],
      'cross_entropy',
      '"data[0].modelInput[1]" must be an integer >= 0 and <= 2147483647, got 6.5',
    ],
    [
      'a negative id',
      [datum({}, [5, -1])],
      'cross_entropy',
      '"data[0].modelInput[1]" must be an integer >= 0 and <= 2147483647, got -1',
    ],
    [
      'an id too large',
      [datum({}, [5, 2 ** 31])],
      'cross_entropy',
      '"data[0].modelInput[1]" must be an integer >= 0 and <= 2147483647, got 2147483648',
    ],
    [
      'an id in a string',
      [datum({}, [5, '6'])],
      'cross_entropy',
      '"data[0].modelInput[1]" must be an integer >= 0 and <= 2147483647, got "6"',
    ],
    [
      'a bigint',
      [datum({}, [5, 6n])],
      'cross_entropy',
      '"data[0].modelInput[1]" must be an integer >= 0 and <= 2147483647, got 6n',
    ],
    [
      'a hole in the tokens',
      [datum({}, hole(6))],
      'cross_entropy',
      '"data[0].modelInput[0]" must be an integer >= 0 and <= 2147483647, got undefined',
    ],
    [
      'a wrong chunk',
      [
        datum(
          {},
          {
            chunks: [
              { type: 'encoded_text', tokens: [1] },
              { type: 'encoded_text', tokens: [NaN] },
            ],
          },
        ),
      ],
      'cross_entropy',
      '"data[0].modelInput.chunks[1].tokens[0]" must be an integer >= 0 and <= 2147483647, got NaN',
    ],
    [
      'a chunk without tokens',
      [datum({}, { chunks: [{ type: 'encoded_text' }] })],
      'cross_entropy',
      '"data[0].modelInput.chunks[0].tokens" must be an array of token ids, got undefined',
    ],
    [
      'no chunk in its place',
      [datum({}, { chunks: [null] })],
      'cross_entropy',
      '"data[0].modelInput.chunks[0]" must be a chunk, got null',
    ],
    [
      'no tensors',
      [{ modelInput: [5] }],
      'cross_entropy',
      '"data[0].lossFnInputs" must be an object of tensors, got undefined',
    ],
    [
      'no targets',
      [{ modelInput: [5], lossFnInputs: {} }],
      'cross_entropy',
      '"data[0].lossFnInputs.target_tokens" is missing: every loss needs a target for each position',
    ],
    [
      'a wrong target',
      [datum({ target_tokens: [6, -7] })],
      'cross_entropy',
      '"data[0].lossFnInputs.target_tokens[1]" must be an integer >= 0 and <= 2147483647, got -7. To leave a position out, give it any token and a weight of 0',
    ],
    [
      'targets too short',
      [datum({ target_tokens: [6] })],
      'cross_entropy',
      '"data[0].lossFnInputs.target_tokens" must have the length of the model input, 2, got 1',
    ],
    [
      'targets too long',
      [datum(), datum({ target_tokens: [6, 7, 8] })],
      'cross_entropy',
      '"data[1].lossFnInputs.target_tokens" must have the length of the model input, 2, got 3',
    ],
    [
      'targets against all chunks',
      [datum({}, ModelInput.append(ModelInput.fromTokens([1, 2]), [3]))],
      'cross_entropy',
      '"data[0].lossFnInputs.target_tokens" must have the length of the model input, 3, got 2',
    ],
    [
      'weights too long',
      [datum({ weights: [1, 1, 1] })],
      'cross_entropy',
      '"data[0].lossFnInputs.weights" must have the length of the model input, 2, got 3',
    ],
    [
      'no numbers',
      [datum({ weights: 'many' })],
      'cross_entropy',
      '"data[0].lossFnInputs.weights" must be an array of numbers, got "many"',
    ],
    [
      'null for numbers',
      [datum({ weights: null })],
      'cross_entropy',
      '"data[0].lossFnInputs.weights" must be an array of numbers, got null',
    ],
    [
      'NaN',
      [datum({ weights: [1, Number.NaN] })],
      'cross_entropy',
      '"data[0].lossFnInputs.weights[1]" must be a number that float32 can hold, got NaN',
    ],
    [
      'infinity in a typed array',
      [datum({ weights: Float32Array.of(1, Number.POSITIVE_INFINITY) })],
      'cross_entropy',
      '"data[0].lossFnInputs.weights[1]" must be a number that float32 can hold, got Infinity',
    ],
    [
      'too much for float32',
      [datum({ weights: [1e39, 1] })],
      'cross_entropy',
      '"data[0].lossFnInputs.weights[0]" must be a number that float32 can hold, got 1e+39',
    ],
    [
      'a number in a string',
      [datum({ weights: ['1', 1] })],
      'cross_entropy',
      '"data[0].lossFnInputs.weights[0]" must be a number that float32 can hold, got "1"',
    ],
    [
      'a bigint weight',
      [datum({ weights: [1, 1n] })],
      'cross_entropy',
      '"data[0].lossFnInputs.weights[1]" must be a number that float32 can hold, got 1n',
    ],
    [
      'a hole in the numbers',
      [datum({ weights: [1, null] })],
      'cross_entropy',
      '"data[0].lossFnInputs.weights[1]" must be a number that float32 can hold, got null',
    ],
    [
      'an unknown tensor',
      [datum({ weight: [1, 1] })],
      'cross_entropy',
      '"data[0].lossFnInputs.weight" is not read by cross_entropy; it reads target_tokens, weights',
    ],
    [
      'a tensor of another loss',
      [datum({ ...policy, weights: [1, 1] })],
      'ppo',
      '"data[0].lossFnInputs.weights" is not read by ppo; it reads target_tokens, logprobs, advantages, clip_low_threshold, clip_high_threshold',
    ],
    [
      'no logprobs',
      [datum({ advantages: [1, 1] })],
      'ppo',
      '"data[0].lossFnInputs.logprobs" is missing: ppo needs it',
    ],
    [
      'no advantages',
      [datum({ logprobs: [-1, -2] })],
      'importance_sampling',
      '"data[0].lossFnInputs.advantages" is missing: importance_sampling needs it',
    ],
    [
      'undefined advantages',
      [datum({ ...policy, advantages: undefined })],
      'cispo',
      '"data[0].lossFnInputs.advantages" is missing: cispo needs it',
    ],
    [
      'advantages too short',
      [datum({ ...policy, advantages: [1] })],
      'dro',
      '"data[0].lossFnInputs.advantages" must have the length of the model input, 2, got 1',
    ],
  ])('refuses %s', (_, data, lossFn, message) => {
    expect(messageOf(() => checkedBatch(data as Datum[], lossFn as LossFn))).toBe(message);
  });

  it.each(['importance_sampling', 'ppo', 'cispo', 'dro'] as const)('takes what %s reads', (lossFn) => {
    const [checked] = checkedBatch([datum(policy) as Datum], lossFn);
    expect(checked?.lossFnInputs).toEqual({
      target_tokens: { data: Int32Array.of(6, 7), dtype: 'int64', shape: [2] },
      logprobs: { data: Float32Array.of(-1, -2), dtype: 'float32', shape: [2] },
      advantages: { data: Float32Array.of(1, 1), dtype: 'float32', shape: [2] },
    });
  });

  it('leaves out weights that are not there', () => {
    const [checked] = checkedBatch([datum({ weights: undefined }) as Datum], 'cross_entropy');
    expect(Object.keys(checked?.lossFnInputs ?? {})).toEqual(['target_tokens']);
  });

  it('copies: what the caller changes later is not sent', () => {
    const tokens = Int32Array.of(5, 6);
    const targets = Int32Array.of(6, 7);
    const weights = Float32Array.of(1, 2);
    const [checked] = checkedBatch(
      [{ modelInput: tokens, lossFnInputs: { target_tokens: targets, weights } }],
      'cross_entropy',
    );
    tokens.fill(0);
    targets.fill(0);
    weights.fill(0);
    expect(checked).toEqual({
      chunks: [{ type: 'encoded_text', tokens: Int32Array.of(5, 6) }],
      lossFnInputs: {
        target_tokens: { data: Int32Array.of(6, 7), dtype: 'int64', shape: [2] },
        weights: { data: Float32Array.of(1, 2), dtype: 'float32', shape: [2] },
      },
    });
  });

  it('takes any tokens and numbers within bounds, in any kind of array', () => {
    const token = fc.integer({ min: 0, max: 2 ** 31 - 1 });
    const position = fc.tuple(token, token, fc.float({ noNaN: true, noDefaultInfinity: true }));
    fc.assert(
      fc.property(fc.array(position, { minLength: 1 }), fc.boolean(), (positions, typed) => {
        const tokens = positions.map(([token]) => token);
        const targets = positions.map(([, target]) => target);
        const weights = positions.map(([, , weight]) => weight);
        const [checked] = checkedBatch(
          [
            {
              modelInput: typed ? Int32Array.from(tokens) : tokens,
              lossFnInputs: {
                target_tokens: typed ? Int32Array.from(targets) : targets,
                weights: typed ? Float64Array.from(weights) : weights,
              },
            },
          ],
          'cross_entropy',
        );
        expect(checked).toEqual({
          chunks: [{ type: 'encoded_text', tokens: Int32Array.from(tokens) }],
          lossFnInputs: {
            target_tokens: { data: Int32Array.from(targets), dtype: 'int64', shape: [targets.length] },
            weights: { data: Float32Array.from(weights), dtype: 'float32', shape: [weights.length] },
          },
        });
      }),
    );
  });

  it('answers anything at all with an input error or a batch', () => {
    const anything = fc.anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true });
    const tensor = fc.record(
      { data: anything, dtype: fc.constantFrom('int64', 'float32'), shape: anything, crowIndices: anything },
      { requiredKeys: ['data', 'dtype'] },
    );
    const chunk = fc.record({
      type: fc.constantFrom('encoded_text', 'image', 'image_asset_pointer', 'dmel'),
      tokens: anything,
      data: anything,
      format: fc.constantFrom('png', 'jpeg'),
      dmel: fc.oneof(fc.uint8Array(), anything),
    });
    const inputs = fc.record({
      target_tokens: fc.oneof(tensor, anything),
      weights: fc.oneof(tensor, anything),
    });
    const shaped = fc.record({
      modelInput: fc.oneof(fc.record({ chunks: fc.array(chunk) }), fc.constant([1]), anything),
      lossFnInputs: fc.oneof(inputs, anything),
    });
    fc.assert(
      fc.property(fc.oneof(anything, fc.array(fc.oneof(shaped, anything))), (data) => {
        try {
          checkedBatch(data as Datum[], 'cross_entropy');
        } catch (error) {
          expect(isTinkerError(error, 'input_invalid'), String(error)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('checkedBatch with images', () => {
  const data = Uint8Array.of(0xff, 0xd8, 0xff);
  const image = (expectedTokens?: number): ModelInput =>
    ModelInput.appendChunk(ModelInput.fromTokens([5]), {
      type: 'image',
      data,
      format: 'jpeg',
      ...(expectedTokens === undefined ? {} : { expectedTokens }),
    });
  const targets = (count: number): number[] => new Array(count).fill(1);

  it.each<readonly [string, ModelInput, number]>([
    ['as many targets as text and image have positions', image(3), 4],
    ['any more targets where an image does not say', image(), 9],
    ['none but the text’s where an image may take none', image(), 1],
  ])('takes %s', (_, modelInput, count) => {
    const [checked] = checkedBatch(
      [datum({ target_tokens: targets(count) }, modelInput) as Datum],
      'cross_entropy',
    );
    expect(checked?.chunks).toHaveLength(2);
  });

  it.each<readonly [string, unknown, number, string]>([
    [
      'too few targets',
      image(3),
      1,
      '"data[0].lossFnInputs.target_tokens" must have the length of the model input, 4, got 1',
    ],
    [
      'fewer targets than text',
      ModelInput.append(image(), [6]),
      1,
      '"data[0].lossFnInputs.target_tokens" must have the length of the model input, 2 beside its images, got 1',
    ],
    [
      'nothing to predict',
      { chunks: [{ type: 'image', data, format: 'jpeg', expectedTokens: 0 }] },
      0,
      '"data[0].lossFnInputs.target_tokens" must hold at least one target, got none',
    ],
    [
      'an image that is elsewhere',
      ModelInput.appendChunk(ModelInput.fromTokens([5]), {
        type: 'image_asset_pointer',
        location: 'a',
        format: 'png',
        expectedTokens: 1,
      }),
      2,
      '"data[0].modelInput.chunks[1]" must not be an image_asset_pointer: only prompts take one; give the image itself',
    ],
  ])('refuses %s', (_, modelInput, count, message) => {
    const batch = [datum({ target_tokens: targets(count) }, modelInput) as Datum];
    expect(messageOf(() => checkedBatch(batch, 'cross_entropy'))).toBe(message);
  });
});

describe('checkedBatch with rows of targets', () => {
  const rows = {
    target_tokens: [
      [1, 2, 3],
      [4, 5, 6],
    ],
    weights: [
      [1, 0, 0],
      [0.5, 0.25, 0.25],
    ],
  };
  const sparse = {
    data: [0.5],
    dtype: 'float32',
    shape: [2, 3],
    crowIndices: [0, 0, 1],
    colIndices: [2],
  };

  it('takes rows of weights of the same shape, dense or sparse', () => {
    const [checked] = checkedBatch([datum(rows) as Datum], 'cross_entropy');
    expect(checked?.lossFnInputs).toEqual({
      target_tokens: { data: Int32Array.of(1, 2, 3, 4, 5, 6), dtype: 'int64', shape: [2, 3] },
      weights: { data: Float32Array.of(1, 0, 0, 0.5, 0.25, 0.25), dtype: 'float32', shape: [2, 3] },
    });
    const [mixed] = checkedBatch([datum({ ...rows, weights: sparse }) as Datum], 'cross_entropy');
    expect(mixed?.lossFnInputs['weights']).toMatchObject({ data: Float32Array.of(0.5), shape: [2, 3] });
  });

  it.each<readonly [string, object, string]>([
    [
      'no weights',
      { weights: undefined },
      '"data[0].lossFnInputs.weights" is missing: rows of target_tokens need a weight for each target',
    ],
    [
      'one weight a position',
      { weights: [1, 1] },
      '"data[0].lossFnInputs.weights" must have the shape of target_tokens, [2, 3], got [2]',
    ],
    [
      'other rows of weights',
      { weights: [[1], [1]] },
      '"data[0].lossFnInputs.weights" must have the shape of target_tokens, [2, 3], got [2, 1]',
    ],
    [
      'rows of weights alone',
      { target_tokens: [1, 2] },
      '"data[0].lossFnInputs.weights" must have the shape of target_tokens, [2], got [2, 3]',
    ],
    [
      'ragged rows',
      { target_tokens: [[1, 2, 3], [4]] },
      '"data[0].lossFnInputs.target_tokens[1]" is ragged: it must hold 3 values as row 0 does, got 1',
    ],
    [
      'too few rows',
      { target_tokens: [[1, 2, 3]] },
      '"data[0].lossFnInputs.target_tokens" must have the length of the model input, 2, got 1',
    ],
    [
      'rows of nothing',
      { target_tokens: [[], []], weights: [[], []] },
      '"data[0].lossFnInputs.target_tokens" must hold at least one target, got none',
    ],
    [
      'three axes',
      { target_tokens: { data: BigInt64Array.of(1n, 2n), dtype: 'int64', shape: [2, 1, 1] } },
      '"data[0].lossFnInputs.target_tokens" must be one target or one row of targets a position, got the shape [2, 1, 1]',
    ],
    [
      'no axes',
      { target_tokens: { data: BigInt64Array.of(1n), dtype: 'int64', shape: [] } },
      '"data[0].lossFnInputs.target_tokens" must be one target or one row of targets a position, got the shape []',
    ],
    [
      'a weight that is none',
      { weights: [rows.weights[0], [0, Number.NaN, 0]] },
      '"data[0].lossFnInputs.weights[1][1]" must be a number that float32 can hold, got NaN',
    ],
  ])('refuses %s', (_, changes, message) => {
    expect(messageOf(() => checkedBatch([datum({ ...rows, ...changes }) as Datum], 'cross_entropy'))).toBe(
      message,
    );
  });

  it('takes them for the policy losses, tensors of results among them', () => {
    const logprobs = { data: new Float32Array(6), dtype: 'float32', shape: [2, 3] };
    const inputs = { target_tokens: rows.target_tokens, logprobs, advantages: rows.weights };
    expect(checkedBatch([datum(inputs) as Datum], 'ppo')).toHaveLength(1);
  });
});

describe('checkedCustomBatch', () => {
  it('takes rows of targets without weights, and checks the rest', () => {
    const rows = { target_tokens: [[1], [2]] };
    expect(checkedCustomBatch([datum(rows) as Datum<'cross_entropy'>])[0]?.lossFnInputs).toEqual({
      target_tokens: { data: Int32Array.of(1, 2), dtype: 'int64', shape: [2, 1] },
    });
    expect(messageOf(() => checkedCustomBatch([]))).toBe('"data" must hold at least one datum, got none');
    expect(
      messageOf(() => checkedCustomBatch([datum({ advantages: [1, 1] }) as Datum<'cross_entropy'>])),
    ).toBe('"data[0].lossFnInputs.advantages" is not read by cross_entropy; it reads target_tokens, weights');
  });
});
