import { seededRandom } from '../../src/kernel/random.ts';
import { checkedBatch } from '../../src/wire/checked-input.ts';
import { forwardBody } from '../../src/wire/json/training.ts';
import { decodeForwardBackwardOutput } from '../../src/wire/proto/forward-backward-output.ts';
import { encodeForwardBackwardRequest } from '../../src/wire/proto/forward-backward-request.ts';
import { decodeSampleResponse } from '../../src/wire/proto/sample-response.ts';
import { oracleDecode, oracleEncode } from '../unit/wire/proto/oracle.ts';
import { median } from './bench.ts';
import {
  bytesOf,
  type CrossEntropyDatum,
  createBatch,
  DATUMS,
  envelope,
  oracleRequest,
  passResult,
  sampleResult,
  widened,
} from './codec-batch.ts';
import { arraysOfOracle, splitOracle } from './codec-oracle.ts';

// Encodes and decodes in whatever runtime it is started, and prints the times. Nothing but web standards.

/** Milliseconds of each work, by its name. */
export interface CodecReport {
  readonly encode: Readonly<Record<string, number>>;
  /** By themselves: plain arrays of a batch are a hundred megabytes, which all others' garbage collections would walk. */
  readonly stringify: Readonly<Record<string, number>>;
  readonly pass: Readonly<Record<string, number>>;
  readonly sample: Readonly<Record<string, number>>;
}

const ROUNDS = 15;
const STRINGIFIED_ROUNDS = 7;
/** Decoding takes too little time to be measured once. */
const REPEATS = 20;

/** What works make, so that no engine leaves them out. */
const made: { last?: unknown } = {};

const once = (work: () => unknown) => async (): Promise<void> => {
  made.last = work();
};
const repeated =
  (work: () => unknown, times = REPEATS) =>
  async (): Promise<void> => {
    for (let i = 0; i < times; i++) made.last = work();
  };

/**
 * Medians in milliseconds, in rounds after one to warm up. Each round has an order of chance: in a fixed one it is always the
 * same work during which the engine collects the garbage of all.
 */
async function interleaved(
  rounds: number,
  works: Readonly<Record<string, () => Promise<void>>>,
): Promise<Record<string, number>> {
  const random = seededRandom(1);
  const times = new Map<string, number[]>(Object.keys(works).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    const order = Object.entries(works).map((work) => ({ work, rank: random() }));
    for (const { work } of order.sort((a, b) => a.rank - b.rank)) {
      const [name, run] = work;
      const startedAt = performance.now();
      await run();
      if (round >= 0) times.get(name)?.push(performance.now() - startedAt);
    }
  }
  return Object.fromEntries([...times].map(([name, values]) => [name, median(values)]));
}

function demand(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise);
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The bytes that every encoder must copy. */
function tensorsOf(batch: readonly CrossEntropyDatum[]): readonly Uint8Array[] {
  return batch.flatMap(({ modelInput, lossFnInputs: { target_tokens, weights } }) => [
    bytesOf(modelInput),
    widened(target_tokens),
    bytesOf(weights),
  ]);
}

function copied(tensors: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const tensor of tensors) {
    bytes.set(tensor, at);
    at += tensor.length;
  }
  return bytes;
}

async function stringifying(): Promise<CodecReport['stringify']> {
  const batch = createBatch();
  const tensors = tensorsOf(batch);
  const length = tensors.reduce((sum, tensor) => sum + tensor.length, 0);
  const { modelId, sequenceId, lossFn, lossFnConfig } = envelope;
  const body = forwardBody('forward_backward_input', modelId, sequenceId, {
    data: checkedBatch(batch, 'cross_entropy'),
    lossFn,
    lossFnConfig,
  });
  return interleaved(STRINGIFIED_ROUNDS, {
    'copy bound': once(() => copied(tensors, length)),
    'JSON.stringify': once(() => JSON.stringify(body)),
  });
}

async function encoding(): Promise<CodecReport['encode']> {
  const batch = createBatch();
  const checked = checkedBatch(batch, 'cross_entropy');
  const own = encodeForwardBackwardRequest({ ...envelope, data: checked });
  const ready = batch.map(({ lossFnInputs }) => widened(lossFnInputs.target_tokens));
  const isReady = (_: Int32Array, index: number): Uint8Array => ready[index] ?? new Uint8Array(0);
  const readyRequest = oracleRequest(batch, isReady);
  demand(
    areEqual(own, oracleEncode('ForwardBackwardRequest', readyRequest)),
    'protobuf-es writes other bytes',
  );

  const tensors = tensorsOf(batch);
  const payload = tensors.reduce((sum, { length }) => sum + length, 0);
  const [source, target] = [new Uint8Array(payload).fill(1), new Uint8Array(payload).fill(2)];
  return interleaved(ROUNDS, {
    'copy bound': once(() => copied(tensors, own.length)),
    memcpy: once(() => {
      target.set(source);
      return target;
    }),
    encode: once(() => encodeForwardBackwardRequest({ ...envelope, data: checked })),
    'check and encode': once(() =>
      encodeForwardBackwardRequest({ ...envelope, data: checkedBatch(batch, 'cross_entropy') }),
    ),
    'protobuf-es': once(() => oracleEncode('ForwardBackwardRequest', readyRequest)),
    'protobuf-es from int32': once(() =>
      oracleEncode('ForwardBackwardRequest', oracleRequest(batch, widened)),
    ),
  });
}

/** The bytes so placed that `isView` says of what is made of them that it was not copied, and one byte further. */
function placed(
  encoded: Uint8Array,
  isView: (bytes: Uint8Array) => boolean,
): readonly [Uint8Array, Uint8Array] {
  const places = [0, 1, 2, 3, 4].map((shift) => {
    const bytes = new Uint8Array(encoded.length + 4).subarray(shift, shift + encoded.length);
    bytes.set(encoded);
    return bytes;
  });
  const shift = places.findIndex(isView);
  const [aligned, other] = [places[shift], places[(shift + 1) % 4]];
  if (aligned === undefined || other === undefined || isView(other)) throw new Error('Decoding copies');
  return [aligned, other];
}

async function decodingPass(): Promise<CodecReport['pass']> {
  const { protobuf, json } = passResult();
  const [aligned, other] = placed(protobuf, (bytes) => {
    const [first] = decodeForwardBackwardOutput(bytes).lossFnOutputs;
    return first?.['logprobs']?.data.buffer === bytes.buffer;
  });
  const last = decodeForwardBackwardOutput(other).lossFnOutputs[DATUMS - 1]?.['logprobs']?.data;
  const theirs = splitOracle(aligned)[DATUMS - 1];
  demand(
    last !== undefined && theirs?.every((x, i) => x === last[i]) === true,
    'protobuf-es reads other numbers',
  );
  const [source, target] = [new Uint8Array(protobuf), new Uint8Array(protobuf)];
  return interleaved(ROUNDS, {
    decode: repeated(() => decodeForwardBackwardOutput(aligned)),
    'decode, not aligned': repeated(() => decodeForwardBackwardOutput(other)),
    'protobuf-es, split into datums': repeated(() => splitOracle(aligned)),
    'protobuf-es': repeated(() => oracleDecode('ForwardBackwardOutput', aligned)),
    memcpy: repeated(() => {
      target.set(source);
      return target;
    }),
    'JSON.parse': repeated(() => JSON.parse(json), REPEATS / 10),
  });
}

async function decodingSample(): Promise<CodecReport['sample']> {
  const { protobuf, json } = sampleResult();
  const bytes = new Uint8Array(protobuf);
  const [own] = decodeSampleResponse(bytes, 1).sequences;
  const [theirs] = arraysOfOracle(bytes);
  demand(
    own?.logprobs?.every((x, i) => x === theirs?.logprobs[i]) === true,
    'protobuf-es reads other numbers',
  );
  return interleaved(ROUNDS, {
    decode: repeated(() => decodeSampleResponse(bytes, 1)),
    'protobuf-es, made arrays': repeated(() => arraysOfOracle(bytes)),
    'protobuf-es': repeated(() => oracleDecode('SampleResponse', bytes)),
    'JSON.parse': repeated(() => JSON.parse(json)),
  });
}

const perCall = (times: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, ms / REPEATS]));

async function main(): Promise<void> {
  const pass = perCall(await decodingPass());
  // It ran a tenth as often.
  pass['JSON.parse'] = 10 * (pass['JSON.parse'] ?? Number.NaN);
  const report: CodecReport = {
    encode: await encoding(),
    pass,
    sample: perCall(await decodingSample()),
    stringify: await stringifying(),
  };
  if (made.last === undefined) throw new Error('nothing was made');
  console.log(JSON.stringify(report));
}

await main();
