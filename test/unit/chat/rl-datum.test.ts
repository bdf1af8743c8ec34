import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { type RlDatum, type RlSegment, rlDatum } from '../../../src/chat/rl/rl-datum.ts';
import { type Datum, isTinkerError, ModelInput } from '../../../src/index.ts';
import { checkedBatch } from '../../../src/wire/checked-input.ts';

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** A datum as plain lists. */
function lists({ modelInput, lossFnInputs }: RlDatum) {
  return {
    input: [...ModelInput.tokens(modelInput)],
    targets: [...lossFnInputs.target_tokens],
    logprobs: [...lossFnInputs.logprobs],
    advantages: [...lossFnInputs.advantages],
  };
}

/** What the error of a call names, and its words. */
function refusal(options: unknown): { readonly field: string; readonly message: string } {
  try {
    rlDatum(options as Parameters<typeof rlDatum>[0]);
  } catch (error) {
    if (isTinkerError(error, 'input_invalid')) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const SAMPLE = { prompt: [1, 2, 3], tokens: [4, 5], logprobs: [-0.5, -0.25], advantage: 2 };

describe('rlDatum', () => {
  it('puts log-probabilities and advantages where their token is the target', () => {
    expect(lists(rlDatum(SAMPLE))).toEqual({
      input: [1, 2, 3, 4],
      targets: [2, 3, 4, 5],
      logprobs: [0, 0, -0.5, -0.25],
      advantages: [0, 0, 2, 2],
    });
  });

  it('is a datum of each policy-gradient loss', () => {
    const datum = rlDatum(SAMPLE);
    expectTypeOf(datum).toExtend<Datum<'importance_sampling'>>();
    expectTypeOf(datum).toExtend<Datum<'ppo'>>();
    expectTypeOf(datum).toExtend<Datum<'cispo'>>();
    expectTypeOf(datum).toExtend<Datum<'dro'>>();
    for (const loss of ['importance_sampling', 'ppo', 'cispo', 'dro'] as const)
      expect(() => checkedBatch([datum], loss)).not.toThrow();
  });

  it('takes a sequence as it was sampled', () => {
    const sequence = {
      tokens: Int32Array.of(4, 5),
      logprobs: Float32Array.of(-0.5, -0.25),
      stopReason: 'stop',
    } as const;
    expect(rlDatum({ prompt: Int32Array.of(1, 2, 3), sequence, advantage: 2 })).toEqual(rlDatum(SAMPLE));
  });

  it('takes an advantage a token, and leaves out what the mask leaves out', () => {
    const { advantages, logprobs } = lists(rlDatum({ ...SAMPLE, advantage: [3, -1], mask: [0, 1] }));
    expect(advantages).toEqual([0, 0, 0, -1]);
    expect(logprobs).toEqual([0, 0, -0.5, -0.25]);
    const booleans = rlDatum({ ...SAMPLE, mask: [true, false] });
    expect(lists(booleans).advantages).toEqual([0, 0, 2, 0]);
    expect(lists(rlDatum({ ...SAMPLE, mask: Uint8Array.of(1, 0) }))).toEqual(lists(booleans));
  });

  it('asks for no log-probability of a token that the mask leaves out', () => {
    const datum = rlDatum({ ...SAMPLE, logprobs: [Number.NaN, -0.25], mask: [false, true] });
    expect(lists(datum).logprobs).toEqual([0, 0, 0, -0.25]);
  });

  it('keeps the bits of log-probabilities', () => {
    const logprobs = Float32Array.of(-0.1, -1e-30);
    const datum = rlDatum({ ...SAMPLE, logprobs });
    expect(datum.lossFnInputs.logprobs.subarray(2)).toEqual(logprobs);
  });

  it('makes one datum of a conversation', () => {
    const datum = rlDatum({
      segments: [
        { tokens: [1, 2] },
        { tokens: Int32Array.of(3, 4), logprobs: Float32Array.of(-1, -2), stopReason: 'stop' } as RlSegment,
        { tokens: [5] },
        { tokens: [6], logprobs: [-3], advantage: [7] },
        { tokens: [8], logprobs: [-4], advantage: 0 },
        { tokens: [9, 9] },
      ],
      advantage: 0.5,
    });
    expect(lists(datum)).toEqual({
      input: [1, 2, 3, 4, 5, 6, 8, 9],
      targets: [2, 3, 4, 5, 6, 8, 9, 9],
      logprobs: [0, -1, -2, 0, -3, -4, 0, 0],
      advantages: [0, 0.5, 0.5, 0, 7, 0, 0, 0],
    });
    expect(datum.modelInput.chunks).toHaveLength(1);
  });

  it('makes the same of a sample and of its two segments', () => {
    const { prompt, tokens, logprobs, advantage } = SAMPLE;
    const segments = [{ tokens: prompt }, { tokens, logprobs }];
    expect(rlDatum({ segments, advantage })).toEqual(rlDatum(SAMPLE));
    // Nothing was sampled in a turn: it stays out.
    const more = [...segments, { tokens: [], logprobs: [] }];
    expect(rlDatum({ segments: more, advantage })).toEqual(rlDatum(SAMPLE));
  });

  it('counts the positions of images', () => {
    const image = { type: 'image', data: PNG, format: 'png', expectedTokens: 3 } as const;
    const prompt = { chunks: [{ type: 'encoded_text', tokens: [1, 2] }, image] } as const;
    const datum = rlDatum({ ...SAMPLE, prompt });
    expect([...datum.lossFnInputs.target_tokens]).toEqual([2, 0, 0, 0, 4, 5]);
    expect([...datum.lossFnInputs.logprobs]).toEqual([0, 0, 0, 0, -0.5, -0.25]);
    expect(datum.modelInput.chunks.map(({ type }) => type)).toEqual([
      'encoded_text',
      'image',
      'encoded_text',
    ]);
    expect(() => checkedBatch([datum], 'ppo')).not.toThrow();

    // The last token alone is behind the image: the input ends with the image.
    const short = rlDatum({ prompt: { chunks: [image] }, tokens: [7], logprobs: [-1], advantage: 1 });
    expect(short.modelInput.chunks.map(({ type }) => type)).toEqual(['image']);
    expect([...short.lossFnInputs.target_tokens]).toEqual([0, 0, 7]);
    expect(() => checkedBatch([short], 'ppo')).not.toThrow();
  });

  it('has no chunk of nothing', () => {
    const image = { type: 'image', data: PNG, format: 'png', expectedTokens: 3 } as const;
    const prompt = { chunks: [{ type: 'encoded_text', tokens: [] }, image] } as const;
    const datum = rlDatum({ ...SAMPLE, prompt });
    expect(datum.modelInput.chunks.map(({ type }) => type)).toEqual(['image', 'encoded_text']);
    const segments = [
      { tokens: [1] },
      { tokens: [2], logprobs: [-1], advantage: 1 },
      { tokens: prompt },
      { tokens: [] },
    ];
    expect(() => rlDatum({ segments })).toThrow('"segments[2]" must not end in an image');
  });

  it('copies: what is given may change afterwards', () => {
    const tokens = Int32Array.of(4, 5);
    const datum = rlDatum({ ...SAMPLE, tokens });
    tokens.fill(0);
    expect([...datum.lossFnInputs.target_tokens]).toEqual([2, 3, 4, 5]);
    expect([...ModelInput.tokens(datum.modelInput)]).toEqual([1, 2, 3, 4]);
  });

  it('takes as many tokens as contexts have', () => {
    const length = 300_000;
    const datum = rlDatum({
      segments: [
        { tokens: new Int32Array(length) },
        { tokens: new Int32Array(length), logprobs: new Float32Array(length) },
      ],
      advantage: 1,
    });
    expect(datum.lossFnInputs.target_tokens).toHaveLength(2 * length - 1);
  });
});

describe('rlDatum against the whole written out', () => {
  const token = fc.integer({ min: 0, max: 1000 });
  const float = fc.float({ noNaN: true, noDefaultInfinity: true });
  const sampled = fc.array(fc.record({ token, logprob: float, advantage: float, counts: fc.boolean() }), {
    maxLength: 6,
  });
  const given = fc.array(token, { maxLength: 5 });
  const piece = fc.oneof(
    given.map((tokens) => ({ kind: 'given' as const, tokens })),
    sampled.map((tokens) => ({ kind: 'sampled' as const, tokens })),
  );

  it('agrees, token by token', () => {
    const prompt = fc.array(token, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(prompt, fc.array(piece, { maxLength: 6 }), (first, rest) => {
        fc.pre(rest.some(({ kind, tokens }) => kind === 'sampled' && tokens.length > 0));
        // One row a token: what it is, and how it came about.
        const rows = first.map((id) => ({ token: id, logprob: 0, advantage: 0 }));
        const segments: RlSegment[] = [{ tokens: first }];
        for (const part of rest) {
          if (part.kind === 'given') {
            segments.push({ tokens: part.tokens });
            for (const id of part.tokens) rows.push({ token: id, logprob: 0, advantage: 0 });
          } else {
            segments.push({
              tokens: part.tokens.map((row) => row.token),
              logprobs: part.tokens.map((row) => row.logprob),
              advantage: part.tokens.map((row) => row.advantage),
              mask: part.tokens.map((row) => row.counts),
            });
            for (const row of part.tokens) rows.push({ ...row, advantage: row.counts ? row.advantage : 0 });
          }
        }
        const { input, targets, logprobs, advantages } = lists(rlDatum({ segments }));
        expect(input).toHaveLength(rows.length - 1);
        for (let i = 0; i + 1 < rows.length; i++) {
          expect(input[i]).toBe(rows[i]?.token);
          expect({ token: targets[i], logprob: logprobs[i], advantage: advantages[i] }).toEqual({
            token: rows[i + 1]?.token,
            logprob: rows[i + 1]?.logprob,
            advantage: rows[i + 1]?.advantage,
          });
        }
      }),
    );
  });
});

describe('rlDatum refuses', () => {
  const sequence = { tokens: Int32Array.of(4, 5), logprobs: Float32Array.of(-1, -2), stopReason: 'stop' };
  const asked = { tokens: [1] };
  it.each([
    ['nothing', undefined, 'options', 'an object'],
    ['no prompt', { ...SAMPLE, prompt: undefined }, 'prompt', 'is missing'],
    ['an empty prompt', { ...SAMPLE, prompt: [] }, 'prompt', 'at least one token, got none'],
    ['text', { ...SAMPLE, prompt: 'hi' }, 'prompt', 'token ids, got "hi"'],
    ['no tokens', { ...SAMPLE, tokens: [], logprobs: [] }, 'tokens', 'at least one token, got none'],
    ['no token', { ...SAMPLE, tokens: [4, -1] }, 'tokens[1]', 'got -1'],
    ['too few log-probs', { ...SAMPLE, logprobs: [-1] }, 'logprobs', 'each of the 2 tokens, got 1'],
    ['too many log-probs', { ...SAMPLE, logprobs: [-1, -2, -3] }, 'logprobs', 'each of the 2 tokens, got 3'],
    ['no log-probs', { ...SAMPLE, logprobs: undefined }, 'logprobs', 'is missing'],
    ['log-probs of another kind', { ...SAMPLE, logprobs: 'x' }, 'logprobs', 'array of numbers, got "x"'],
    ['a log-prob that is not there', { ...SAMPLE, logprobs: [-1, Number.NaN] }, 'logprobs[1]', 'got NaN'],
    ['an infinite log-prob', { ...SAMPLE, logprobs: [-1, -1 / 0] }, 'logprobs[1]', 'got -Infinity'],
    [
      'NaN of a token that counts',
      { ...SAMPLE, logprobs: [Number.NaN, Number.NaN], mask: [0, 1] },
      'logprobs[1]',
      'mask',
    ],
    [
      'an infinite one that does not',
      { ...SAMPLE, logprobs: [1 / 0, -1], mask: [0, 1] },
      'logprobs[0]',
      'Infinity',
    ],
    ['no advantage', { ...SAMPLE, advantage: undefined }, 'advantage', 'is missing'],
    ['NaN for an advantage', { ...SAMPLE, advantage: Number.NaN }, 'advantage', 'finite number, got NaN'],
    ['an advantage beyond float32', { ...SAMPLE, advantage: 1e39 }, 'advantage', 'got Infinity'],
    ['too few advantages', { ...SAMPLE, advantage: [1] }, 'advantage', 'each of the 2 tokens, got 1'],
    ['NaN among advantages', { ...SAMPLE, advantage: [1, Number.NaN] }, 'advantage[1]', 'got NaN'],
    ['text for an advantage', { ...SAMPLE, advantage: '1' }, 'advantage', 'got "1"'],
    ['too short a mask', { ...SAMPLE, mask: [1] }, 'mask', 'each of the 2 tokens, got 1'],
    ['another mask', { ...SAMPLE, mask: [1, 0.5] }, 'mask[1]', 'got 0.5'],
    ['no mask', { ...SAMPLE, mask: 'all' }, 'mask', 'got "all"'],
    ['sequence beside tokens', { ...SAMPLE, sequence }, 'tokens', 'beside sequence'],
    [
      'a sequence of nothing',
      { prompt: [1], sequence: { ...sequence, tokens: [] }, advantage: 1 },
      'sequence.tokens',
      'none',
    ],
    [
      'a sequence without log-probs',
      { prompt: [1], sequence: { ...sequence, logprobs: undefined }, advantage: 1 },
      'sequence.logprobs',
      'is missing',
    ],
    [
      'NaN in a sequence',
      { prompt: [1], sequence: { ...sequence, logprobs: Float32Array.of(-1, Number.NaN) }, advantage: 1 },
      'sequence.logprobs[1]',
      'NaN',
    ],
    [
      'advantages beside a sequence',
      { prompt: [1], sequence, advantage: [1] },
      'advantage',
      'each of the 2 tokens, got 1',
    ],
    [
      'a mask beside a sequence',
      { prompt: [1], sequence, advantage: 1, mask: [1] },
      'mask',
      'each of the 2 tokens, got 1',
    ],
    ['no list of segments', { segments: {} }, 'segments', 'an array of segments'],
    ['no segments', { segments: [] }, 'segments', 'log-probability, got none'],
    [
      'segments that were not sampled',
      { segments: [asked], advantage: 1 },
      'segments',
      'log-probability, got none',
    ],
    ['segments beside a prompt', { segments: [asked], prompt: [1] }, 'prompt', 'beside segments'],
    ['a segment that is none', { segments: [asked, 5] }, 'segments[1]', 'a segment, got 5'],
    [
      'segments[0] sampled',
      { segments: [sequence], advantage: 1 },
      'segments[0].logprobs',
      'begin with the prompt',
    ],
    [
      'an empty segments[0]',
      { segments: [{ tokens: [] }, sequence], advantage: 1 },
      'segments[0].tokens',
      'got none',
    ],
    ['a segment without advantage', { segments: [asked, sequence] }, 'segments[1].advantage', 'is missing'],
    [
      'an advantage of what was not sampled',
      { segments: [{ ...asked, advantage: 1 }] },
      'segments[0].advantage',
      'without logprobs',
    ],
    [
      'a mask of what was not sampled',
      { segments: [{ ...asked, mask: [1] }] },
      'segments[0].mask',
      'without logprobs',
    ],
    [
      'a sampled segment whose log-probs the server kept',
      { segments: [asked, sequence, { ...sequence, logprobs: undefined }], advantage: 1 },
      'segments[2].logprobs',
      'is missing',
    ],
    [
      'lengths in a segment',
      { segments: [asked, { tokens: [1, 2], logprobs: [-1] }], advantage: 1 },
      'segments[1].logprobs',
      'each of the 2 tokens, got 1',
    ],
    [
      'an advantage for all that is none',
      { segments: [asked, sequence], advantage: [1, 1] },
      'advantage',
      'an array of 2',
    ],
    [
      'an image of unknown length',
      { ...SAMPLE, prompt: { chunks: [{ type: 'image', data: PNG, format: 'png' }] } },
      'prompt.chunks[0].expectedTokens',
      'is missing',
    ],
    [
      'an image at the end',
      {
        segments: [
          asked,
          sequence,
          { tokens: { chunks: [{ type: 'image', data: PNG, format: 'png', expectedTokens: 2 }] } },
        ],
        advantage: 1,
      },
      'segments[2]',
      'must not end in an image',
    ],
  ])('%s', (_name, options, field, words) => {
    const { field: named, message } = refusal(options);
    expect(named).toBe(field);
    expect(message).toContain(words);
  });
});
