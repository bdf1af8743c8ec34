import { describe, expect, it } from 'vitest';
import type { EmulatorOptions } from '../../src/emulator/index.ts';
import type { ForwardBackwardOutput, ServiceClientOptions, TinkerEvent } from '../../src/index.ts';
import { batch, offline } from '../support/offline.ts';
import { fakeZstd } from '../support/pass-server.ts';
import { rejection } from '../support/settled.ts';
import { forbidUnhandledRejections } from '../support/unhandled.ts';

forbidUnhandledRejections();

interface World {
  readonly emulator?: EmulatorOptions;
  readonly client?: Partial<ServiceClientOptions>;
  /** What a request is answered by in place of the server; `undefined` lets it through. */
  readonly instead?: (request: Request) => Response | undefined;
}

/** Train three steps, and sample. @returns all that was computed, and how it went over the wire. */
async function run({ emulator = {}, client = {}, instead = () => undefined }: World) {
  const sent: string[] = [];
  const received: string[] = [];
  const events: TinkerEvent[] = [];
  const {
    clock,
    emulator: server,
    service,
  } = offline({
    emulator,
    client: { ...client, onEvent: (event) => events.push(event) },
    wrap: (fetch) => async (request) => {
      const path = new URL(request.url).pathname.replace(/^.*\/api\/v1\//, '');
      const type = request.headers.get('content-encoding') ?? request.headers.get('content-type') ?? '';
      if (path.startsWith('forward')) sent.push(`${path} ${type.replace('application/', '')}`);
      const response = instead(request) ?? (await fetch(request));
      const kind = response.headers.get('content-type') ?? '';
      if (path === 'retrieve_future' && response.status === 200)
        received.push(kind.replace('application/', ''));
      return response;
    },
  });
  const training = await clock.drive(
    service.createLoraTrainingClient({ baseModel: server.modelName, rank: 4, seed: 1 }),
  );
  const outputs: ForwardBackwardOutput[] = [];
  for (let step = 0; step < 3; step++) {
    const pass = training.forwardBackward(batch(5, 12, step), 'cross_entropy');
    const update = training.optimStep({ learningRate: 0.02 });
    outputs.push(await clock.drive(pass));
    await clock.drive(update);
  }
  outputs.push(await clock.drive(training.forward(batch(5, 12, 3), 'cross_entropy')));
  const sampler = await clock.drive(training.saveWeightsAndGetSamplingClient());
  const sample = await clock.drive(
    sampler.sample({ prompt: [84, 104, 101], maxTokens: 8, seed: 3, includePromptLogprobs: true }),
  );
  await clock.drive(service.close());
  expect(clock.pending).toBe(0);
  return { outputs, sample, sent, received, events };
}

const decompress = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes.subarray(1));

const crash = (request: Request): Response | undefined =>
  request.headers.get('content-type')?.includes('protobuf')
    ? new Response('Internal Server Error', { status: 500, headers: { 'content-type': 'text/plain' } })
    : undefined;

describe('what is computed', () => {
  it('is the same to the last bit, whatever goes over the wire', async () => {
    const worlds: Readonly<Record<string, World>> = {
      json: { client: { wireFormat: 'json' } },
      protobuf: { client: { wireFormat: 'proto' } },
      negotiated: {},
      'protobuf, compressed': {
        emulator: { clientConfig: { proto_compress_fwdbwd: true }, decompress },
        client: { compress: fakeZstd },
      },
      'compression that the server does not undo': {
        emulator: { clientConfig: { proto_compress_fwdbwd: true } },
        client: { compress: fakeZstd },
      },
      'a server that crashes on protobuf': { instead: crash },
      'results announced first': { emulator: { metadataFirstBytes: 0 } },
      'results of which one fits at a time': {
        emulator: { metadataFirstBytes: 0, clientConfig: { inflight_response_bytes_semaphore_size: 1 } },
      },
    };
    const reference = await run(worlds['json'] ?? {});
    expect(reference.received).not.toContain('x-protobuf');
    for (const [name, world] of Object.entries(worlds)) {
      const { outputs, sample, sent, received, events } = await run(world);
      expect([name, outputs, sample]).toEqual([name, reference.outputs, reference.sample]);
      const isJson = name === 'json' || name.includes('crashes');
      expect([name, sent.at(-1)]).toEqual([
        name,
        isJson
          ? 'forward json'
          : name === 'protobuf, compressed'
            ? 'forward_backward zstd'
            : 'forward_backward x-protobuf',
      ]);
      expect([name, received.includes('x-protobuf')]).toEqual([name, name !== 'json']);
      const told = events.filter(({ type }) => type === 'wire_format');
      expect([name, told.length]).toEqual([name, name.includes('crashes') || name.includes('undo') ? 1 : 0]);
    }
  });

  it('is the same in chunks, of whatever size, side by side or one by one', async () => {
    const reference = await run({});
    for (const fwdbwd_max_chunk_len of [1, 2, 4]) {
      for (const parallel_fwdbwd_chunks of [true, false]) {
        const { outputs, sample, sent } = await run({
          emulator: { clientConfig: { fwdbwd_max_chunk_len, parallel_fwdbwd_chunks } },
        });
        expect(sent).toHaveLength(4 * Math.ceil(5 / fwdbwd_max_chunk_len));
        expect(sample.sequences.map(({ tokens }) => [...tokens])).toEqual(
          reference.sample.sequences.map(({ tokens }) => [...tokens]),
        );
        for (const [index, { metrics, lossFnOutputs }] of outputs.entries()) {
          const whole = reference.outputs[index];
          expect(metrics['loss:sum']).toBeCloseTo(whole?.metrics['loss:sum'] ?? Number.NaN, 3);
          expect(lossFnOutputs).toHaveLength(whole?.lossFnOutputs.length ?? -1);
        }
      }
    }
  });
});

describe('a chunk that is refused on its way', () => {
  it.each([0, 1, 2])('leaves a model that goes on, whichever it is: %d', async (refused) => {
    const passes: number[] = [];
    const { clock, emulator, service } = offline({
      emulator: { clientConfig: { fwdbwd_max_chunk_len: 2, proto_write_fwdbwd: false } },
      wrap: (fetch) => async (request) => {
        if (!request.url.endsWith('/forward_backward')) return fetch(request);
        const { seq_id } = (await request.clone().json()) as { seq_id: number };
        passes.push(seq_id);
        return seq_id === refused + 1 && passes.filter((one) => one === seq_id).length === 1
          ? Response.json({ detail: 'too large' }, { status: 413 })
          : fetch(request);
      },
    });
    const training = await clock.drive(
      service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 4 }),
    );
    const failed = rejection(training.forwardBackward(batch(6), 'cross_entropy'));
    const step = training.optimStep();
    expect(await clock.drive(failed)).toMatchObject({
      code: 'batch_incomplete',
      chunks: 3,
      acceptedChunks: refused === 0 ? 2 : 1,
    });
    await clock.drive(step);
    await clock.drive(training.trainStep(batch(6), 'cross_entropy'));
    expect(await clock.drive(training.saveState('after'))).toMatchObject({
      path: expect.stringContaining('after'),
    });
    await clock.drive(service.close());
    expect(clock.pending).toBe(0);
  });
});
