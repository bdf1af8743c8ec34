import {
  createEmulator,
  dialectNames,
  type EmulatorFault,
  faultSchedule,
} from '../../../src/emulator/index.ts';
import { CLIENT_OPTIONS } from '../../support/dialects.ts';
import { SMALL } from '../../support/offline.ts';
import { assertAlike, assertEqual, assertTrue, rejectionOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { offlineClient, trainAndSample } from '../offline-client.ts';
import { patientClock } from '../patience.ts';

/** Servers of all manners, and in all kinds of trouble. */
export function dialectCases(): readonly ConformanceCase[] {
  return [...mannerCases(), ...faultCases(), ...answerCases()];
}

function mannerCases(): readonly ConformanceCase[] {
  return dialectNames().map((name) => ({
    name: `emulator: with the manners of ${name} the same is computed, and told alike everywhere`,
    async run() {
      const setup = offlineClient({ emulator: { dialect: name }, client: CLIENT_OPTIONS[name] });
      const text = await trainAndSample(setup);
      await setup.finish(400_000);
      return textOf([text, setup.events.map(({ type }) => type)]);
    },
  }));
}

function faultCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'emulator: a way to the server that fails a quarter of the time changes no bit',
      async run() {
        const calm = offlineClient();
        const expected = await trainAndSample(calm);
        await calm.finish();
        const rates = {
          cut: 0.03,
          lost: 0.03,
          'cut-body': 0.03,
          busy: 0.03,
          timeout: 0.03,
          outage: 0.05,
          duplicate: 0.03,
          slow: 0.02,
        };
        for (const seed of [1, 2]) {
          const setup = offlineClient({ emulator: { faults: faultSchedule(seed, rates) } });
          assertEqual(`with seed ${seed}`, await trainAndSample(setup), expected);
          assertTrue(
            'something happened',
            setup.events.some(({ type }) => type === 'retry'),
          );
          await setup.finish();
        }
      },
    },
    {
      name: 'emulator: each kind of fault is what it says, to a plain fetch',
      async run() {
        const faults: readonly EmulatorFault[] = [
          { status: 503, text: 'no' },
          { expire: true },
          'cut',
          'lost',
          'cut-body',
          'junk-json',
          'duplicate',
          { delayMs: 250 },
        ];
        const outcomes: string[] = [];
        for (const fault of faults) {
          const clock = patientClock();
          const emulator = createEmulator({ model: SMALL, clock, faults: () => fault });
          const work = emulator
            .fetch(new Request('https://host/api/v1/healthz', { headers: { 'x-api-key': 'tml-a' } }))
            .then(async (response) => `${response.status} ${await readThrough(response)}`)
            .catch((error: Error) => error.name);
          outcomes.push(`${await clock.drive(work)} after ${clock.monotonic()}`);
        }
        assertAlike(
          'connections that break',
          [2, 3, 4].map((i) => outcomes[i]),
          ['TypeError after 0', 'TypeError after 0', 'TypeError after 0'],
        );
        return outcomes.join('\n');
      },
    },
    {
      name: 'emulator: one that hangs answers nothing until the caller has left',
      async run() {
        const clock = patientClock();
        const emulator = createEmulator({ model: SMALL, clock, faults: () => 'hang' });
        const controller = new AbortController();
        const { signal } = controller;
        const work = rejectionOf('the fetch', () =>
          emulator.fetch(new Request('https://host/api/v1/healthz', { signal })),
        );
        await clock.advance(3_600_000);
        controller.abort(new Error('enough'));
        assertEqual('its reason', ((await work) as Error).message, 'enough');
        assertEqual('timers left', clock.pending, 0);
      },
    },
  ];
}

/** A body's text, piece by piece: as a whole, Firefox gives an error of its own for one that breaks. */
async function readThrough({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let read = await reader?.read(); read?.value !== undefined; read = await reader?.read())
    text += decoder.decode(read.value, { stream: true });
  return text;
}

/** What an emulator answers to a bare request: status, some headers, body. */
async function asked(
  path: string,
  init: RequestInit = {},
  options: Parameters<typeof createEmulator>[0] = {},
): Promise<string> {
  const clock = patientClock();
  const emulator = createEmulator({ model: SMALL, clock, ...options });
  const response = await clock.drive(emulator.fetch(new Request(`https://host/base/api/v1/${path}`, init)));
  const headers = ['content-type', 'content-length', 'access-control-allow-origin', 'date'].map((name) =>
    response.headers.get(name),
  );
  return textOf([response.status, headers, await response.text()]);
}

function answerCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'emulator: requests that cannot be are answered in the same words everywhere',
      async run() {
        const post = (body: BodyInit, headers: Record<string, string> = {}): RequestInit => ({
          method: 'POST',
          body,
          headers,
        });
        const answers = [
          await asked('nothing/here'),
          await asked('healthz'),
          await asked('optim_step', post('{')),
          await asked('optim_step', post('{"model_id":5}')),
          await asked(
            'forward_backward',
            post(Uint8Array.of(255, 255), { 'content-type': 'application/x-protobuf' }),
          ),
          await asked('forward_backward', post('x', { 'content-encoding': 'zstd' })),
          await asked('retrieve_future', post('{"request_id":"nobody"}')),
          await asked('create_session', post('{}'), { apiKey: 'tml-other' }),
        ];
        assertTrue(
          'no crash',
          answers.every((answer) => !answer.startsWith('[500')),
        );
        return answers.join('\n');
      },
    },
    {
      name: 'emulator: pages of other origins may call where they are let, and only there',
      async run() {
        const preflight = {
          method: 'OPTIONS',
          headers: { 'x-origin': 'https://page.test', 'x-request-method': 'POST' },
        };
        const closed = await asked('healthz', preflight);
        const open = await asked('healthz', {}, { cors: true });
        assertTrue('open', open.includes('"*"'));
        assertTrue('closed', !closed.includes('"*"'));
        return `${closed}\n${open}`;
      },
    },
    {
      name: 'emulator: a server whose clock is wrong says its own time',
      run: () => asked('healthz', {}, { clockSkewMs: -3_600_000 }),
    },
  ];
}
