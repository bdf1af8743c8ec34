import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datumPieces, type ExplainedPiece, weightedPieces } from '../../../src/chat/explain/positions.ts';
import { rlDatum } from '../../../src/chat/rl/rl-datum.ts';
import { isTinkerError } from '../../../src/index.ts';

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const IMAGE = { type: 'image', data: PNG, format: 'png', expectedTokens: 3 } as const;
const text = (...tokens: number[]) => ({ type: 'encoded_text', tokens }) as const;

const valuesOf = (pieces: readonly ExplainedPiece[]) => pieces.map(({ token, value }) => [token, value]);

function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (isTinkerError(error, 'input_invalid')) return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('datumPieces', () => {
  it('gives each token the weight of the position before it', () => {
    const datum = { modelInput: [1, 2, 3], lossFnInputs: { target_tokens: [2, 3, 4], weights: [0, 0.5, 1] } };
    const { pieces, valueName, targetsEach } = datumPieces(datum);
    expect(valuesOf(pieces)).toEqual([
      [1, undefined],
      [2, 0],
      [3, 0.5],
      [4, 1],
    ]);
    expect(pieces.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(pieces.map(({ target }) => target)).toEqual([undefined, undefined, undefined, undefined]);
    expect(pieces.map(({ logprob }) => logprob)).toEqual([undefined, undefined, undefined, undefined]);
    expect([valueName, targetsEach]).toEqual(['weight', 1]);
  });

  it('weighs all alike where nothing is said', () => {
    const { pieces } = datumPieces({ modelInput: [1, 2], lossFnInputs: { target_tokens: [2, 3] } });
    expect(valuesOf(pieces)).toEqual([
      [1, undefined],
      [2, 1],
      [3, 1],
    ]);
  });

  it('gives advantages and log-probabilities of a policy-gradient loss', () => {
    const datum = rlDatum({ prompt: [1, 2], tokens: [3, 4], logprobs: [-1, -2], advantage: [5, 6] });
    const { pieces, valueName } = datumPieces(datum);
    expect(pieces.map(({ token, value, logprob }) => [token, value, logprob])).toEqual([
      [1, undefined, undefined],
      [2, 0, 0],
      [3, 5, -1],
      [4, 6, -2],
    ]);
    expect(valueName).toBe('advantage');
  });

  it('agrees with what was put in', () => {
    const row = fc.record({
      token: fc.integer({ min: 0, max: 99 }),
      // -0 is 0 as a sum.
      weight: fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 2 }), (rows) => {
        const tokens = rows.map(({ token }) => token);
        const weights = rows.slice(1).map(({ weight }) => weight);
        const datum = {
          modelInput: tokens.slice(0, -1),
          lossFnInputs: { target_tokens: tokens.slice(1), weights },
        };
        const { pieces } = datumPieces(datum);
        expect(pieces.map(({ token }) => token)).toEqual(tokens);
        expect(pieces.map(({ value }) => value)).toEqual([undefined, ...weights]);
        const before = weightedPieces({ tokens, weights: rows.map(({ weight }) => weight) }).pieces;
        expect(before.slice(1)).toEqual(pieces.slice(1));
      }),
    );
  });

  it('tells targets that are not the token that comes', () => {
    const { pieces } = datumPieces({ modelInput: [1, 2, 3], lossFnInputs: { target_tokens: [2, 9, 4] } });
    expect(pieces.map(({ token, target }) => [token, target])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, 9],
      [4, undefined],
    ]);
  });

  it('reads tensors, of whatever form', () => {
    const tensor = { data: BigInt64Array.of(2n, 3n), dtype: 'int64', shape: [2] };
    const weights = { data: Float32Array.of(0, 2), dtype: 'float32', shape: [2] };
    const { pieces } = datumPieces({ modelInput: [1, 2], lossFnInputs: { target_tokens: tensor, weights } });
    expect(valuesOf(pieces)).toEqual([
      [1, undefined],
      [2, 0],
      [3, 2],
    ]);
  });

  it('sums rows of targets, whose last are of no token', () => {
    const rows = {
      target_tokens: [
        [2, 7],
        [3, 8],
      ],
      weights: [
        [0.5, 0.25],
        [0, 0.5],
      ],
    };
    const { pieces, targetsEach } = datumPieces({ modelInput: [1, 2], lossFnInputs: rows });
    expect(valuesOf(pieces)).toEqual([
      [1, undefined],
      [2, 0.75],
      [undefined, 0.5],
    ]);
    expect(pieces.at(-1)).toMatchObject({ chunk: 'targets', index: 2 });
    expect(pieces.every(({ target }) => target === undefined)).toBe(true);
    expect(targetsEach).toBe(2);

    const sparse = { shape: [2, 2], crowIndices: [0, 2, 3], colIndices: [0, 1, 1] };
    const same = datumPieces({
      modelInput: [1, 2],
      lossFnInputs: {
        target_tokens: { ...sparse, dtype: 'int64', data: [2, 7, 8] },
        weights: { ...sparse, dtype: 'float32', data: [0.5, 0.25, 0.5] },
      },
    });
    expect(same.pieces).toEqual(pieces);
  });

  it('counts the positions of images', () => {
    const input = { chunks: [text(1), IMAGE, text(2, 3)] };
    const weights = [0, 0, 0, 1, 2, 3];
    const { pieces } = datumPieces({
      modelInput: input,
      lossFnInputs: { target_tokens: [0, 0, 0, 2, 3, 4], weights },
    });
    expect(
      pieces.map(({ index, token, chunk, positions, value }) => [index, token, chunk, positions, value]),
    ).toEqual([
      [0, 1, undefined, 1, undefined],
      [1, undefined, 'image', 3, 0],
      [4, 2, undefined, 1, 1],
      [5, 3, undefined, 1, 2],
      [6, 4, undefined, 1, 3],
    ]);
    const silent = { chunks: [text(1), { ...IMAGE, expectedTokens: undefined }, text(2, 3)] };
    const same = datumPieces({
      modelInput: silent,
      lossFnInputs: { target_tokens: [0, 0, 0, 2, 3, 4], weights },
    });
    expect(same.pieces).toEqual(pieces);
  });

  it('sums the values within an image, and does not wonder where it comes first', () => {
    const targets = { target_tokens: [0, 0, 2, 3], weights: [1, 2, 4, 8] };
    const { pieces } = datumPieces({ modelInput: { chunks: [IMAGE, text(2)] }, lossFnInputs: targets });
    const bare = datumPieces({ modelInput: { chunks: [IMAGE] }, lossFnInputs: { target_tokens: [0, 0, 2] } });
    expect(valuesOf(bare.pieces)).toEqual([
      [undefined, 2],
      [2, 1],
    ]);
    expect(valuesOf(pieces)).toEqual([
      [undefined, 3],
      [2, 4],
      [3, 8],
    ]);
  });

  it('says what does not fit', () => {
    const inputs = { target_tokens: [2, 3], weights: [1, 1] };
    expect(refusal(() => datumPieces(undefined))).toContain('"datum" must be a datum');
    expect(refusal(() => datumPieces({ modelInput: [1, 2] }))).toContain('"datum.lossFnInputs" must be');
    expect(refusal(() => datumPieces({ modelInput: [1, 2], lossFnInputs: {} }))).toContain(
      'target_tokens" must be',
    );
    expect(refusal(() => datumPieces({ modelInput: [1], lossFnInputs: inputs }))).toBe(
      '"datum.lossFnInputs.target_tokens" must have the length of the input, 1, got 2',
    );
    expect(
      refusal(() => datumPieces({ modelInput: [1, 2], lossFnInputs: { ...inputs, weights: [1] } })),
    ).toBe('"datum.lossFnInputs.weights" must have the length of target_tokens, 2, got 1');
    const twice = { ...IMAGE, expectedTokens: undefined };
    const input = { chunks: [twice, twice] };
    expect(refusal(() => datumPieces({ modelInput: input, lossFnInputs: inputs }))).toContain(
      'length of the input',
    );
  });
});

describe('weightedPieces', () => {
  it('gives each token its own weight', () => {
    expect(valuesOf(weightedPieces({ tokens: [1, 2], weights: [0, 1] }).pieces)).toEqual([
      [1, 0],
      [2, 1],
    ]);
    expect(weightedPieces({ ids: [1, 2], weights: [0, 1] })).toEqual(
      weightedPieces({ tokens: [1, 2], weights: [0, 1] }),
    );
    const { pieces } = weightedPieces({ tokens: { chunks: [IMAGE, text(5)] }, weights: [0, 0, 1, 2] });
    expect(valuesOf(pieces)).toEqual([
      [undefined, 1],
      [5, 2],
    ]);
  });

  it('says what does not fit', () => {
    expect(refusal(() => weightedPieces({ tokens: [1, 2], weights: [1] }))).toBe(
      '"weights" must have the length of the input, 2, got 1',
    );
    expect(refusal(() => weightedPieces({ ids: 'x', weights: [1] }))).toContain('"ids" must be');
    expect(refusal(() => weightedPieces({ tokens: [1, 2] }))).toContain(
      '"weights" must be an array of numbers',
    );
  });
});
