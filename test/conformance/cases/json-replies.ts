import { isTinkerError } from '../../../src/kernel/errors.ts';
import { describeProblem, readPolled, readSubmitted } from '../../../src/wire/json/futures.ts';
import { readSample } from '../../../src/wire/json/sampling.ts';
import { readForwardBackward } from '../../../src/wire/json/training.ts';
import { assertAlike, assertEqual, assertTrue, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** JSON as servers send it, right or not. */
export function jsonReplyCases(): readonly ConformanceCase[] {
  return [...readCases(), ...futureCases()];
}

function readCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: log-probabilities of JSON may be missing, and numbers of any size are read as float32',
      run() {
        const body = JSON.parse(
          '{"sequences":[{"tokens":[1,2,3,4],"logprobs":[null,-0,-1e400,-1e-50],"stop_reason":null},{"tokens":[]}],' +
            '"prompt_logprobs":[-0.1],"topk_prompt_logprobs":[null,[[5,-0.25],[6,null]]],"something":{"new":1}}',
        ) as unknown;
        const read = readSample(body, 2);
        const logprobs = read.sequences[0]?.logprobs as Float32Array;
        assertTrue('missing', Number.isNaN(logprobs[0]));
        assertTrue('-0', Object.is(logprobs[1], -0));
        assertTrue('too far down', logprobs[2] === Number.NEGATIVE_INFINITY);
        assertTrue('repaired', Number.isNaN(read.promptLogprobs?.[0]) && read.promptLogprobs?.length === 2);
        return textOf(read);
      },
    },
    {
      name: 'protocol: a result with more, or less, than the protocol says is read; one that cannot be is named',
      run() {
        const bodies: readonly unknown[] = [
          {},
          { loss_fn_outputs: [null, { x: { data: [1, null] } }], metrics: { a: null } },
          { loss_fn_outputs: [{ x: { data: [3, 4], dtype: 'int32', shape: [2, 1] } }] },
          { loss_fn_outputs: [JSON.parse('{"__proto__":{"data":[1]}}')] },
          { loss_fn_outputs: [{ x: { data: [2 ** 53], dtype: 'int64' } }] },
          { loss_fn_outputs: [{ x: { data: ['1'] } }] },
          { loss_fn_outputs: [{ x: { data: [1], shape: [2] } }] },
          { loss_fn_outputs: 'none' },
          { metrics: [1] },
          null,
          'text',
        ];
        const readings = bodies.map((body) => {
          try {
            return textOf(readForwardBackward(body));
          } catch (error) {
            assertTrue(`a response error, not ${error}`, isTinkerError(error, 'response_invalid'));
            return (error as Error).message;
          }
        });
        assertTrue(
          'an inexact integer',
          readings[4]?.includes('loss_fn_outputs[0].x[0] is not an exact integer') === true,
        );
        return readings.join('\n');
      },
    },
  ];
}

function futureCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: every form of an answer to a poll is told apart',
      run() {
        const bodies: readonly unknown[] = [
          {
            type: 'try_again',
            queue_state: 'PAUSED_CAPACITY',
            queue_state_reason: 'full',
            retry_after_ms: 5,
          },
          { type: 'try_again', queue_state: 7 },
          { status: 'complete_metadata', response_payload_size: 12 },
          { status: 'complete_metadata', response_payload_size: 'x' },
          { error: 'broke', category: 'USER' },
          { error: null, detail: [{ loc: ['body', 0], msg: 'odd' }] },
          { path: 'tinker://a' },
          Uint8Array.of(1, 2),
          undefined,
          [],
        ];
        const read = bodies.map((body) => readPolled(body));
        assertAlike(
          'kinds',
          read.map(({ kind }) => kind),
          ['pending', 'pending', 'metadata', 'metadata', 'failed', 'failed', 'done', 'done', 'done', 'done'],
        );
        return textOf(read);
      },
    },
    {
      name: 'protocol: the id of a future is read in every form, and an answer without one is refused',
      run() {
        const ids = [
          { request_id: 'a' },
          { future_id: 7 },
          { id: 'b', model_id: 'm' },
          { request_id: 'c', sample_sequence_ids: [1, 'x'] },
        ];
        const refused = [{}, { request_id: '' }, { request_id: 2 ** 53 }, null, Uint8Array.of(1)].map(
          (body) => {
            try {
              return readSubmitted(body).requestId;
            } catch (error) {
              return (error as Error).message;
            }
          },
        );
        return textOf([ids.map((body) => readSubmitted(body)), refused]);
      },
    },
    {
      name: 'protocol: a server’s words are found wherever it puts them, and are no longer than they may be',
      run() {
        const bodies: readonly unknown[] = [
          { error: 'a' },
          { detail: [{ loc: ['body', 'x', 0], msg: 'must be' }, { msg: 'too' }, 5] },
          { error: { message: 'inner' } },
          { error_message: ' b ', message: 'c' },
          { other: 1 },
          'a page',
          { error: '😀'.repeat(400) },
        ];
        const words = bodies.map(describeProblem);
        assertEqual('places', words[1], 'body.x.0: must be; too; 5');
        assertTrue(
          'not too long',
          words.every((text) => text.length <= 501),
        );
        return textOf(words);
      },
    },
  ];
}
