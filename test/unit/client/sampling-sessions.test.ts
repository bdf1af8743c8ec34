import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { scriptedService } from '../../support/service.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

const OPENED: Answer = { status: 200, body: { sampling_session_id: 'sess-1:sample:9' } };

describe('a sampling session', () => {
  it('keeps its number over what is sent again', async () => {
    const { service, clock, bodies, finish } = scriptedService({
      create_sampling_session: [{ status: 503 }, 'refused', OPENED],
    });
    const { samplingSessionId } = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    expect(samplingSessionId).toBe('sess-1:sample:9');
    const body = {
      session_id: 'sess-1',
      sampling_session_seq_id: 0,
      base_model: 'm',
      type: 'create_sampling_session',
    };
    expect(bodies('create_sampling_session')).toEqual([body, body, body]);
    await finish();
  });

  it('that is refused leaves its number behind: the next has another', async () => {
    const { service, clock, bodies, finish } = scriptedService({
      create_sampling_session: [{ status: 400, body: { detail: 'no such model' } }, OPENED],
    });
    expect(await driveToRejection(clock, service.createSamplingClient({ baseModel: 'm' }))).toMatchObject({
      status: 400,
    });
    await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    expect(bodies('create_sampling_session')).toMatchObject([
      { sampling_session_seq_id: 0 },
      { sampling_session_seq_id: 1 },
    ]);
    await finish();
  });

  it('takes no number while the session is not open', async () => {
    const { service, clock, bodies, finish } = scriptedService({
      create_session: ['nothing', { status: 200, body: { session_id: 'sess-1' } }],
    });
    const controller = new AbortController();
    const aborted = rejection(
      service.createSamplingClient({ baseModel: 'm' }, { signal: controller.signal }),
    );
    await clock.advance(10);
    controller.abort('enough');
    expect(await aborted).toBe('enough');
    await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    expect(bodies('create_sampling_session')).toMatchObject([{ sampling_session_seq_id: 0 }]);
    await finish();
  });
});
