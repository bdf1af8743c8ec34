import { show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { CHOICES } from './choices.ts';
import type { DialectName, EmulatorDialect } from './dialect.ts';
import { HOSTED } from './hosted.ts';
import { PRESETS } from './presets.ts';

/** All names that {@link dialectOf} knows, the hosted service's first. */
export function dialectNames(): readonly DialectName[] {
  return ['hosted', ...(Object.keys(PRESETS) as Exclude<DialectName, 'hosted'>[])];
}

/**
 * The switches of a server, to change some of them: `{ ...dialectOf('skyrl'), holdMs: 5 }`.
 *
 * @throws TinkerInputError - for a name that is none.
 */
export function dialectOf(name: DialectName): EmulatorDialect {
  if (name === 'hosted') return HOSTED;
  if (Object.hasOwn(PRESETS, name)) return { ...HOSTED, ...PRESETS[name] };
  throw new TinkerInputError('dialect', `must be one of ${dialectNames().join(', ')}, got ${show(name)}`);
}

/** A dialect by its name, or by some of its switches; the others are the hosted service's. @throws TinkerInputError */
export function resolveDialect(dialect: DialectName | Partial<EmulatorDialect>): EmulatorDialect {
  if (typeof dialect === 'string') return dialectOf(dialect);
  if (typeof dialect !== 'object' || dialect === null)
    throw new TinkerInputError('dialect', `must be a name or an object of switches, got ${show(dialect)}`);
  for (const [name, value] of Object.entries(dialect)) checkSwitch(name, value);
  const given = Object.entries(dialect).filter(([, value]) => value !== undefined);
  return { ...HOSTED, ...Object.fromEntries(given) };
}

function checkSwitch(name: string, value: unknown): void {
  if (!Object.hasOwn(HOSTED, name))
    throw new TinkerInputError(`dialect.${name}`, 'is no switch of a dialect');
  if (value === undefined) return;
  const choices: readonly unknown[] | undefined = Object.hasOwn(CHOICES, name)
    ? CHOICES[name as keyof typeof CHOICES]
    : undefined;
  if (choices !== undefined && !choices.includes(value))
    throw new TinkerInputError(
      `dialect.${name}`,
      `must be one of ${choices.map(show).join(', ')}, got ${show(value)}`,
    );
  const usual = HOSTED[name as keyof EmulatorDialect];
  if (choices === undefined && name !== 'clientConfig' && typeof value !== typeof usual)
    throw new TinkerInputError(`dialect.${name}`, `must be of type ${typeof usual}, got ${show(value)}`);
}
