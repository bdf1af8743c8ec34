/** A platform, and a global that only it has, or those that come later in the list. */
const PLATFORMS: readonly (readonly [name: string, global: string])[] = [
  // Bun, Deno and workerd have names of Node and of the web as well, so their own come first.
  ['Bun', 'Bun'],
  ['Deno', 'Deno'],
  ['workerd', 'WebSocketPair'],
  ['browser', 'document'],
  ['browser', 'WorkerGlobalScope'],
  ['Node', 'process'],
];

/**
 * What the library runs on: `Bun`, `Deno`, `workerd`, `browser` (a page or a web worker), `Node`, or `unknown`. Says
 * nothing of the machine.
 *
 * @param globals - Where to look for the platform's names. @default `globalThis`
 */
export function platformName(globals: object = globalThis): string {
  return PLATFORMS.find(([, global]) => global in globals)?.[0] ?? 'unknown';
}
