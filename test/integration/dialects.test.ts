import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHOICES } from '../../src/emulator/dialects/choices.ts';
import type { DialectName, EmulatorDialect } from '../../src/emulator/index.ts';
import { dialectOf } from '../../src/emulator/index.ts';
import { CLIENT_OPTIONS, type DialectRun, OTHERS, trainAndSample } from '../support/dialects.ts';

/** One run for all tests: what every server should come to. */
const hosted = (() => {
  let run: Promise<DialectRun> | undefined;
  return (): Promise<DialectRun> => {
    run ??= trainAndSample('hosted', CLIENT_OPTIONS.hosted);
    return run;
  };
})();

/** What each server reports of the loss, given the sum. */
const LOSSES: Readonly<Record<DialectName, ((sum: number) => Record<string, number>) | undefined>> = {
  hosted: (sum) => ({ 'loss:sum': sum }),
  skyrl: () => ({}),
  'openrl-legacy': (sum) => ({ 'loss:sum': sum }),
  twinkle: (sum) => ({ 'loss:avg': sum / 2 }),
  tinkercloud: (sum) => ({ 'loss:sum': sum }),
  beam: (sum) => ({ 'loss:sum': sum }),
  miles: (sum) => ({ 'loss:sum': sum }),
  localtinker: (sum) => ({ 'loss:sum': sum }),
  arctic: (sum) => ({ 'loss:sum': sum }),
  mint: (sum) => ({ 'loss:sum': sum }),
};

/** Where each says that the state was saved. */
const PATHS: Readonly<Partial<Record<DialectName, RegExp>>> = {
  'openrl-legacy': /^\/srv\/checkpoints\/[0-9a-f-]{36}\/weights\/state$/,
  twinkle: /^twinkle:\/\/20260722_120000-emulator-tiny-[0-9a-f]{8}\/weights\/state$/,
  arctic: /^tinker:\/\/main\/weights\/state$/,
};

describe('the same code', () => {
  it.each(OTHERS)('comes to the same bits with %s', async (name) => {
    const usual = await hosted();
    const run = await trainAndSample(name, CLIENT_OPTIONS[name]);
    expect(run.metrics).toEqual(
      usual.metrics.map((metrics) => LOSSES[name]?.(metrics['loss:sum'] ?? Number.NaN)),
    );
    expect(run.logprobs).toEqual(name === 'tinkercloud' ? [] : usual.logprobs);
    expect(run.norms).toEqual(name === 'tinkercloud' ? [undefined, undefined, undefined] : usual.norms);
    expect(run.samples).toEqual(usual.samples);
    expect(run.sampledLogprobs).toEqual(name === 'twinkle' ? [undefined, undefined] : usual.sampledLogprobs);
    expect(run.promptLogprobs).toEqual(name === 'twinkle' ? undefined : usual.promptLogprobs);
    expect(run.path).toMatch(PATHS[name] ?? /^tinker:\/\/session-\w+:train:0\/weights\/state$/);
  });

  it('learns, and samples from what it learnt', async () => {
    const { metrics, samples } = await hosted();
    const sums = metrics.map((all) => all['loss:sum'] ?? Number.NaN);
    expect(sums[2]).toBeLessThan((sums[0] ?? 0) * 0.8);
    expect(samples[0]).toHaveLength(12);
    expect(samples[1]).toEqual(samples[0]);
  });
});

/** Any values of the switches, but for those that are records of their own. */
const switches: fc.Arbitrary<Partial<EmulatorDialect>> = fc.record({
  ...Object.fromEntries(Object.entries(CHOICES).map(([name, values]) => [name, fc.constantFrom(...values)])),
  absentRoutes: fc.constantFrom({}, dialectOf('openrl-legacy').absentRoutes, dialectOf('skyrl').absentRoutes),
  forwardRoute: fc.boolean(),
  strictFields: fc.boolean(),
  inlineExecution: fc.boolean(),
  samplingNeedsBaseModel: fc.boolean(),
  needsRequestId: fc.boolean(),
  needsConfigBody: fc.boolean(),
  clientConfig: fc.constantFrom<EmulatorDialect['clientConfig'][]>(
    404,
    {},
    { proto_write_fwdbwd: false },
    { parallel_fwdbwd_chunks: false },
  ),
  holdMs: fc.constantFrom(0, 50, 20_000, 300_000),
  loadsWithoutFuture: fc.boolean(),
  namesNewModels: fc.boolean(),
  sampleSequenceIds: fc.boolean(),
  metadataPeek: fc.boolean(),
  resultTypes: fc.boolean(),
  extraFields: fc.boolean(),
  tensorShapes: fc.boolean(),
  sparseRecords: fc.boolean(),
  stopReason: fc.constantFrom('faithful', 'stop', 'eos_token'),
});

/** Any manners in which a client can train and sample at all. */
const manners = switches
  // The id of a model is a part of its checkpoints' paths, and must be somewhere.
  .filter(({ modelIdForm, requestIdForm }) => modelIdForm !== 'request-id' || requestIdForm !== 'composed')
  .filter(
    ({ namesNewModels, submitReply, modelIdForm }) =>
      namesNewModels === true || submitReply === 'model-id' || modelIdForm === 'request-id',
  );

it('any manners of a server change no bit of what is trained', async () => {
  const usual = await hosted();
  const client = { authScheme: 'both', defaultHeaders: { 'x-request-id': 'client-1' } } as const;
  await fc.assert(
    fc.asyncProperty(manners, fc.constantFrom('auto', 'json' as const), async (dialect, wireFormat) => {
      const run = await trainAndSample(dialect, { ...client, wireFormat }, { metadataFirstBytes: 100 });
      expect(run.samples).toEqual(usual.samples);
      if (dialect.outputs !== 'deferred') expect(run.logprobs).toEqual(usual.logprobs);
      if (dialect.stepResult === 'metrics') expect(run.norms).toEqual(usual.norms);
      expect(run.sampledLogprobs).toEqual(usual.sampledLogprobs);
      if (dialect.metrics === 'all') expect(run.metrics).toEqual(usual.metrics);
      if (dialect.promptLogprobs !== 'none') expect(run.promptLogprobs).toEqual(usual.promptLogprobs);
    }),
    { numRuns: 60 },
  );
}, 120_000);
