import { describe, expect, it } from 'vitest';
import { CHOICES } from '../../../src/emulator/dialects/choices.ts';
import { resolveDialect } from '../../../src/emulator/dialects/dialect-of.ts';
import {
  createEmulator,
  type DialectName,
  dialectNames,
  dialectOf,
  type EmulatorDialect,
} from '../../../src/emulator/index.ts';
import { thrown } from '../../support/settled.ts';

const hosted = dialectOf('hosted');

it('knows ten servers, the hosted one first', () => {
  expect(dialectNames()).toEqual([
    'hosted',
    'skyrl',
    'openrl-legacy',
    'twinkle',
    'tinkercloud',
    'beam',
    'miles',
    'localtinker',
    'arctic',
    'mint',
  ]);
});

it.each(dialectNames())('gives every switch of %s a value that it may have', (name) => {
  const dialect = dialectOf(name);
  expect(Object.keys(dialect).sort()).toEqual(Object.keys(hosted).sort());
  expect(resolveDialect(dialect)).toEqual(dialect);
  if (name !== 'hosted') expect(dialect).not.toEqual(hosted);
});

it('has every choice of a few in its table, and nothing else there', () => {
  for (const [name, values] of Object.entries(CHOICES)) {
    expect(values).toContain(hosted[name as keyof EmulatorDialect]);
    expect(new Set<unknown>(values).size).toBe(values.length);
  }
});

describe('an object of switches', () => {
  it('changes some, of the hosted service or of another', () => {
    expect(resolveDialect({ holdMs: 5 })).toEqual({ ...hosted, holdMs: 5 });
    const nothing = { holdMs: undefined } as unknown as Partial<EmulatorDialect>;
    expect(resolveDialect(nothing)).toEqual(hosted);
    const mine = { ...dialectOf('skyrl'), holdMs: 5 };
    expect(resolveDialect(mine)).toEqual(mine);
  });

  it.each<[unknown, string]>([
    ['openai', '"dialect" must be one of hosted, skyrl,'],
    ['toString', '"dialect" must be one of hosted'],
    [null, '"dialect" must be a name or an object of switches, got null'],
    [7, '"dialect" must be a name or an object of switches, got 7'],
    [{ holdMS: 5 }, '"dialect.holdMS" is no switch of a dialect'],
    [{ pending: '409' }, '"dialect.pending" must be one of "408-try-again"'],
    [{ heartbeat: 405 }, '"dialect.heartbeat" must be one of 404, 410'],
    [{ holdMs: '5' }, '"dialect.holdMs" must be of type number, got "5"'],
    [{ strictFields: 1 }, '"dialect.strictFields" must be of type boolean, got 1'],
    [{ stopReason: 3 }, '"dialect.stopReason" must be of type string, got 3'],
  ])('is refused as %j', (dialect, message) => {
    const error = thrown(() => createEmulator({ dialect: dialect as DialectName }));
    expect(error).toMatchObject({ code: 'input_invalid', message: expect.stringContaining(message) });
  });

  it.each<EmulatorDialect['clientConfig']>([404, {}, { any: 'thing' }])(
    'takes %j as what client/config answers',
    (clientConfig) => {
      expect(resolveDialect({ clientConfig }).clientConfig).toEqual(clientConfig);
    },
  );
});
