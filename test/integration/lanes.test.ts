import { expect, it } from 'vitest';
import type { Answer } from '../../src/testing/scripted-fetch.ts';
import { answerAfter } from '../support/runtime.ts';
import { scriptedService } from '../support/service.ts';
import { rejection } from '../support/settled.ts';

it('M2: two hundred long polls on six connections delay neither a heartbeat nor a submission', async () => {
  const base = scriptedService({}, { connections: 6 });
  const { clock, service, requests } = base;
  const training = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
  const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
  const rttMs = 20;
  const quick = (body: object): Answer => answerAfter(clock, rttMs, () => Response.json(body));
  // Like a server that holds each poll for half a minute.
  base.script['retrieve_future'] = [answerAfter(clock, 30_000, () => new Response('{}', { status: 408 }))];
  base.script['asample'] = [quick({ request_id: 'asample' })];
  base.script['optim_step'] = [quick({ request_id: 'optim_step' })];
  base.script['session_heartbeat'] = [quick({})];

  const samples = Array.from({ length: 200 }, () => sampler.sample({ prompt: [1], maxTokens: 1 }));
  await clock.advance(25_000);
  expect(samples.every(({ status }) => status === 'queued')).toBe(true);
  expect(service.snapshot().lanes.poll).toEqual({ inFlight: 4, waiting: 196 });

  const at = (path: string): number[] =>
    requests.filter((request) => request.path === path).map(({ startedAt = Number.NaN }) => startedAt);
  const askedAt = clock.monotonic();
  training.optimStep();
  sampler.sample({ prompt: [1], maxTokens: 1 });
  await clock.advance(0);
  // The first free connection is the step's, and the sample follows one round trip later at the latest.
  await clock.advance(rttMs);
  expect(at('optim_step')[0]! - askedAt).toBe(0);
  expect(at('asample').at(-1)! - askedAt).toBeLessThanOrEqual(rttMs);
  await clock.advance(60_000);
  const beats = at('session_heartbeat');
  for (let i = 1; i < beats.length; i++) expect(beats[i]! - beats[i - 1]!).toBe(10_000 + rttMs);
  expect(beats.length).toBeGreaterThan(6);

  await base.finish();
  expect(samples.every(({ status }) => status === 'failed')).toBe(true);
});

it('case 15: of ten futures on six connections one is aborted, and only that one ends', async () => {
  const base = scriptedService({}, { connections: 6 });
  const { clock, service } = base;
  const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
  const pending = answerAfter(clock, 5_000, () => new Response('{}', { status: 408 }));
  base.script['retrieve_future'] = [
    ...Array<Answer>(20).fill(pending),
    { status: 200, body: { sequences: [] } },
  ];
  const controller = new AbortController();
  const aborted = sampler.sample({ prompt: [1], maxTokens: 1 }, { signal: controller.signal });
  const others = Array.from({ length: 9 }, () => sampler.sample({ prompt: [1], maxTokens: 1 }));
  await clock.advance(7_000);
  controller.abort('enough');
  expect(await rejection(aborted)).toBe('enough');
  expect(others.every(({ status }) => status !== 'failed')).toBe(true);
  expect(await clock.drive(Promise.all(others))).toHaveLength(9);
  await base.finish();
});
