import { inspect, isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isTinkerError, seededRandom } from '../../src/index.ts';
import { createVirtualClock } from '../../src/testing/virtual-clock.ts';
import type { Act } from '../support/acts.ts';
import {
  checkError,
  checkNumbers,
  type Outcome,
  playAct,
  type Recording,
  recordAct,
} from '../support/fuzz.ts';
import { OTHER_ACTS } from '../support/other-acts.ts';
import { type ReplayPlan, replayReplies } from '../support/replay.ts';
import { TRAINING_ACTS } from '../support/training-acts.ts';
import { forbidUnhandledRejections } from '../support/unhandled.ts';

// Replies of a server in good health, broken in thousands of ways. Whatever a server, a proxy or a bad line makes of a
// reply, a call comes to a result of the right type, or to an error of this package; it leaves nothing behind, and does
// no harm to the calls beside it.

/** Another run has other replies; one play alone is run as its failure says. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const ONLY = process.env['FUZZ_ONLY'];
/** How many times as many plays. */
const FACTOR = Number(process.env['FUZZ_FACTOR'] ?? 1);

/** Plays for each endpoint of an act, and for all of them together. */
const PLAYS = 12;
const PLAYS_OF_ALL = 60;
/** Calls of a kind side by side, where they can be made over and over. */
const COPIES = 8;

/** All that the client asks for. */
const ENDPOINTS = [
  'DELETE training_runs/:id/checkpoints/:id',
  'DELETE training_runs/:id/checkpoints/:id/publish',
  'GET audit',
  'GET billing/usage/events',
  'GET checkpoints',
  'GET get_server_capabilities',
  'GET samplers/:id',
  'GET sessions',
  'GET sessions/:id',
  'GET sessions/:id/trace_export',
  'GET training_runs',
  'GET training_runs/:id',
  'GET training_runs/:id/checkpoints',
  'GET training_runs/:id/checkpoints/:id/archive',
  'GET training_runs/:id/checkpoints/:id/download',
  'POST asample',
  'POST auth/token',
  'POST client/config',
  'POST client/dynamic_config',
  'POST create_model',
  'POST create_sampling_session',
  'POST create_session',
  'POST forward',
  'POST forward_backward',
  'POST get_info',
  'POST load_weights',
  'POST optim_step',
  'POST save_weights',
  'POST save_weights_for_sampler',
  'POST session_heartbeat',
  'POST telemetry',
  'POST training_runs/:id/checkpoints/:id/publish',
  'POST unload_model',
  'POST weights_info',
  'PUT sessions/:id/project',
  'PUT training_runs/:id/checkpoints/:id/ttl',
  'retrieve_future of asample',
  'retrieve_future of create_model',
  'retrieve_future of forward',
  'retrieve_future of forward_backward',
  'retrieve_future of load_weights',
  'retrieve_future of optim_step',
  'retrieve_future of save_weights',
  'retrieve_future of save_weights_for_sampler',
  'retrieve_future of unload_model',
];

/** Hundreds of plays take seconds; this ends what hangs, on a machine however busy. */
const BUSY_MS = 300_000;

/** Endpoints whose replies every call depends on. */
const SHARED = [
  'POST client/config',
  'POST auth/token',
  'POST create_session',
  'POST create_model',
  'retrieve_future of create_model',
  'POST create_sampling_session',
];
/** How a call may end because of a reply to another one. */
const CONSEQUENCES = ['client_poisoned', 'operation_failed', 'timed_out'];

const unhandled = forbidUnhandledRejections();
const asked = new Set<string>();
const totals = { replies: 0, results: 0, errors: 0 };

interface Play {
  /** An endpoint, or `all`. */
  readonly where: string;
  readonly index: number;
}

function playsOf({ endpoints }: Recording): Play[] {
  const times = (where: string, count: number): Play[] =>
    Array.from({ length: Math.ceil(FACTOR * count) }, (_, index) => ({ where, index }));
  return [...endpoints.flatMap((endpoint) => times(endpoint, PLAYS)), ...times('all', PLAYS_OF_ALL)];
}

function planOf({ where, index }: Play, seed: number, { endpoints }: Recording): ReplayPlan {
  const random = seededRandom(seed);
  if (where !== 'all')
    return {
      random,
      endpoints: [where],
      extent: (['one', 'each once', 'all', 'all'] as const)[index % 4] ?? 'all',
    };
  return { random, endpoints: endpoints.filter((one) => !SHARED.includes(one)), extent: 'some' };
}

/** The same number for the same words. */
function hash(words: string): number {
  let value = 2_166_136_261;
  for (const char of words) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 16_777_619);
  return value >>> 0;
}

/** A call none of whose replies was touched comes to what it comes to, or fails for another's sake. */
function checkBystander({ name, value, error }: Outcome, result: unknown): void {
  if (error === undefined && !isDeepStrictEqual(value, result))
    throw new Error(`${name} came to ${inspect(value)} in place of ${inspect(result)}`);
  if (error !== undefined && !(isTinkerError(error) && CONSEQUENCES.includes(error.code)))
    throw new Error(`${name} failed for the reply to another: ${inspect(error)}`);
}

const labelOf = (act: Act, { where, index }: Play): string => `${act.name}|${where}|${index}`;

async function fuzz(act: Act, recording: Recording, play: Play): Promise<void> {
  const { secrets, results, keysOf, model } = recording;
  const label = labelOf(act, play);
  const clock = createVirtualClock({ graceTurns: 2 });
  const replay = replayReplies(recording, planOf(play, hash(`${SEED} ${label}`), recording));
  try {
    const copies = /^(GET|retrieve_future|all)/.test(play.where) ? COPIES : 1;
    const { outcomes, events } = await playAct(act, { clock, model, fetch: replay.fetch, copies });
    const isLost = outcomes.some(({ error }) => isTinkerError(error, 'submit_ambiguous'));
    for (const outcome of outcomes) {
      const { name, error } = outcome;
      totals[error === undefined ? 'results' : 'errors'] += 1;
      if (error !== undefined) checkError(error, secrets);
      // To resume is to build on the reply that gave the handle.
      const keys = [name, name.replace('resume ', '')].flatMap((call) => [...(keysOf.get(call) ?? [])]);
      const isTouched = keys.some((key) => replay.mutatedKeys.has(key));
      if (!isTouched && !SHARED.includes(play.where)) checkBystander(outcome, results.get(name));
    }
    checkNumbers(replay.exchanges, !act.name.includes('chunks'), isLost);
    const told = JSON.stringify(events);
    if (secrets.some((secret) => told.includes(secret))) throw new Error(`A secret shows in ${told}`);
    if (Object.keys(Object.prototype).length > 0) throw new Error('Every object has a member more');
    if (unhandled.length > 0) throw new Error(`It was not handled: ${inspect(unhandled)}`);
  } catch (failure) {
    const what = failure instanceof Error ? failure.message : String(failure);
    const again = `FUZZ_SEED=${SEED} FUZZ_ONLY='${label}'`;
    throw new Error(`${again}\n${what}\n${replay.mutations.join('\n')}`, { cause: failure });
  }
  totals.replies += replay.mutations.length;
}

describe.each([...TRAINING_ACTS, ...OTHER_ACTS])('$name', (act) => {
  it(
    'comes to results or errors, whatever the replies',
    async () => {
      const recording = await recordAct(act);
      for (const endpoint of recording.endpoints) asked.add(endpoint);
      const failures: string[] = [];
      for (const play of playsOf(recording)) {
        if (ONLY !== undefined && ONLY !== labelOf(act, play)) continue;
        try {
          await fuzz(act, recording, play);
        } catch (failure) {
          failures.push(failure instanceof Error ? failure.message : String(failure));
        }
      }
      expect(failures.slice(0, 3).join('\n\n')).toBe('');
      // A length that is believed takes more than all of this together.
      expect(process.memoryUsage().rss).toBeLessThan(2 ** 30);
    },
    BUSY_MS,
  );
});

it('was enough, and left nothing out that the client asks for', () => {
  if (ONLY !== undefined) return;
  expect(totals.replies).toBeGreaterThan(10_000 * FACTOR);
  expect(totals.results).toBeGreaterThan(2 * totals.errors);
  expect([...asked].sort()).toEqual(ENDPOINTS);
});
