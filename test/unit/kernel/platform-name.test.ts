import { expect, it } from 'vitest';
import { platformName } from '../../../src/kernel/platform-name.ts';

it.each([
  ['Bun', { Bun: 1, process: 1 }],
  ['Deno', { Deno: 1, process: 1, WorkerGlobalScope: 1 }],
  ['workerd', { WebSocketPair: 1, WorkerGlobalScope: 1, process: 1 }],
  ['browser', { document: 1 }],
  ['browser', { WorkerGlobalScope: 1 }],
  ['browser', { document: 1, process: 1 }],
  ['Node', { process: 1 }],
  ['unknown', {}],
])('is %s where there are %j', (name, globals) => {
  expect(platformName(globals)).toBe(name);
});

it('looks at the platform itself', () => {
  expect(platformName()).toBe('Node');
});
