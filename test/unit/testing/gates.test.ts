import { describe, expect, it } from 'vitest';
import { isTinkerError } from '../../../src/kernel/errors.ts';
import { createGates } from '../../../src/testing/gates.ts';
import { thrown } from '../../support/settled.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Somebody who passes gates and tells. */
async function walk(pass: (label: string) => Promise<void>, log: string[], labels: readonly string[]) {
  for (const label of labels) {
    await pass(label);
    log.push(label);
  }
}

describe('createGates', () => {
  it('holds everybody at a gate until it is opened', async () => {
    const gates = createGates();
    const log: string[] = [];
    const work = walk(gates.pass, log, ['a', 'b']);
    await gates.rest();
    expect([gates.waiting, log]).toEqual([['a'], []]);
    gates.open('a');
    expect(gates.waiting).toEqual([]);
    await gates.rest();
    expect([gates.waiting, log]).toEqual([['b'], ['a']]);
    gates.open('b');
    await work;
    expect([gates.waiting, log]).toEqual([[], ['a', 'b']]);
  });

  it('lets through one at a time: the first of a label, or the one at a place', async () => {
    const gates = createGates();
    const log: string[] = [];
    const comers = ['x', 'y', 'x', 'x'].map((label, index) =>
      gates.pass(label).then(() => void log.push(`${label}${index}`)),
    );
    gates.open('x');
    await gates.rest();
    gates.open(2);
    await gates.rest();
    expect([log, gates.waiting]).toEqual([
      ['x0', 'x3'],
      ['y', 'x'],
    ]);
    await gates.openAll();
    await Promise.all(comers);
    expect(log).toEqual(['x0', 'x3', 'y1', 'x2']);
  });

  it('opens whatever comes, until nobody does', async () => {
    const gates = createGates();
    const log: string[] = [];
    const work = [walk(gates.pass, log, ['a', 'b', 'c']), walk(gates.pass, log, ['d'])];
    await gates.openAll();
    await Promise.all(work);
    expect([log, gates.waiting]).toEqual([['a', 'd', 'b', 'c'], []]);
  });

  it('rests until promises have done what they can, and as many turns more as it is told', async () => {
    const log: string[] = [];
    const chain = async (): Promise<void> => {
      for (let link = 0; link < 1_000; link++) await undefined;
      log.push('promises');
      for (let turns = 0; turns < 3; turns++) await turn();
      log.push('turns');
    };
    const work = chain();
    await createGates().rest();
    expect(log).toEqual(['promises']);
    await createGates({ restTurns: 4 }).rest();
    expect(log).toEqual(['promises', 'turns']);
    await work;
  });

  it('says who is there when it is to open for somebody who is not', async () => {
    const gates = createGates();
    expect(thrown(() => gates.open('a'))).toMatchObject({
      message: 'Nobody waits at gate "a"; waiting: nobody',
    });
    const waiting = [gates.pass('b'), gates.pass('c')];
    expect(thrown(() => gates.open('a'))).toMatchObject({
      message: 'Nobody waits at gate "a"; waiting: b, c',
    });
    for (const place of [2, -1]) expect(thrown(() => gates.open(place))).toBeInstanceOf(Error);
    expect(gates.waiting).toEqual(['b', 'c']);
    await gates.openAll();
    await Promise.all(waiting);
  });

  it('refuses to rest for no time', () => {
    const error = thrown(() => createGates({ restTurns: 0 }));
    expect(isTinkerError(error, 'input_invalid') && error.field).toBe('restTurns');
  });
});
