import { batch } from '../../support/offline.ts';
import { assertEqual, bitsOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { type OfflineOptions, offlineClient, trainAndSample } from '../offline-client.ts';

/** However it goes over the wire, the same is computed. */
const fakeZstd = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => Uint8Array.of(0x28, ...bytes);
const unpack = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes.subarray(1));

async function runIn(world: OfflineOptions): Promise<string> {
  const setup = offlineClient(world);
  const text = await trainAndSample(setup);
  await setup.finish();
  return text;
}

export function wireFormCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: training and sampling give the same bits as JSON, protobuf and compressed protobuf',
      async run() {
        const json = await runIn({ client: { wireFormat: 'json' } });
        const compressed = {
          emulator: { clientConfig: { proto_compress_fwdbwd: true } },
          client: { compress: fakeZstd },
        };
        const worlds: Readonly<Record<string, OfflineOptions>> = {
          protobuf: { client: { wireFormat: 'proto' } },
          negotiated: {},
          compressed: { ...compressed, emulator: { ...compressed.emulator, decompress: unpack } },
          'compressed for a server that cannot': compressed,
          'results announced first': { emulator: { metadataFirstBytes: 0 } },
        };
        for (const [name, world] of Object.entries(worlds)) assertEqual(name, await runIn(world), json);
        return json;
      },
    },
    {
      name: 'protocol: a server that crashes on protobuf is sent JSON, and one event tells of it',
      async run() {
        const crash = new Response('Internal Server Error', { status: 500 });
        const setup = offlineClient({
          wrap: (fetch) => async (request) =>
            request.headers.get('content-type')?.includes('protobuf') ? crash.clone() : fetch(request),
        });
        const text = await trainAndSample(setup);
        await setup.finish();
        const told = setup.events.filter(({ type }) => type === 'wire_format');
        assertEqual('events', told.length, 1);
        assertEqual('what is computed', text, await runIn({ client: { wireFormat: 'json' } }));
      },
    },
    {
      name: 'protocol: a pass in chunks is the pass as a whole',
      async run() {
        const run = async (size: number): Promise<string> => {
          const setup = offlineClient({ emulator: { clientConfig: { fwdbwd_max_chunk_len: size } } });
          const training = await setup.train();
          const { metrics, lossFnOutputs } = await setup.clock.drive(
            training.forward(batch(7, 9), 'cross_entropy'),
          );
          await setup.finish();
          const rows = lossFnOutputs.map((output) => output['logprobs']?.data as Float32Array);
          return textOf([Math.fround(metrics['loss:sum'] ?? Number.NaN), bitsOf(...rows)]);
        };
        const whole = await run(100);
        assertEqual('in chunks of 2', await run(2), whole);
        return whole;
      },
    },
  ];
}
