import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from 'isotinker';
import { createEmulator } from 'isotinker/emulator';
import { serve } from 'srvx';
import { EMULATORS, LATE_BY_MS, LATE_POLLS, SERVER_NAMES, type ServerName } from './emulators.ts';
import { type Exchange, recorded } from './traffic.ts';

// The servers of one run, fresh and with the same seeds each time, on ports of their own. Tells whoever started it
// their addresses, and ends when told to, or when that process is gone: then it writes down what passed through.

const [, , output = ''] = process.argv;

/** A fetch whose polls reach the server too late, as {@link LATE_POLLS} says. */
function delayed(fetch: (request: Request) => Promise<Response>): (request: Request) => Promise<Response> {
  const seen = new Map<string, number>();
  return async (request) => {
    const type = request.headers.get('x-tinker-request-type') ?? '';
    if (new URL(request.url).pathname.endsWith('/retrieve_future')) {
      const count = (seen.get(type) ?? 0) + 1;
      seen.set(type, count);
      if (count <= (LATE_POLLS[type] ?? 0)) await sleep(LATE_BY_MS);
    }
    return fetch(request);
  };
}

function start(name: ServerName, keep: (exchange: Exchange) => void) {
  const emulator = createEmulator({ ...EMULATORS[name], random: seededRandom(1) });
  const answer = recorded(name, emulator.fetch, keep);
  return serve({
    fetch: name === 'late' ? delayed(answer) : answer,
    hostname: '127.0.0.1',
    port: 0,
    silent: true,
    gracefulShutdown: false,
  });
}

const exchanges: Exchange[] = [];
const servers = SERVER_NAMES.map((name) => ({ name, server: start(name, (one) => exchanges.push(one)) }));
await Promise.all(servers.map(({ server }) => server.ready()));

process.once('disconnect', () => {
  writeFileSync(output, JSON.stringify(exchanges));
  process.exit();
});
process.send?.(Object.fromEntries(servers.map(({ name, server }) => [name, server.url ?? ''])));
