import { checkFinite, show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { seededRandom } from '../../kernel/random.ts';
import type { EmulatorFault, FaultCall, FaultPlan } from './fault.ts';

/** What may go wrong by chance. `busy` is a 429, `timeout` a 408, `slow` an answer that comes up to 70 s late. */
export type FaultKind =
  | Extract<EmulatorFault, string>
  | 'expire'
  | 'slow'
  | 'busy'
  | 'timeout'
  | 'crash'
  | 'outage'
  | 'proxy-400';

/** Longest delay of a slow answer: beyond what clients wait for one. */
const SLOW_MS = 70_000;

const FAULTS: Readonly<Record<FaultKind, (random: () => number) => EmulatorFault>> = {
  hang: () => 'hang',
  cut: () => 'cut',
  lost: () => 'lost',
  'cut-body': () => 'cut-body',
  'junk-json': () => 'junk-json',
  duplicate: () => 'duplicate',
  expire: () => ({ expire: true }),
  slow: (random) => ({ delayMs: 1 + random() * SLOW_MS }),
  busy: () => ({ status: 429, body: { detail: 'slow down' } }),
  timeout: () => ({ status: 408 }),
  // No two are alike: the same one for ever would be a defect of the request.
  crash: (random) => ({ status: 500, text: `Internal Server Error ${random()}` }),
  outage: () => ({
    status: 503,
    text: '<html>503 Service Unavailable</html>',
    headers: { 'content-type': 'text/html' },
  }),
  'proxy-400': () => ({ status: 400 }),
};

/** How likely each kind of fault is, from 0 to 1; together at most 1. */
export type FaultRates = Readonly<Partial<Record<FaultKind, number>>>;

/** Settings of {@link faultSchedule}. */
export interface FaultScheduleOptions {
  /** Requests that something may happen to. @default all but heartbeats */
  readonly concerns?: ((call: FaultCall) => boolean) | undefined;
}

/**
 * Faults by chance, for `faults`: which request they meet depends on the seed, the path and how often it was asked for
 * before, and on nothing else, so a run can be repeated.
 *
 * @throws TinkerInputError - for rates that cannot be.
 */
export function faultSchedule(
  seed: number,
  rates: FaultRates,
  options: FaultScheduleOptions = {},
): FaultPlan {
  checkFinite('seed', seed);
  const { concerns = ({ path }) => path !== 'session_heartbeat' } = options;
  const kinds = Object.entries(rates).map(([kind, rate]) => [checkKind(kind), rate ?? 0] as const);
  for (const [kind, rate] of kinds) checkFinite(`rates.${kind}`, rate, { min: 0 });
  const sum = kinds.reduce((total, [, rate]) => total + rate, 0);
  if (sum > 1 + 1e-9) throw new TinkerInputError('rates', `must add up to at most 1, got ${sum}`);
  return (call) => {
    if (!concerns(call)) return undefined;
    const random = seededRandom(mix(seed, `${call.method} ${call.path} ${call.attempt}`));
    let chance = random();
    for (const [kind, rate] of kinds) {
      if (chance < rate) return FAULTS[kind](random);
      chance -= rate;
    }
    return undefined;
  };
}

function checkKind(kind: string): FaultKind {
  if (Object.hasOwn(FAULTS, kind)) return kind as FaultKind;
  throw new TinkerInputError(
    `rates.${kind}`,
    `is no kind of fault; there are ${Object.keys(FAULTS).map(show).join(', ')}`,
  );
}

/** FNV-1a over a text, from a seed. */
function mix(seed: number, text: string): number {
  let hash = Math.trunc(seed) ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
