import { expect, it } from 'vitest';
import { checkedBatch } from '../../../src/wire/checked-input.ts';
import { checkedSample } from '../../../src/wire/checked-sample.ts';
import { thrown } from '../../support/settled.ts';

/** An array as it is after it was handed to another thread. */
function detached<T extends ArrayBufferView<ArrayBuffer>>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

const TARGETS = { target_tokens: [1, 2] };
const datum = (fields: object): unknown[] => [{ modelInput: [1, 2], lossFnInputs: TARGETS, ...fields }];

it.each<readonly [string, string, () => unknown]>([
  ['a prompt', 'prompt', () => checkedSample({ prompt: detached(Int32Array.of(1, 2)), maxTokens: 1 })],
  [
    'a model input',
    'data[0].modelInput',
    () => checkedBatch(datum({ modelInput: detached(Int32Array.of(1, 2)) }) as never, 'cross_entropy'),
  ],
  [
    'targets',
    'data[0].lossFnInputs.target_tokens',
    () =>
      checkedBatch(
        datum({ lossFnInputs: { target_tokens: detached(Int32Array.of(1, 2)) } }) as never,
        'cross_entropy',
      ),
  ],
  [
    'int64 targets',
    'data[0].lossFnInputs.target_tokens',
    () =>
      checkedBatch(
        datum({ lossFnInputs: { target_tokens: detached(BigInt64Array.of(1n, 2n)) } }) as never,
        'cross_entropy',
      ),
  ],
  [
    'a row of targets',
    'data[0].lossFnInputs.target_tokens[1]',
    () =>
      checkedBatch(
        datum({ lossFnInputs: { target_tokens: [[1], detached(Int32Array.of(1))] } }) as never,
        'cross_entropy',
      ),
  ],
  [
    'weights',
    'data[0].lossFnInputs.weights',
    () =>
      checkedBatch(
        datum({ lossFnInputs: { ...TARGETS, weights: detached(Float32Array.of(1, 1)) } }) as never,
        'cross_entropy',
      ),
  ],
  [
    'weights of a tensor',
    'data[0].lossFnInputs.weights.data',
    () =>
      checkedBatch(
        datum({
          lossFnInputs: {
            ...TARGETS,
            weights: { data: detached(Float32Array.of(1, 1)), dtype: 'float32', shape: [2] },
          },
        }) as never,
        'cross_entropy',
      ),
  ],
  [
    'an image',
    'prompt.chunks[0].data',
    () =>
      checkedSample({
        prompt: { chunks: [{ type: 'image', data: detached(Uint8Array.of(1)), format: 'png' }] } as never,
        maxTokens: 1,
      }),
  ],
])('%s whose memory was handed to another thread is refused by its field', (_, field, check) => {
  expect(thrown(check)).toMatchObject({ code: 'input_invalid', field });
});
