import { expect, it } from 'vitest';
import { createAuditLog } from '../../../src/emulator/accounts/audit-log.ts';
import { createSamplerRecords } from '../../../src/emulator/sampling/sampler-records.ts';
import type { Session } from '../../../src/emulator/sessions/sessions.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';

// A server that runs for months must not grow for months.

it('the audit log keeps the last ten thousand entries', () => {
  const log = createAuditLog(createVirtualClock());
  for (let n = 0; n <= 10_000; n++) log.record('me', 'create_model', { modelId: `m${n}` });
  const entries = log.of('me', '2023-11-14');
  expect([entries.length, entries[0]?.modelId, entries.at(-1)?.modelId]).toEqual([10_000, 'm1', 'm10000']);
});

it('the records of samplers keep the last 65,536', () => {
  const session: Session = {
    id: 's',
    owner: 'me',
    tags: [],
    userMetadata: {},
    sdkVersion: '1',
    createdAt: 0,
    projectId: undefined,
    traceRequests: 0,
  };
  const records = createSamplerRecords();
  for (let n = 0; n <= 65_536; n++)
    records.add({ id: `s:sample:${n}`, session, baseModel: 'b', modelPath: undefined });
  expect(records.of('s')).toHaveLength(65_536);
  expect(records.find('s:sample:0')).toBeUndefined();
  expect(records.find('s:sample:1')).toBeDefined();
});
