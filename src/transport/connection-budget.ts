import { checkInteger } from '../kernel/checks.ts';
import { platformName } from '../kernel/platform-name.ts';

/** How many requests may be under way at once. */
export interface ConnectionBudget {
  /** Of all lanes together. */
  readonly total: number;
  /** Of those, how many may be polls, which a server holds for up to 45 seconds. */
  readonly polls: number;
}

/**
 * The budget of so many connections: a tenth of them, and two at least, are kept from polls.
 *
 * @param total - An integer >= 3. @default {@link defaultConnections}
 * @throws TinkerInputError - for anything else.
 */
export function connectionBudget(total: number = defaultConnections()): ConnectionBudget {
  checkInteger('connections', total, { min: 3 });
  return { total, polls: total - Math.max(2, Math.ceil(total / 10)) };
}

/**
 * How many connections the platform really opens: Bun 200, Deno 90, a page, a web worker or a Cloudflare Worker 6,
 * anything else, such as Node, 1,000.
 *
 * @param globals - Where to look for the platform's names. @default `globalThis`
 */
export function defaultConnections(globals: object = globalThis): number {
  // A platform does not refuse what is too much, it queues it unseen: Bun beyond 256 requests, a page beyond 6 for a
  // host, HTTP/2 in Deno beyond some 100. Heartbeats would wait there behind polls, with their time limits running.
  const platform = platformName(globals);
  return Object.hasOwn(CONNECTIONS, platform) ? (CONNECTIONS[platform] as number) : 1_000;
}

/** Where a platform has a limit of its own. */
const CONNECTIONS: Readonly<Record<string, number>> = { Bun: 200, Deno: 90, workerd: 6, browser: 6 };
