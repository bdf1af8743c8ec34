import { BROWSER_ENGINES, type BrowserEngine } from '../runtimes/find-browser.ts';
import { type ChecksTools, runChecks } from '../runtimes/run-checks.ts';
import { storesInDeno } from './deno.ts';
import { storesInBrowser } from './in-browsers.ts';
import { storesInWorkerd } from './workerd.ts';

// Every store in its real engine, alone and shared by contexts that have nothing else in common. Ends with the counts.
// `--only firefox` leaves the others out.

async function runPart(part: string, tools: ChecksTools): Promise<void> {
  if (part === 'workerd')
    return tools.recorder.cases('workerd, KV', 'runs', () => storesInWorkerd(tools.signal));
  if (part === 'deno') return tools.recorder.cases('Deno KV', 'runs', () => storesInDeno(tools.signal));
  return storesInBrowser(part as BrowserEngine, tools);
}

await runChecks({
  command: 'test:stores',
  parts: [...BROWSER_ENGINES, 'workerd', 'deno'],
  limitMs: 600_000,
  async work(parts, tools) {
    // They mostly wait, for timers of theirs that cannot be hurried.
    await Promise.all(parts.map((part) => runPart(part, tools)));
  },
});
