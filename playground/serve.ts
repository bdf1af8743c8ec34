import { parseArgs } from 'node:util';
import { createEmulator } from 'isotinker/emulator';
import { serve } from 'srvx';

// The emulator as a server on this machine, for any client of the Tinker API.
const { values } = parseArgs({
  options: { port: { type: 'string', default: '8787' }, 'api-key': { type: 'string' } },
});
const emulator = createEmulator({ apiKey: values['api-key'] });
const server = serve({
  fetch: emulator.fetch,
  hostname: '127.0.0.1',
  port: Number(values.port),
  silent: true,
});
await server.ready();
process.stdout.write(`${emulator.modelName} at ${server.url}\n`);
