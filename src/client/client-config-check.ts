import { checkBoolean, checkFinite, checkInteger, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { type ClientConfig, defaultClientConfig } from '../wire/json/client-config.ts';

/** Values that win over what the server sets; what is `undefined` is left to it. */
export type ClientConfigOverrides = { readonly [K in keyof ClientConfig]?: ClientConfig[K] | undefined };

/** Settings of the server that the user overrides. @throws TinkerInputError - naming the field, the value and the bound. */
export function checkClientConfig(value: ClientConfigOverrides | false): Partial<ClientConfig> | false {
  if (value === false) return false;
  if (typeof value !== 'object' || value === null)
    throw new TinkerInputError('clientConfig', `must be an object or false, got ${show(value)}`);
  const known: Readonly<Record<string, unknown>> = { ...defaultClientConfig() };
  const given = Object.entries(value).filter(([, setting]) => setting !== undefined);
  for (const [name, setting] of given) {
    const field = `clientConfig.${name}`;
    const byDefault = Object.hasOwn(known, name) ? known[name] : undefined;
    if (byDefault === undefined) {
      throw new TinkerInputError(field, `is not one of ${Object.keys(known).join(', ')}`);
    }
    if (typeof byDefault === 'boolean') checkBoolean(field, setting);
    else if (name === 'billingPauseMs') checkFinite(field, setting, { min: 0 });
    else if (setting !== Number.POSITIVE_INFINITY || name !== 'maxChunkTokens')
      checkInteger(field, setting, { min: 1 });
  }
  return Object.fromEntries(given);
}
