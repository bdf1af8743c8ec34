import { isTinkerError } from '../../../src/kernel/errors.ts';
import { checkedBatch } from '../../../src/wire/checked-input.ts';
import { checkedSample } from '../../../src/wire/checked-sample.ts';
import { stringifyExact } from '../../../src/wire/json/exact-json.ts';
import { sampleBody } from '../../../src/wire/json/sampling.ts';
import { createModelBody, forwardBody } from '../../../src/wire/json/training.ts';
import type { Datum } from '../../../src/wire/types/datum.ts';
import type { SampleRequest } from '../../../src/wire/types/sampling.ts';
import { assertEqual, assertTrue, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** JSON as it is sent, and what never is. */
export function jsonBodyCases(): readonly ConformanceCase[] {
  return [...sentCases(), ...refusedCases()];
}

function sentCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: bodies are the same text in every engine, to the digit',
      run() {
        const lora = { rank: 8, seed: 7, trainAttn: true, trainMlp: false, trainUnembed: true };
        const data = checkedBatch(
          [
            {
              modelInput: Int32Array.of(1, 2, 2 ** 31 - 1),
              lossFnInputs: { target_tokens: [2, 3, 4n], weights: [0.1, 1e-30, 1 / 3] },
            },
          ],
          'cross_entropy',
        );
        const request = { prompt: [1], maxTokens: 5, seed: 2n ** 64n - 1n, temperature: 0.7, stop: 'é\n😀' };
        return [
          createModelBody('s', 0, 'm', lora, { who: 'ü' }),
          forwardBody('forward_backward_input', 'm', 1, {
            data,
            lossFn: 'cross_entropy',
            lossFnConfig: undefined,
          }),
          sampleBody('s', 2, checkedSample(request)),
        ]
          .map(stringifyExact)
          .join('\n');
      },
    },
    {
      name: 'protocol: weights are sent as the float32 that they are',
      run() {
        const [datum] = checkedBatch([datumOf([0.1, -0, 1e-46, 3.4e38])], 'cross_entropy');
        const weights = datum?.lossFnInputs['weights']?.data as Float32Array;
        assertTrue('0.1', weights[0] === Math.fround(0.1));
        assertTrue('-0', Object.is(weights[1], -0));
        assertTrue('too small', weights[2] === 0);
        return textOf(weights);
      },
    },
    {
      name: 'protocol: a sparse matrix is written out in full as JSON',
      run() {
        const sparse = {
          data: [1, 2],
          dtype: 'float32',
          shape: [2, 3],
          crowIndices: [0, 1, 2],
          colIndices: Int32Array.of(2, 0),
        } as const;
        const rows = [Int32Array.of(1, 2, 3), Int32Array.of(4, 5, 6)];
        const datum = { modelInput: [7, 8], lossFnInputs: { target_tokens: rows, weights: sparse } };
        const data = checkedBatch([datum as Datum], 'cross_entropy');
        const input = { data, lossFn: 'cross_entropy', lossFnConfig: undefined };
        const text = stringifyExact(forwardBody('forward_input', 'm', 1, input));
        assertTrue('in full', text.includes('{"data":[0,0,1,2,0,0],"dtype":"float32","shape":[2,3]}'));
        return text;
      },
    },
    {
      name: 'protocol: a stop with half a surrogate pair is sent as well-formed JSON, and comes back as it was',
      run() {
        const text = stringifyExact(
          sampleBody('s', 1, checkedSample({ prompt: [1], maxTokens: 1, stop: ['\ud83d'] })),
        );
        const bytes = new TextEncoder().encode(text);
        const body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as {
          sampling_params: { stop: string[] };
        };
        assertEqual('the stop', body.sampling_params.stop[0], '\ud83d');
      },
    },
  ];
}

const datumOf = (weights: readonly number[]): Datum<'cross_entropy'> => ({
  modelInput: weights.map((_, i) => i),
  lossFnInputs: { target_tokens: weights.map((_, i) => i), weights },
});

/** The message of the error that this throws before anything is sent. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assertTrue(`an input error, not ${error}`, isTinkerError(error, 'input_invalid'));
    return (error as Error).message;
  }
  throw new Error('It was not refused');
}

function refusedCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: data that cannot be right are refused in the same words everywhere, naming place and value',
      run() {
        const tokens = [1, 2];
        const wrong: readonly unknown[] = [
          [],
          [null],
          [{ modelInput: tokens, lossFnInputs: {} }],
          [{ modelInput: tokens, lossFnInputs: { target_tokens: [1] } }],
          [{ modelInput: tokens, lossFnInputs: { target_tokens: [1, -100] } }],
          [{ modelInput: tokens, lossFnInputs: { target_tokens: [1, 2 ** 31] } }],
          [{ modelInput: tokens, lossFnInputs: { target_tokens: tokens, weights: [1, Number.NaN] } }],
          [{ modelInput: tokens, lossFnInputs: { target_tokens: tokens, weights: [1, 1e39] } }],
          [{ modelInput: tokens, lossFnInputs: { target_tokens: tokens, advantages: tokens } }],
          [datumOf([1]), { modelInput: [0.5], lossFnInputs: { target_tokens: [1] } }],
        ];
        const words = wrong.map((data) => refusal(() => checkedBatch(data as Datum[], 'cross_entropy')));
        assertTrue('the place', words[9]?.includes('data[1].modelInput') === true);
        return words.join('\n');
      },
    },
    {
      name: 'protocol: sampling that cannot be right is refused in the same words everywhere',
      run() {
        const wrong: readonly object[] = [
          { maxTokens: 0 },
          { temperature: -1 },
          { temperature: Number.NaN },
          { topP: 0 },
          { topP: 1.5 },
          { topK: 0 },
          { seed: 2 ** 60 },
          { seed: 2n ** 64n },
          { stop: ['a', 1] },
          { stop: '' },
          { numSamples: 1.5 },
          { prompt: 'text' },
          { includePromptLogprobs: 1 },
        ];
        return wrong
          .map((part) =>
            refusal(() => checkedSample({ prompt: [1], maxTokens: 1, ...part } as SampleRequest)),
          )
          .join('\n');
      },
    },
  ];
}
