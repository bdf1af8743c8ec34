import { parseArgs } from 'node:util';

/** What the command line asks for. */
export interface PlaygroundOptions {
  /** File to train on; undefined for this project's own text. */
  readonly text: string | undefined;
  /** Address of a server; undefined for the embedded emulator. */
  readonly baseUrl: string | undefined;
  /** Base model on that server; undefined for the first it offers. */
  readonly model: string | undefined;
  /** Seconds to train for. */
  readonly seconds: number;
  /** Steps after which to stop even if there is time left. */
  readonly steps: number;
  /** Seed of the adapter, of the batches and of the samples. */
  readonly seed: number;
  /** Print one JSON object instead of the show. */
  readonly json: boolean;
}

/** A mistake of whoever called: told in one line, without a stack. */
export class UsageError extends Error {}

export const USAGE = `npm start -- [--text FILE] [--base-url URL] [--model NAME] [--seconds N] [--steps N] [--seed N] [--json]

  --text FILE      train on this file            (default: this project's README and src)
  --base-url URL   train on this server          (default: the embedded emulator; key from TINKER_API_KEY)
  --model NAME     base model on that server     (default: the first it offers)
  --seconds N      train for this long           (default: 40)
  --steps N        stop after this many steps    (default: no limit)
  --seed N         repeat a run                  (default: 1)
  --json           print one JSON object`;

/** Read the command line. @throws UsageError */
export function readOptions(args: readonly string[]): PlaygroundOptions | 'help' {
  const { values } = parse(args);
  if (values.help === true) return 'help';
  return {
    text: values.text,
    baseUrl: values['base-url'],
    model: values.model,
    seconds: positive('--seconds', values.seconds ?? '40'),
    steps: positive('--steps', values.steps ?? 'Infinity'),
    seed: positive('--seed', values.seed ?? '1'),
    json: values.json === true,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        text,
        'base-url': text,
        model: text,
        seconds: text,
        steps: text,
        seed: text,
        json: flag,
        help: flag,
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(/\.\s/)[0]}; try npm start -- --help`);
  }
}

function positive(name: string, value: string): number {
  const number = Number(value);
  if (number > 0) return number;
  throw new UsageError(`${name} must be a number above 0, got "${value}"`);
}
