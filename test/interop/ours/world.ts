import { readFileSync } from 'node:fs';
import {
  createServiceClient,
  type Datum,
  type ForwardBackwardOutput,
  type LossFnInputs,
  type ServiceClient,
  type WireFormat,
} from 'isotinker';
import type { ServerName } from '../emulators.ts';
import { createRecorder, type Recorder } from './record.ts';

/** What the runner decided for one run. */
export interface Plan {
  readonly addresses: Readonly<Record<ServerName, string>>;
  /** File of the text that is learned. */
  readonly text: string;
  /** Where to write what came out. */
  readonly output: string;
  /** Ours alone: how passes are sent. */
  readonly wireFormat: WireFormat;
}

/** The servers of the scenario, and the text that is learned. */
export interface World {
  readonly record: Recorder;
  readonly output: string;
  /** The client of a server, one each. */
  service(server: ServerName, apiKey?: string): ServiceClient;
  /** Somebody with a key that the server does not know. */
  stranger(server: ServerName): ServiceClient;
  /** Some text, one token a byte. */
  passage(number: number, length?: number): number[];
  /** An example that predicts each next token. */
  datum(number: number, length?: number): Datum<'cross_entropy'>;
  /** The same with what a loss reads beside the targets. */
  datumWith<L extends keyof LossFnInputs>(
    number: number,
    inputs: Omit<LossFnInputs[L], 'target_tokens'>,
  ): Datum<L>;
  batch(...numbers: readonly number[]): Datum<'cross_entropy'>[];
  close(): Promise<void>;
}

/** The model that the servers have. */
export const BASE_MODEL = 'emulator/tiny';

const PASSAGE = 65;

/** One run of the scenario. */
export function createWorld(planFile: string): World {
  const plan = JSON.parse(readFileSync(planFile, 'utf8')) as Plan;
  const text = readFileSync(plan.text);
  const services = new Map<string, ServiceClient>();

  const passage: World['passage'] = (number, length = PASSAGE) => {
    const start = (number * 97) % (text.length - length);
    return [...text.subarray(start, start + length)];
  };

  const open = (server: ServerName, apiKey: string): ServiceClient => {
    const service = createServiceClient({
      apiKey,
      baseUrl: plan.addresses[server],
      wireFormat: plan.wireFormat,
      tags: ['interop'],
      userMetadata: { purpose: 'interop', server },
      projectId: server === 'serial' ? 'project-0' : undefined,
      telemetry: true,
    });
    services.set(server + apiKey, service);
    return service;
  };

  const datumWith: World['datumWith'] = (number, inputs) => {
    const tokens = passage(number);
    return {
      modelInput: tokens.slice(0, -1),
      lossFnInputs: { target_tokens: tokens.slice(1), ...inputs } as never,
    };
  };

  const datum: World['datum'] = (number, length) => {
    const tokens = passage(number, length);
    return { modelInput: tokens.slice(0, -1), lossFnInputs: { target_tokens: tokens.slice(1) } };
  };

  return {
    record: createRecorder(),
    output: plan.output,
    service: (server, apiKey = 'tml-interop') => services.get(server + apiKey) ?? open(server, apiKey),
    stranger: (server) => open(server, 'tml-stranger'),
    passage,
    datum,
    datumWith,
    batch: (...numbers) => numbers.map((number) => datum(number)),
    async close() {
      await Promise.all([...services.values()].map((service) => service.close()));
    },
  };
}

/** Parameters of the optimizer. */
export function adam(learningRate = 0.005): { readonly learningRate: number } {
  return { learningRate };
}

/** Log-probabilities of each datum's targets. */
export function logprobs({ lossFnOutputs }: ForwardBackwardOutput): (Float32Array | undefined)[] {
  return lossFnOutputs.map(({ logprobs }) => logprobs?.data as Float32Array | undefined);
}
