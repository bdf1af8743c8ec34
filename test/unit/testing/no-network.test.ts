import { expect, it } from 'vitest';
import { createServiceClient } from '../../../src/index.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { driveToRejection } from '../../support/settled.ts';

it('a fetch that was not injected fails its test, and names the address', async () => {
  expect(() => fetch('https://example.test/a')).toThrow(
    'A test reached the network at https://example.test/a',
  );
  const clock = createVirtualClock();
  const service = createServiceClient({ apiKey: 'tml-test', clock, retryBudgetMs: 0 });
  const error = (await driveToRejection(clock, service.getServerCapabilities())) as Error;
  expect(error.message).toMatch(/A test reached the network at https:\/\/\S+\/api\/v1\/client\/config/);
  await service.close();
});
