import { createServiceClient, isTinkerError, type ServiceClient } from 'isotinker';
import { createEmulator } from 'isotinker/emulator';
import { createTokenizerLoader } from 'isotinker/tokenizer';
import { tiktoken } from 'isotinker/tokenizer/tiktoken';
import { readSource } from './corpus.ts';
import { type PlaygroundOptions, readOptions, USAGE, UsageError } from './options.ts';
import { createShow } from './show.ts';
import { type TrainingWatcher, trainOnText, WINDOW } from './training-loop.ts';

/** How long a server that does not answer is asked again before the first word from it. */
const FIRST_CONTACT_BUDGET_MS = 3_000;

const SILENT: TrainingWatcher = {
  untrained: () => {},
  heldOut: () => {},
  progress: () => {},
  trained: () => {},
  wrote: () => {},
  finished: () => {},
};

/** A connected service, and what to train on it. */
interface Connection {
  readonly service: ServiceClient;
  readonly baseModel: string;
  readonly server: string;
}

async function connect({ baseUrl, model }: PlaygroundOptions): Promise<Connection> {
  const loadTokenizer = createTokenizerLoader({ tiktoken, hubToken: process.env['HF_TOKEN'] || undefined });
  if (baseUrl === undefined) {
    const emulator = createEmulator();
    const service = createServiceClient({ apiKey: 'tml-offline', fetch: emulator.fetch, loadTokenizer });
    return { service, baseModel: emulator.modelName, server: 'emulator' };
  }
  const apiKey = process.env['TINKER_API_KEY'];
  if (!apiKey)
    throw new UsageError('Set TINKER_API_KEY to the key for this server (any text if it takes none)');
  const firstContact = createServiceClient({ apiKey, baseUrl, retryBudgetMs: FIRST_CONTACT_BUDGET_MS });
  const { supportedModels } = await firstContact.getServerCapabilities();
  const baseModel = model ?? supportedModels.find(({ modelName }) => modelName !== undefined)?.modelName;
  if (baseModel === undefined) throw new UsageError('The server lists no model; name one with --model');
  return { service: createServiceClient({ apiKey, baseUrl, loadTokenizer }), baseModel, server: baseUrl };
}

async function run(options: PlaygroundOptions, signal: AbortSignal): Promise<void> {
  const source = readSource(options.text, WINDOW);
  const { service, baseModel, server } = await connect(options);
  try {
    const size = `${Math.round(source.text.length / 1000)} kB`;
    if (!options.json)
      process.stdout.write(`isotinker trains ${baseModel} (${server}) on ${source.name}, ${size}\n\n`);
    const watcher = options.json ? SILENT : createShow(process.stdout);
    const { seconds, steps, seed } = options;
    const result = await trainOnText(service, { source, baseModel, seconds, steps, seed, signal }, watcher);
    if (options.json) process.stdout.write(`${JSON.stringify({ ...result, server })}\n`);
  } finally {
    await service.close();
  }
}

async function main(): Promise<number> {
  const interrupt = new AbortController();
  const onInterrupt = (): void => interrupt.abort(new UsageError('Stopped'));
  process.once('SIGINT', onInterrupt);
  try {
    const options = readOptions(process.argv.slice(2));
    if (options === 'help') process.stdout.write(`${USAGE}\n`);
    else await run(options, interrupt.signal);
    return 0;
  } catch (error) {
    if (interrupt.signal.aborted) process.stderr.write('\nStopped; the session is closed.\n');
    else if (error instanceof UsageError || isTinkerError(error)) process.stderr.write(`${error.message}\n`);
    else throw error;
    return interrupt.signal.aborted ? 130 : 1;
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

process.exitCode = await main();
