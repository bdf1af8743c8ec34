import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectionBudget, defaultConnections } from '../../../src/transport/connection-budget.ts';
import { thrown } from '../../support/settled.ts';

describe('connectionBudget', () => {
  it.each([
    [3, 1],
    [4, 2],
    [6, 4],
    [20, 18],
    [21, 18],
    [90, 81],
    [200, 180],
    [1_000, 900],
  ])('of %i connections gives polls %i', (total, polls) => {
    expect(connectionBudget(total)).toEqual({ total, polls });
  });

  it('keeps two from polls, and a tenth, but lets one poll', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 100_000 }), (total) => {
        const { polls } = connectionBudget(total);
        const kept = total - polls;
        expect(Number.isInteger(polls) && polls >= 1).toBe(true);
        expect(kept >= 2 && kept * 10 >= total).toBe(true);
        expect(kept === 2 || (kept - 1) * 10 < total).toBe(true);
      }),
    );
  });

  it('takes what the platform opens where nothing is said: this is Node', () => {
    expect(connectionBudget()).toEqual({ total: 1_000, polls: 900 });
    expect(connectionBudget(undefined)).toEqual({ total: 1_000, polls: 900 });
  });

  it.each([2, 0, -6, 6.5, Number.NaN, Number.POSITIVE_INFINITY, '6' as unknown as number])(
    'refuses %s',
    (total) => {
      expect(thrown(() => connectionBudget(total))).toMatchObject({
        code: 'input_invalid',
        message: expect.stringMatching(/^"connections" must be an integer >= 3, got /),
      });
    },
  );
});

describe('defaultConnections', () => {
  const named = (...names: readonly string[]): object => Object.fromEntries(names.map((name) => [name, {}]));

  it.each([
    ['Node', 1_000, named('process', 'global', 'fetch', 'WebSocket', 'CloseEvent')],
    ['an empty realm', 1_000, {}],
    ['a page', 6, named('window', 'document', 'self', 'navigator')],
    ['a web worker', 6, named('self', 'WorkerGlobalScope', 'navigator')],
    ['a Cloudflare Worker', 6, named('WebSocketPair', 'caches', 'navigator')],
    ['Bun', 200, named('Bun', 'process', 'self', 'navigator')],
    ['Bun in a worker', 200, named('WorkerGlobalScope', 'Bun')],
    ['Bun with a document for its tests', 200, named('document', 'window', 'Bun')],
    ['Deno', 90, named('Deno', 'window', 'caches', 'navigator')],
    ['Deno in a worker', 90, named('WorkerGlobalScope', 'Deno')],
    ['Deno with a document for its tests', 90, named('document', 'Deno')],
  ] as const)('knows %s', (_, connections, globals) => {
    expect(defaultConnections(globals)).toBe(connections);
  });

  it('finds names that are inherited, as those of a global scope are', () => {
    expect(defaultConnections(Object.create(named('document')) as object)).toBe(6);
    expect(defaultConnections(Object.create(named('Bun')) as object)).toBe(200);
  });

  it('looks at this realm by itself', () => {
    expect(defaultConnections()).toBe(1_000);
  });
});
