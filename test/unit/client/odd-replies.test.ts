import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { answer, restSetup } from '../../support/rest.ts';
import { scriptedService } from '../../support/service.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

const datum = (length: number) => ({
  modelInput: new Int32Array(length),
  lossFnInputs: { target_tokens: new Int32Array(length) },
});

const capabilities = (max_context_length: unknown) => ({
  get_server_capabilities: [
    { status: 200, body: { supported_models: [{ model_name: 'm', max_context_length }] } },
  ],
});

describe('the context of a model, once it is known', () => {
  it('bounds what is trained on, also by a loss of one’s own', async () => {
    const { service, clock, bodies, finish } = scriptedService(capabilities(4));
    await clock.drive(service.getServerCapabilities());
    const training = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
    const long = [datum(4), datum(5)];
    const refused = /^"data\[1\]\.modelInput" must fit into the model's context of 4 tokens, got 5$/;
    expect(() => training.forward(long, 'cross_entropy')).toThrow(refused);
    expect(() => training.forwardBackward(long, 'cross_entropy')).toThrow(refused);
    expect(() => training.trainStep(long, 'cross_entropy')).toThrow(refused);
    expect(() => training.forwardBackwardCustom(long, () => ({ loss: 0, gradients: [] }))).toThrow(refused);
    await clock.drive(training.forward([datum(4)], 'cross_entropy'));
    expect(bodies('forward')).toHaveLength(1);
    await finish();
  });

  it.each([[0], [-5], [0.5]])('bounds nothing where it is %s: that is a slip', async (length) => {
    const { service, clock, finish } = scriptedService(capabilities(length));
    await clock.drive(service.getServerCapabilities());
    const training = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
    await clock.drive(training.forward([datum(4)], 'cross_entropy'));
    await finish();
  });
});

it('a model made of protobuf, which it has none of, is an error and no model', async () => {
  const { service, clock, finish } = scriptedService({
    retrieve_future: [
      () => new Response(Uint8Array.of(1, 2), { headers: { 'content-type': 'application/x-protobuf' } }),
    ],
  });
  expect(await driveToRejection(clock, service.createLoraTrainingClient({ baseModel: 'm' }))).toMatchObject({
    code: 'response_invalid',
    message: expect.stringMatching(/^CreateModel gave a result that cannot be read: .*protobuf/),
  });
  await finish();
});

it.each([[0], [-1], [2.5], [null]])('a checkpoint of rank %s has none that is known', async (lora_rank) => {
  const { service, clock, requests, finish } = scriptedService({
    weights_info: [{ status: 200, body: { base_model: 'm', is_lora: true, lora_rank } }],
  });
  expect(
    await driveToRejection(clock, service.createTrainingClientFromState('tinker://r/weights/n')),
  ).toMatchObject({
    code: 'input_invalid',
    field: 'path',
    message: expect.stringContaining('is of an unknown rank'),
  });
  expect(requests.some(({ path }) => path === 'create_model')).toBe(false);
  await finish();
});

it.each([['javascript:alert(1)'], ['-1'], ['/trace']])('a trace at %s is nowhere', async (url) => {
  const { rest, clock, finish } = restSetup(() => answer({ status: 'ready', url }));
  expect(await driveToRejection(clock, rest.exportSessionTrace('s'))).toMatchObject({
    code: 'response_invalid',
  });
  await clock.drive(finish());
});

it('the words of a trace that failed are kept short', async () => {
  const { rest, clock, finish } = restSetup(() => answer({ status: 'failed', error: 'x'.repeat(9_000) }));
  const error = (await driveToRejection(clock, rest.exportSessionTrace('s'))) as Error;
  expect(error.message.length).toBeLessThan(600);
  await clock.drive(finish());
});

it('an id that has no bytes is refused where it is needed in a path', async () => {
  const { service, clock, finish } = scriptedService({
    create_sampling_session: [{ status: 200, text: '{"sampling_session_id": "\\ud800"}' }],
  });
  const sampling = await clock.drive(
    service.createSamplingClient({ modelPath: 'tinker://r/sampler_weights/n' }),
  );
  expect(await rejection(sampling.getBaseModel())).toMatchObject({
    code: 'input_invalid',
    field: 'samplingSessionId',
  });
  await finish();
});

const TOKEN = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg';

describe('an answer that was to hold a token', () => {
  it.each([
    ['with a status of trouble', 500, JSON.stringify({ jwt: TOKEN })],
    ['under another name', 200, JSON.stringify({ token: TOKEN })],
    ['cut', 200, `{"jwt": "${TOKEN}`],
    ['cut in front', 200, `${TOKEN.slice(4)}"}`],
    ['bare', 200, TOKEN],
    ['refused, with it', 403, JSON.stringify({ detail: `${TOKEN} may not` })],
  ])('shows none of it: %s', async (_, status, text) => {
    const { service, clock, events, finish } = scriptedService(
      {
        'client/config': [{ status: 200, body: { pjwt_auth_enabled: true } }],
        'auth/token': [{ status, text }],
      },
      { retryBudgetMs: 0 },
    );
    const error = await driveToRejection(clock, service.getServerCapabilities());
    for (const shown of [inspect(error, { depth: 9 }), JSON.stringify(error), JSON.stringify(events)])
      expect(shown).not.toContain(TOKEN.slice(-30));
    await finish();
  });
});
