/**
 * Options of a client from environment variables.
 *
 * @module isotinker/env
 */

import { TinkerInputError } from './kernel/errors.ts';

/** The variables that {@link optionsFromEnv} reads; others may be beside them. Blank ones count as not set. */
export interface TinkerEnv {
  /** The API key. */
  readonly TINKER_API_KEY?: string | undefined;
  /** Address of the server. */
  readonly TINKER_BASE_URL?: string | undefined;
  /** Labels of the session, between commas. */
  readonly TINKER_TAGS?: string | undefined;
  /** Project the session belongs to. */
  readonly TINKER_PROJECT_ID?: string | undefined;
  /** `1`, `true`, `yes` or `on`, in any case, for telemetry to the vendor; anything else is against it. */
  readonly TINKER_TELEMETRY?: string | undefined;
  /** Id of a service token of Cloudflare Access, for a server behind it. */
  readonly CLOUDFLARE_ACCESS_CLIENT_ID?: string | undefined;
  /** Secret of that token. */
  readonly CLOUDFLARE_ACCESS_CLIENT_SECRET?: string | undefined;
}

/** Options of `createServiceClient` that an environment can hold. What is not set there is not in them. */
export interface EnvOptions {
  /** From `TINKER_API_KEY`. */
  readonly apiKey: string;
  /** From `TINKER_BASE_URL`. */
  readonly baseUrl?: string;
  /** From `TINKER_TAGS`: each once, in order, none blank. */
  readonly tags?: readonly string[];
  /** From `TINKER_PROJECT_ID`. */
  readonly projectId?: string;
  /** From `TINKER_TELEMETRY`. */
  readonly telemetry?: boolean;
  /** `CF-Access-Client-Id` and `CF-Access-Client-Secret`, from the variables of Cloudflare Access. */
  readonly defaultHeaders?: Readonly<Record<string, string>>;
}

/**
 * Read options from environment variables (protocol 1.2), as the official client does: the library itself reads none.
 *
 * @example
 * ```ts
 * const service = createServiceClient({ ...optionsFromEnv(process.env), onEvent });
 * ```
 *
 * @param env - `process.env`, `Deno.env.toObject()`, or the `env` of a Worker.
 * @throws TinkerInputError - without a `TINKER_API_KEY` that can be sent. No message has the value of a variable in it.
 */
export function optionsFromEnv(env: TinkerEnv | Readonly<Record<string, string | undefined>>): EnvOptions {
  const apiKey = readApiKey(env);
  const baseUrl = read(env, 'TINKER_BASE_URL');
  const tags = readTags(env);
  const projectId = read(env, 'TINKER_PROJECT_ID');
  const telemetry = read(env, 'TINKER_TELEMETRY');
  const headers = readAccessHeaders(env);
  return {
    apiKey,
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(projectId === undefined ? {} : { projectId }),
    ...(telemetry === undefined ? {} : { telemetry: /^(1|true|yes|on)$/i.test(telemetry) }),
    ...(Object.keys(headers).length === 0 ? {} : { defaultHeaders: headers }),
  };
}

/** A variable without the blanks around it; `undefined` if nothing is left. */
function read(env: TinkerEnv, name: keyof TinkerEnv): string | undefined {
  const value: unknown = env[name];
  if (value === undefined || value === null) return undefined;
  // A binding of a Worker need not be text. Only its type is told: it may be a secret all the same.
  if (typeof value !== 'string')
    throw new TinkerInputError(name, `must be text, got a value of type ${typeof value}`);
  return value.trim() || undefined;
}

function readApiKey(env: TinkerEnv): string {
  const apiKey = read(env, 'TINKER_API_KEY');
  if (apiKey === undefined) {
    const state = typeof env.TINKER_API_KEY === 'string' ? 'blank' : 'not set';
    throw new TinkerInputError('TINKER_API_KEY', `must hold an API key, but is ${state}`, {
      hint: 'Set it in the environment (in a shell: export TINKER_API_KEY=…), or pass the option apiKey instead',
    });
  }
  if (/^["'`]|["'`]$/.test(apiKey)) {
    throw new TinkerInputError(
      'TINKER_API_KEY',
      'must hold the key alone, but has a quotation mark at an end',
      {
        hint: 'Take the quotation marks out of where it is set: not everything that reads a .env file does',
      },
    );
  }
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new TinkerInputError(
      'TINKER_API_KEY',
      `must consist of visible ASCII characters, but has others among its ${apiKey.length}`,
    );
  }
  return apiKey;
}

function readTags(env: TinkerEnv): readonly string[] {
  const tags = read(env, 'TINKER_TAGS')?.split(',') ?? [];
  return [...new Set(tags.map((tag) => tag.trim()).filter((tag) => tag !== ''))];
}

function readAccessHeaders(env: TinkerEnv): Readonly<Record<string, string>> {
  const id = read(env, 'CLOUDFLARE_ACCESS_CLIENT_ID');
  const secret = read(env, 'CLOUDFLARE_ACCESS_CLIENT_SECRET');
  return {
    ...(id === undefined ? {} : { 'CF-Access-Client-Id': id }),
    ...(secret === undefined ? {} : { 'CF-Access-Client-Secret': secret }),
  };
}
