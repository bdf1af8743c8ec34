import type { Context } from './contexts.ts';
import { demand } from './demand.ts';

/** What one context writes, the other reads, replaces and deletes, each over a connection of its own. */
export async function shareValues(contexts: readonly [Context, Context], database: string): Promise<void> {
  const [one, other] = contexts;
  const key = 'shared';
  const see = async (context: Context, expected: string): Promise<void> => {
    const value = await context.call('getValue', { database, key });
    demand(String(value) === expected, `${value} is kept, not ${expected}`);
  };
  await see(other, 'null');
  await one.call('setValue', { database, key, value: [1, 2, 255] });
  await see(other, '1,2,255');
  await other.call('setValue', { database, key, value: [] });
  await see(one, '');
  await one.call('deleteValue', { database, key });
  await see(other, 'null');
}
