import { parseArgs } from 'node:util';
import * as zlib from 'node:zlib';
import { createEmulator, type DialectName, dialectNames, type EmulatorOptions } from 'isotinker/emulator';
import { serve } from 'srvx';
import { UsageError } from './options.ts';

// `npm run emulator`: the emulator as a server on this machine, for any client of the Tinker API.

const USAGE = `npm run emulator -- [--port N] [--dialect NAME] [--api-key KEY] [--jwt] [--cors]

  --port N        listen there, on 127.0.0.1 only; 0 takes a free one   (default: 8787)
  --dialect NAME  whose manners it has                                  (default: hosted)
                  ${dialectNames().slice(0, 5).join(', ')},
                  ${dialectNames().slice(5).join(', ')}
  --api-key KEY   refuse every other key                                (default: any key will do)
  --jwt           give tokens for keys, and take nothing else
  --cors          let pages of other origins call`;

/** What a compressed body may come to, in bytes. */
const MAX_DECOMPRESSED = 2 ** 30;

interface ServerOptions {
  readonly port: number;
  readonly emulator: EmulatorOptions;
}

/** Read the command line. @throws UsageError */
function readOptions(args: readonly string[]): ServerOptions | 'help' {
  const { values } = parse(args);
  if (values.help === true) return 'help';
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65_535)
    throw new UsageError(`--port must be a whole number from 0 to 65535, got "${values.port}"`);
  const apiKey = values['api-key'];
  if (apiKey === '') throw new UsageError('--api-key must not be empty');
  const dialect = readDialect(values.dialect);
  const { jwt, cors } = values;
  return { port, emulator: { dialect, apiKey, jwt, cors, decompress: decompressor() } };
}

function readDialect(name: string): DialectName {
  const known = dialectNames().find((dialect) => dialect === name);
  if (known !== undefined) return known;
  throw new UsageError(`--dialect must be one of ${dialectNames().join(', ')}, got "${name}"`);
}

function parse(args: readonly string[]) {
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string', default: '8787' },
        dialect: { type: 'string', default: 'hosted' },
        'api-key': { type: 'string' },
        jwt: flag,
        cors: flag,
        help: flag,
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(/\.\s/)[0]}; try npm run emulator -- --help`);
  }
}

/** Node undoes zstd from 22.15 on; the types are those of the oldest Node. */
type Zstd = (
  bytes: Uint8Array,
  options: { readonly maxOutputLength: number },
  done: (error: Error | null, result: Uint8Array) => void,
) => void;

function decompressor(): EmulatorOptions['decompress'] {
  const { zstdDecompress } = zlib as { readonly zstdDecompress?: Zstd };
  if (zstdDecompress === undefined) return undefined;
  return (bytes, encoding) =>
    new Promise((resolve, reject) => {
      if (encoding !== 'zstd') throw new Error(`${encoding} is not zstd`);
      zstdDecompress(bytes, { maxOutputLength: MAX_DECOMPRESSED }, (error, result) => {
        if (error === null) resolve(result);
        else reject(error);
      });
    });
}

/** Serve until a signal ends it. */
async function run({ port, emulator: options }: ServerOptions): Promise<void> {
  const emulator = createEmulator(options);
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const { fetch } = emulator;
  const server = serve({ fetch, hostname: '127.0.0.1', port, silent: true, gracefulShutdown: false });
  await listening(server.ready(), port);
  process.stdout.write(`${emulator.modelName} at ${server.url}\n`);
  await stopped;
  await server.close(true);
}

/** @throws UsageError - where somebody else listens already. */
async function listening(ready: Promise<unknown>, port: number): Promise<void> {
  try {
    await ready;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new UsageError(`Port ${port} is taken; --port 0 takes a free one`);
  }
}

async function main(): Promise<number> {
  try {
    const options = readOptions(process.argv.slice(2));
    if (options === 'help') process.stdout.write(`${USAGE}\n`);
    else await run(options);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

process.exitCode = await main();
