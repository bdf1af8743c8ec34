import { expect, it } from 'vitest';
import { emulatorCalls } from '../../support/emulator-calls.ts';

const COMMON = {
  event_id: '3f0d8a5e-0d43-4c4f-9c6c-6c9f6e0e2f11',
  event_session_index: 0,
  severity: 'INFO',
  timestamp: '2026-11-23T16:31:31.675850Z',
};
const EVENTS = [
  { ...COMMON, event: 'SESSION_START' },
  { ...COMMON, event: 'SESSION_END', duration: '0:00:01.5' },
  { ...COMMON, event: 'GENERIC_EVENT', event_name: 'user_error', event_data: { message: 'no', more: null } },
  { ...COMMON, event: 'UNHANDLED_EXCEPTION', error_type: 'E', error_message: 'm', traceback: 't' },
  { ...COMMON, event: 'UNHANDLED_EXCEPTION', error_type: 'E', error_message: 'm' },
];
const batch = (events: unknown) => ({
  events,
  platform: 'Linux',
  sdk_version: '0.25.0',
  session_id: 'sess-1',
  process_uuid: 'p-1',
});

it('takes events of every kind, and keeps them to be looked at', async () => {
  const calls = emulatorCalls();
  expect(calls.emulator.telemetry).toEqual([]);
  expect(await calls.ok('telemetry', batch(EVENTS))).toEqual({ status: 'accepted' });
  expect(calls.emulator.telemetry).toEqual(
    EVENTS.map((event) => ({ sessionId: 'sess-1', processUuid: 'p-1', event })),
  );
});

it('keeps the last thousand', async () => {
  const calls = emulatorCalls();
  for (let part = 0; part < 11; part++) {
    const events = Array.from({ length: 100 }, (_, i) => ({
      ...EVENTS[0],
      event_session_index: part * 100 + i,
    }));
    await calls.ok('telemetry', batch(events));
  }
  const indices = calls.emulator.telemetry.map(({ event }) => event['event_session_index']);
  expect([indices.length, indices[0], indices.at(-1)]).toEqual([1000, 100, 1099]);
});

it.each([
  [{ ...batch([]), platform: undefined }, 'body.platform must be a string'],
  [{ ...batch([]), process_uuid: 1 }, 'body.process_uuid must be a string'],
  [batch({}), 'body.events must be an array'],
  [batch(['x']), 'body.events[0] must be an object'],
  [batch([{ ...EVENTS[0], event: 'OTHER' }]), 'body.events[0].event "OTHER" is not known'],
  [batch([{ ...EVENTS[0], event: 'constructor' }]), 'body.events[0].event "constructor" is not known'],
  [batch([EVENTS[0], { ...EVENTS[0], event_id: undefined }]), 'body.events[1].event_id must be a string'],
  [
    batch([{ ...EVENTS[0], event_session_index: '0' }]),
    'body.events[0].event_session_index must be an integer',
  ],
  [
    batch([{ ...EVENTS[0], severity: 'info' }]),
    'body.events[0].severity must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL',
  ],
  [
    batch([{ ...EVENTS[0], timestamp: 'now' }]),
    'body.events[0].timestamp must be a time as ISO 8601 words it',
  ],
  [batch([{ ...EVENTS[1], duration: 1 }]), 'body.events[0].duration must be a string'],
  [batch([{ ...EVENTS[2], event_data: undefined }]), 'body.events[0].event_data must be an object'],
  [batch([{ ...EVENTS[4], error_message: undefined }]), 'body.events[0].error_message must be a string'],
])('refuses a batch that is not of this shape, all of it: %#', async (body, detail) => {
  const calls = emulatorCalls();
  expect(await calls.call('telemetry', body)).toMatchObject({ status: 422, body: { detail } });
  expect(calls.emulator.telemetry).toEqual([]);
});
