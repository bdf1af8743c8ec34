import { describe, expect, it } from 'vitest';
import type { Tokenizer, TokenizerReference } from '../../../src/index.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { byteTokenizer } from '../../../src/tokenizer/byte-tokenizer.ts';
import { createTokenizerLoader } from '../../../src/tokenizer/hub/load-tokenizer.ts';
import { createFakeHub } from '../../support/fake-hub.ts';
import { scriptedService } from '../../support/service.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

const info = (model_data: object): Record<string, readonly Answer[]> => ({
  get_info: [{ status: 200, body: { model_id: 'sess-1:train:0', model_data } }],
});
const QWEN = info({ model_name: 'Qwen/Qwen3-8B', tokenizer_id: 'Qwen/Qwen3-8B:main' });

/** A loader that is settled by hand, or at once. */
function createLoader(isSlow = false) {
  const calls: { readonly reference: TokenizerReference; readonly signal: AbortSignal | undefined }[] = [];
  const settle: { resolve(tokenizer: Tokenizer): void; reject(reason: unknown): void }[] = [];
  return {
    calls,
    settle,
    loadTokenizer: (reference: TokenizerReference, { signal }: { signal?: AbortSignal | undefined } = {}) => {
      calls.push({ reference, signal });
      if (!isSlow) return Promise.resolve(byteTokenizer);
      return new Promise<Tokenizer>((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
        settle.push({ resolve, reject });
      });
    },
  };
}

async function setUp(script: Record<string, readonly Answer[]> = QWEN, loader = createLoader()) {
  const base = scriptedService(script, { loadTokenizer: loader.loadTokenizer });
  const training = await base.clock.drive(base.service.createLoraTrainingClient({ baseModel: 'base/model' }));
  return { ...base, loader, training };
}

describe('getTokenizer of a training client', () => {
  it('asks the server which it is, and the loader for it', async () => {
    const { training, clock, bodies, loader, finish } = await setUp();
    const tokenizer = await clock.drive(training.getTokenizer());
    expect(tokenizer.vocabSize).toBe(256);
    expect(bodies('get_info')).toEqual([{ model_id: 'sess-1:train:0', type: 'get_info' }]);
    expect(loader.calls.map(({ reference }) => reference)).toEqual([
      { modelName: 'Qwen/Qwen3-8B', tokenizerId: 'Qwen/Qwen3-8B' },
    ]);
    // Once, for as long as the client is there.
    expect(await clock.drive(training.getTokenizer())).toBe(tokenizer);
    expect([bodies('get_info').length, loader.calls.length]).toEqual([1, 1]);
    await finish();
  });

  it.each<readonly [Record<string, readonly Answer[]>, TokenizerReference]>([
    [info({ tokenizer_id: 'a/b' }), { modelName: 'base/model', tokenizerId: 'a/b' }],
    [info({ model_name: 'a/b' }), { modelName: 'a/b', tokenizerId: undefined }],
    [info({}), { modelName: 'base/model', tokenizerId: undefined }],
    [{ get_info: [{ status: 404, body: { detail: 'Not Found' } }] }, { modelName: 'base/model' }],
  ])('makes do with what the server says: %j', async (script, reference) => {
    const { training, clock, loader, finish } = await setUp(script);
    await clock.drive(training.getTokenizer());
    expect(loader.calls.map((call) => call.reference)).toEqual([reference]);
    await finish();
  });

  it('loads once for all who ask', async () => {
    const { training, clock, loader, bodies, finish } = await setUp();
    const tokenizers = await clock.drive(
      Promise.all(Array.from({ length: 20 }, () => training.getTokenizer())),
    );
    expect(new Set(tokenizers).size).toBe(1);
    expect([loader.calls.length, bodies('get_info').length]).toEqual([1, 1]);
    await finish();
  });

  it('fails for all of them, and tries afresh then', async () => {
    const loader = createLoader(true);
    const { training, clock, finish } = await setUp(QWEN, loader);
    const failed = [training.getTokenizer(), training.getTokenizer()].map(rejection);
    await clock.advance(0);
    const failure = new Error('no');
    loader.settle[0]?.reject(failure);
    expect(await clock.drive(Promise.all(failed))).toEqual([failure, failure]);
    const next = training.getTokenizer();
    await clock.advance(0);
    loader.settle[1]?.resolve(byteTokenizer);
    expect((await clock.drive(next)).vocabSize).toBe(256);
    await finish();
  });

  it('goes on for the others when one leaves, and ends with the last', async () => {
    const loader = createLoader(true);
    const { training, clock, finish } = await setUp(QWEN, loader);
    const [one, two] = [new AbortController(), new AbortController()];
    const calls = [one, two].map(({ signal }) => rejection(training.getTokenizer({ signal })));
    await clock.advance(0);
    one.abort('first');
    expect(await clock.drive(calls[0] as Promise<unknown>)).toBe('first');
    expect(loader.calls[0]?.signal?.aborted).toBe(false);
    two.abort('second');
    expect(await clock.drive(calls[1] as Promise<unknown>)).toBe('second');
    expect(loader.calls[0]?.signal?.aborted).toBe(true);
    // Who comes then gets a load of its own.
    const next = training.getTokenizer();
    await clock.advance(0);
    loader.settle[1]?.resolve(byteTokenizer);
    expect((await clock.drive(next)).vocabSize).toBe(256);
    await finish();
  });

  it('has a time limit of its own', async () => {
    const loader = createLoader(true);
    const { training, clock, finish } = await setUp(QWEN, loader);
    expect(await driveToRejection(clock, training.getTokenizer({ timeoutMs: 500 }))).toMatchObject({
      code: 'timed_out',
    });
    expect(loader.calls[0]?.signal?.aborted).toBe(true);
    await finish();
  });

  it('ends with the service', async () => {
    const loader = createLoader(true);
    const { service, training, clock } = await setUp(QWEN, loader);
    const waiting = rejection(training.getTokenizer());
    await clock.advance(0);
    await clock.drive(service.close());
    expect(await waiting).toMatchObject({ code: 'client_closed' });
    expect(loader.calls[0]?.signal?.aborted).toBe(true);
    expect(await rejection(training.getTokenizer())).toMatchObject({ code: 'client_closed' });
    expect(clock.pending).toBe(0);
  });

  it('does not hang on a loader that does', async () => {
    const base = scriptedService(QWEN, { loadTokenizer: () => new Promise(() => {}) });
    const training = await base.clock.drive(base.service.createLoraTrainingClient({ baseModel: 'm' }));
    const controller = new AbortController();
    const aborted = rejection(training.getTokenizer({ signal: controller.signal }));
    await base.clock.advance(0);
    controller.abort('gone');
    expect(await base.clock.drive(aborted)).toBe('gone');
    const closed = rejection(training.getTokenizer());
    await base.clock.advance(0);
    await base.finish();
    expect(await closed).toMatchObject({ code: 'client_closed' });
  });

  it('says what to import where the service has no loader', async () => {
    const { service, clock, requests, finish } = scriptedService();
    const training = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
    expect(await driveToRejection(clock, training.getTokenizer())).toMatchObject({
      code: 'input_invalid',
      field: 'loadTokenizer',
      hint: "import { createTokenizerLoader } from 'isotinker/tokenizer', and give loadTokenizer: createTokenizerLoader()",
    });
    expect(requests.map(({ path }) => path)).not.toContain('get_info');
    await finish();
  });
});

describe('getTokenizer of a sampling client', () => {
  it('goes by the model that is known', async () => {
    const loader = createLoader();
    const { service, clock, requests, finish } = scriptedService({}, { loadTokenizer: loader.loadTokenizer });
    const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'Qwen/Qwen3-8B' }));
    const tokenizer = await clock.drive(sampler.getTokenizer());
    expect(await clock.drive(sampler.getTokenizer())).toBe(tokenizer);
    expect(loader.calls.map(({ reference }) => reference)).toEqual([{ modelName: 'Qwen/Qwen3-8B' }]);
    expect(requests.filter(({ path }) => path.startsWith('samplers'))).toEqual([]);
    await finish();
  });

  it('asks the server for it where it is not', async () => {
    const loader = createLoader();
    const answer = { status: 200, body: { sampler_id: 's', base_model: 'a/b' } };
    const { service, clock, finish } = scriptedService(
      { 'samplers/sess-1:sample:9': [answer] },
      { loadTokenizer: loader.loadTokenizer },
    );
    const sampler = await clock.drive(
      service.createSamplingClient({ modelPath: 'tinker://r/sampler_weights/n' }),
    );
    await clock.drive(sampler.getTokenizer());
    expect(loader.calls.map(({ reference }) => reference)).toEqual([{ modelName: 'a/b' }]);
    await finish();
  });
});

it('works with the loader of isotinker/tokenizer', async () => {
  const hub = createFakeHub();
  const { service, clock, finish } = scriptedService(QWEN, {
    loadTokenizer: createTokenizerLoader({ fetch: hub.fetch }),
  });
  const training = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
  expect([...(await clock.drive(training.getTokenizer())).encode('ab')]).toEqual([2]);
  expect(hub.requests[0]?.url).toBe('https://huggingface.co/Qwen/Qwen3-8B/resolve/main/tokenizer.json');
  await finish();
});

it('is refused at once where the loader is no function', () => {
  expect(() => scriptedService({}, { loadTokenizer: {} as never })).toThrow(
    '"loadTokenizer" must be a function',
  );
});
