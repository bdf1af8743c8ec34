import { describe, expect, it } from 'vitest';
import { isTelemetryAccepted, telemetryBody } from '../../../../src/wire/json/telemetry.ts';

const common = { severity: 'INFO', timestamp: '2026-11-23T16:31:31.675850Z' } as const;

describe('telemetryBody', () => {
  it('has the fields of each kind of event, and no others', () => {
    const body = telemetryBody({
      events: [
        { ...common, id: 'a', index: 0, news: { event: 'SESSION_START' } },
        { ...common, id: 'b', index: 1, news: { event: 'GENERIC_EVENT', eventName: 'n', eventData: {} } },
        {
          ...common,
          id: 'c',
          index: 2,
          news: { event: 'UNHANDLED_EXCEPTION', errorType: 'T', errorMessage: 'm' },
        },
        { ...common, id: 'd', index: 3, news: { event: 'SESSION_END', duration: '0:00:01' } },
      ],
      platform: 'Node',
      sdkVersion: '1.2.3',
      sessionId: 'sess-1',
      processId: 'p',
    });
    // The first event is that of the recorded exchange (protocol, appendix A), key by key.
    expect(JSON.stringify(body)).toBe(
      '{"events":[' +
        '{"event":"SESSION_START","event_id":"a","event_session_index":0,"severity":"INFO","timestamp":"2026-11-23T16:31:31.675850Z"},' +
        '{"event":"GENERIC_EVENT","event_id":"b","event_session_index":1,"severity":"INFO","timestamp":"2026-11-23T16:31:31.675850Z","event_name":"n","event_data":{}},' +
        '{"event":"UNHANDLED_EXCEPTION","event_id":"c","event_session_index":2,"severity":"INFO","timestamp":"2026-11-23T16:31:31.675850Z","error_type":"T","error_message":"m"},' +
        '{"event":"SESSION_END","event_id":"d","event_session_index":3,"severity":"INFO","timestamp":"2026-11-23T16:31:31.675850Z","duration":"0:00:01"}' +
        '],"platform":"Node","sdk_version":"1.2.3","session_id":"sess-1","process_uuid":"p"}',
    );
  });
});

describe('isTelemetryAccepted', () => {
  it.each([
    [{ status: 'accepted' }, true],
    [{ status: 'accepted', more: 1 }, true],
    [{ status: 'Accepted' }, false],
    [{ status: 'ok' }, false],
    [{}, false],
    [undefined, false],
    ['accepted', false],
  ])('of %j: %s', (body, isAccepted) => {
    expect(isTelemetryAccepted(body)).toBe(isAccepted);
  });
});
