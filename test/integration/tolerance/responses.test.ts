import { describe, expect, it } from 'vitest';
import type { EmulatorDialect } from '../../../src/emulator/index.ts';
import type { TensorData } from '../../../src/index.ts';
import { CLIENT_OPTIONS } from '../../support/dialects.ts';
import { batch } from '../../support/offline.ts';
import { driveToRejection } from '../../support/settled.ts';
import { edited, type Watched, watched } from '../../support/watched.ts';

// Above each test: changes of the client that make it fail.

const PROMPT = [116, 104, 101];

async function sampler({ clock, service, emulator }: Watched) {
  return clock.drive(service.createSamplingClient({ baseModel: emulator.modelName }));
}

const numbersOf = (tensor: TensorData | undefined): number[] => Array.from(tensor?.data ?? [], Number);

/** Everything that is said of a pass and of a sample, in a dialect. */
async function results(dialect: Partial<EmulatorDialect>) {
  const setup = watched({ dialect });
  const training = await setup.training();
  const { forwardBackward, optimStep } = await setup.clock.drive(
    training.trainStep(batch(2, 8), 'cross_entropy'),
  );
  const request = { prompt: PROMPT, maxTokens: 5, seed: 1, includePromptLogprobs: true };
  const sampled = await setup.clock.drive((await sampler(setup)).sample(request));
  await setup.finish();
  return { forwardBackward, optimStep, sampled };
}

// Breaks it: futures.ts (JSON), `future_id ?? id` left out; an id that may be missing.
describe('servers.md 2.1 item 14', () => {
  it('shows a submission’s answer that names no future', async () => {
    const setup = watched({ dialect: 'tinkercloud' }, CLIENT_OPTIONS.tinkercloud);
    const training = await setup.training();
    const { path } = await setup.clock.drive(training.saveState('one'));
    // The server took it, and gave nothing to wait for: what became of the number is not known.
    expect(await driveToRejection(setup.clock, training.loadState(path))).toMatchObject({
      code: 'submit_ambiguous',
      cause: { code: 'response_invalid', message: expect.stringContaining('load_weights is deprecated') },
    });
    expect(setup.to('load_weights')).toHaveLength(1);
    await setup.finish();
  });

  it.each(['request_id', 'future_id', 'id'] as const)(
    'finds it as %s, whatever the status says',
    async (field) => {
      const setup = watched({ dialect: { requestIdField: field } }, {}, (path, response) =>
        path === 'optim_step' ? edited(response, (body) => ({ ...body, status: 'queued' })) : response,
      );
      expect(await setup.step(await setup.training())).toBeGreaterThan(0);
      await setup.finish();
    },
  );
});

// Breaks it: model-creation.ts, any of the three places left out, or in another order.
describe('servers.md 2.1 item 15', () => {
  it.each([
    ['the result, behind a null', { submitReply: 'null-model-id' }, /^session-\w+:train:0$/],
    ['the submission’s answer', { namesNewModels: false }, /^session-\w+:train:0$/],
    [
      'the future’s own id',
      { namesNewModels: false, submitReply: 'bare', modelIdForm: 'request-id', requestIdForm: 'uuid' },
      /^[0-9a-f]{8}-4d1e/,
    ],
    [
      'the future’s own id, behind a null',
      { namesNewModels: false, submitReply: 'null-model-id', modelIdForm: 'request-id' },
      /^request-1$/,
    ],
  ] as const)('finds a new model’s id in %s', async (_, dialect, id) => {
    const setup = watched({ dialect });
    const training = await setup.training();
    expect(training.modelId).toMatch(id);
    expect(await setup.step(training)).toBeGreaterThan(0);
    await setup.finish();
  });

  it('believes the result more than the answer to the submission', async () => {
    const setup = watched({ dialect: 'hosted' }, {}, (path, response) =>
      path === 'create_model' ? edited(response, (body) => ({ ...body, model_id: 'a-draft' })) : response,
    );
    expect((await setup.training()).modelId).toMatch(/^session-/);
    await setup.finish();
  });
});

// Breaks it: classify.ts, `isProtobuf` by what was asked; poll-request.ts, another Accept header.
describe('servers.md 2.1 item 16', () => {
  const BOTH = 'application/x-protobuf, application/json';
  it.each([
    ['auto', 'by-accept', BOTH, 'application/x-protobuf'],
    ['auto', 'json', BOTH, 'application/json'],
    ['json', 'by-accept', 'application/json', 'application/json'],
  ] as const)(
    'in mode %s reads what a server that answers %s says it is',
    async (wireFormat, resultFormat, accept, type) => {
      const types = new Set<string | null>();
      const setup = watched({ dialect: { resultFormat } }, { wireFormat }, (path, response) => {
        if (path === 'retrieve_future' && response.status === 200)
          types.add(response.headers.get('content-type'));
        return response;
      });
      const loss = await setup.step(await setup.training());
      expect(loss).toBeGreaterThan(0);
      const accepts = setup.to('retrieve_future').map(({ headers }) => headers.get('accept'));
      expect(new Set(accepts)).toEqual(new Set(['application/json', accept]));
      expect(types).toEqual(new Set(['application/json', type]));
      await setup.finish();
    },
  );

  it('reads protobuf that nobody asked for', async () => {
    const setup = watched({}, { wireFormat: 'json' });
    const plain = setup.emulator.fetch;
    const forced = watched({}, { wireFormat: 'json', fetch: asksForProtobuf(plain), clock: setup.clock });
    expect(await forced.step(await forced.training())).toBeGreaterThan(0);
    await forced.finish();
    await setup.service.close();
  });
});

function asksForProtobuf(fetch: (request: Request) => Promise<Response>) {
  return (request: Request): Promise<Response> => {
    const headers = new Headers(request.headers);
    headers.set('accept', 'application/x-protobuf');
    return fetch(new Request(request, { headers }));
  };
}

// Breaks it: training.ts or sampling.ts (JSON), any field made required, `type` looked at, a shape asked for.
describe('servers.md 2.1 item 17', () => {
  it('does without types, and passes over what it does not know', async () => {
    const usual = await results({ resultFormat: 'json' });
    expect(await results({ resultFormat: 'json', resultTypes: false, extraFields: true })).toEqual(usual);
    expect(await results({ resultTypes: false, extraFields: true })).toEqual(usual);
  });

  it.each(['json', 'by-accept'] as const)(
    'takes results %s in which parts are missing',
    async (resultFormat) => {
      const usual = await results({ resultFormat });
      const bare = await results({
        resultFormat,
        metrics: 'none',
        outputs: 'deferred',
        stepResult: 'plain',
        promptLogprobs: 'none',
        sampledLogprobs: false,
      });
      expect(bare.forwardBackward.metrics).toEqual({});
      expect(bare.forwardBackward.lossFnOutputs).toEqual([]);
      expect(bare.optimStep.metrics).toEqual({});
      expect(bare.sampled.promptLogprobs).toBeUndefined();
      expect(bare.sampled.sequences[0]?.logprobs).toBeUndefined();
      expect(bare.sampled.sequences[0]?.tokens).toEqual(usual.sampled.sequences[0]?.tokens);
    },
  );

  it.each([undefined, null])('takes %s for any part of a result', async (nothing) => {
    const setup = watched({ dialect: { resultFormat: 'json' } }, {}, (path, response) =>
      path !== 'retrieve_future' || response.status !== 200
        ? response
        : edited(response, ({ model_id, sequences, ...body }) => ({
            model_id,
            ...Object.fromEntries(Object.keys(body).map((name) => [name, nothing])),
            ...(sequences && {
              sequences: sequences.map(({ tokens }: { tokens: number[] }) => ({ tokens, logprobs: nothing })),
            }),
          })),
    );
    const training = await setup.training();
    const { forwardBackward, optimStep } = await setup.clock.drive(
      training.trainStep(batch(1, 4), 'cross_entropy'),
    );
    expect(forwardBackward).toEqual({ lossFnOutputType: '', lossFnOutputs: [], metrics: {} });
    expect(optimStep).toEqual({ metrics: {} });
    const { sequences } = await setup.clock.drive(
      (await sampler(setup)).sample({ prompt: PROMPT, maxTokens: 3 }),
    );
    expect(sequences).toEqual([{ tokens: expect.anything(), logprobs: undefined, stopReason: 'stop' }]);
    await setup.finish();
  });

  it.each(['json', 'by-accept'] as const)(
    'puts back %s the first of a prompt’s log-probs',
    async (resultFormat) => {
      const usual = await results({ resultFormat });
      const short = await results({ resultFormat, promptLogprobs: 'without-first' });
      expect(short.sampled.promptLogprobs).toEqual(usual.sampled.promptLogprobs);
      expect(usual.sampled.promptLogprobs).toHaveLength(PROMPT.length);
      expect(usual.sampled.promptLogprobs?.[0]).toBeNaN();
    },
  );

  it.each(['json', 'by-accept'] as const)('reads %s a number that is none as NaN', async (resultFormat) => {
    const { forwardBackward } = await results({ resultFormat, metrics: 'undefined' });
    expect(forwardBackward.metrics).toMatchObject({
      'undefined:mean': Number.NaN,
      'loss:sum': expect.any(Number),
    });
  });

  it('takes tensors without shapes and without axes, of types with any name', async () => {
    const { forwardBackward } = await results({
      resultFormat: 'json',
      outputs: 'losses',
      outputType: 'pkg.mod:Loss',
    });
    const [output] = forwardBackward.lossFnOutputs;
    expect(output?.['loss']).toMatchObject({ shape: [], dtype: 'float32' });
    expect(numbersOf(output?.['elementwise_loss']).map((loss) => -loss)).toEqual(
      numbersOf(output?.['logprobs']),
    );
    expect(forwardBackward.lossFnOutputType).toBe('pkg.mod:Loss');
    const shapeless = await results({ resultFormat: 'json', tensorShapes: false });
    expect(shapeless.forwardBackward.lossFnOutputs[0]?.['logprobs']).toEqual(output?.['logprobs']);
  });
});

// Breaks it: combine-outputs.ts, `weightedMean` for unknown reductions replaced by a sum, or unknown names left out.
describe('servers.md 2.1 item 18', () => {
  it('merges metrics with reductions it does not know, with none, and that only some parts have', async () => {
    let parts = 0;
    const setup = watched(
      { dialect: { metrics: 'average', resultFormat: 'json' }, clientConfig: { fwdbwd_max_chunk_len: 2 } },
      {},
      async (path, response) => {
        if (path !== 'retrieve_future' || response.status !== 200) return response;
        return edited(response, (body) => {
          if (body.metrics?.['loss:avg'] === undefined) return body;
          parts += 1;
          const own = parts === 1 ? { 'first:last': 4 } : { 'other:last': 8 };
          return { ...body, metrics: { ...body.metrics, plain: parts === 1 ? 1 : 4, ...own } };
        });
      },
    );
    const { metrics, lossFnOutputs } = await setup.clock.drive(
      (await setup.training()).forwardBackward(batch(3, 8), 'cross_entropy'),
    );
    const losses = lossFnOutputs.flatMap((output) =>
      numbersOf(output['logprobs']).map((logprob) => -logprob),
    );
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / 3;
    expect(parts).toBe(2);
    expect(metrics['loss:avg']).toBeCloseTo(mean, 4);
    // Of two data and of one; which part answered first is not told.
    expect([2, 3]).toContain(metrics['plain']);
    expect(metrics).toMatchObject({ 'first:last': 4, 'other:last': 8 });
    await setup.finish();
  });
});

// Breaks it: sampling.ts (JSON), a `stop_reason` of two words only, or one made of the number of tokens.
describe('servers.md 2.1 item 19', () => {
  it.each([
    ['stop', 'json'],
    ['stop', 'by-accept'],
    ['eos_token', 'json'],
  ] as const)(
    'says "%s" (%s) where the server does, though the limit was met',
    async (stopReason, resultFormat) => {
      const { sampled } = await results({ stopReason, resultFormat });
      expect(sampled.sequences[0]).toMatchObject({ stopReason });
      expect(sampled.sequences[0]?.tokens).toHaveLength(5);
    },
  );
});

// Breaks it: sampling-client.ts without `withSequenceIds`.
describe('servers.md 2.1 item 20', () => {
  it.each([true, false])('with ids of sequences %s', async (sampleSequenceIds) => {
    const setup = watched({ dialect: { sampleSequenceIds } });
    const sample = (await sampler(setup)).sample({ prompt: PROMPT, maxTokens: 2, numSamples: 2, seed: 1 });
    const { sequences } = await setup.clock.drive(sample);
    expect(sequences.map(({ sequenceId }) => sequenceId)).toEqual(
      sampleSequenceIds ? ['sequence-1', 'sequence-2'] : [undefined, undefined],
    );
    await setup.finish();
  });
});

// Breaks it: tinker-path.ts, `checkCheckpointKind` that parses; training.ts (JSON), a path that must be there.
describe('servers.md 2.1 item 21', () => {
  it.each([
    ['tinker', /^tinker:\/\/[^/]+\/weights\/one$/, /^tinker:\/\/[^/]+\/sampler_weights\/two$/],
    ['kindless', /^tinker:\/\/[^/]+\/weights\/one$/, /^tinker:\/\/[^/]+\/two$/],
    ['twinkle', /^twinkle:\/\/[^/]+\/weights\/one$/, /^twinkle:\/\/[^/]+\/sampler_weights\/two$/],
    ['absolute', /^\/srv\/checkpoints\/.+\/weights\/one$/, /^\/srv\/checkpoints\/.+\/sampler_weights\/two$/],
    ['null', /^tinker:\/\/[^/]+\/weights\/one$/, /^tinker:\/\/[^/]+\/sampler_weights\/two$/],
  ] as const)('hands back paths of the form %s as they came', async (paths, state, weights) => {
    const setup = watched({ dialect: { paths } });
    const { clock, service } = setup;
    const training = await setup.training();
    const first = await setup.step(training);
    const saved = await clock.drive(training.saveState('one'));
    expect(saved.path).toMatch(state);
    const after = await setup.step(training);
    await clock.drive(training.loadState(saved.path));
    expect(setup.to('load_weights')[0]?.body.path).toBe(saved.path);
    expect(await setup.step(training)).toBe(after);
    expect(after).not.toBe(first);
    const sampled = await clock.drive(training.saveWeightsForSampler('two'));
    expect(sampled.path).toMatch(weights);
    const named = await clock.drive(service.createSamplingClient({ modelPath: sampled.path }));
    expect(setup.to('create_sampling_session')[0]?.body.model_path).toBe(sampled.path);
    const { sequences } = await clock.drive(named.sample({ prompt: PROMPT, maxTokens: 4, seed: 2 }));
    expect(sequences[0]?.tokens).toHaveLength(4);
    await setup.finish();
  });
});

// Breaks it: timestamp.ts, a time without a zone read as local; rest-runs.ts, sizes or cursors that must be there.
describe('servers.md 2.1 item 22', () => {
  it('reads times without a zone as UTC, and records in which most is missing', async () => {
    const setup = watched({ dialect: { timestamps: 'naive', sparseRecords: true } });
    const training = await setup.training();
    await setup.clock.drive(training.saveState('one'));
    const rest = setup.service.createRestClient();
    const savedAt = setup.clock.now();
    const [checkpoint] = (await setup.clock.drive(rest.listCheckpoints(training.modelId).page())).items;
    expect(Math.abs((checkpoint?.time?.getTime() ?? 0) - savedAt)).toBeLessThan(1_000);
    expect(checkpoint).toMatchObject({ sizeBytes: undefined, isPublic: false, expiresAt: undefined });
    const runs = await setup.clock.drive(rest.listTrainingRuns().page());
    expect(runs.items[0]?.userMetadata).toBeUndefined();
    expect(runs.cursor).toBeUndefined();
    expect(Math.abs((runs.items[0]?.lastRequestTime?.getTime() ?? 0) - savedAt)).toBeLessThan(1_000);
    await setup.finish();
  });
});

// Breaks it: rest-request.ts, `changeRest` that reads the body.
describe('servers.md 2.1 item 23', () => {
  it.each(['204', '204-json', '200-json'] as const)(
    'takes a change that is answered by %s',
    async (changeAnswer) => {
      const setup = watched({ dialect: { changeAnswer } });
      const training = await setup.training();
      const { path } = await setup.clock.drive(training.saveState('one'));
      const rest = setup.service.createRestClient();
      await setup.clock.drive(rest.setCheckpointTtl(path, 60));
      await setup.clock.drive(rest.publishCheckpoint(path));
      await setup.clock.drive(rest.unpublishCheckpoint(path));
      await setup.clock.drive(rest.deleteCheckpoint(path));
      expect((await setup.clock.drive(rest.listUserCheckpoints().page())).items).toEqual([]);
      expect(new Set(setup.calls.slice(-5, -1).map(({ status }) => status))).toEqual(
        new Set([changeAnswer === '200-json' ? 200 : 204]),
      );
      await setup.finish();
    },
  );

  it('takes a change that is answered by a 200 in plain words', async () => {
    const setup = watched({ dialect: { changeAnswer: '200-json' } }, {}, (path, response) =>
      path.includes('/checkpoints/') ? new Response('deleted', { status: response.status }) : response,
    );
    const training = await setup.training();
    const { path } = await setup.clock.drive(training.saveState('one'));
    const rest = setup.service.createRestClient();
    await setup.clock.drive(rest.deleteCheckpoint(path));
    expect((await setup.clock.drive(rest.listUserCheckpoints().page())).items).toEqual([]);
    await setup.finish();
  });
});
