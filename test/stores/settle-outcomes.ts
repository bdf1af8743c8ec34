import { type Storage, seededRandom } from 'isotinker';
import { indexedDbStorage } from 'isotinker/storage/indexeddb';
import { decodeUtf8 } from '../../src/kernel/bytes.ts';
import {
  type BreakerOutcome,
  type BreakerState,
  freshBreaker,
  type Permit,
  resolveBreakerConfig,
} from '../../src/policy/breaker.ts';
import { createStrictKeeper } from '../../src/policy/stored-circuit.ts';

// Runs in a page or a worker: one of those who share a circuit.

/** Numbers of the circuit that all of them share. */
export const SHARED_BREAKER = resolveBreakerConfig('circuitBreaker', {
  failureThreshold: 4,
  resetMs: 400,
  halfOpenCalls: 2,
  leaseMs: 3_000,
});

/** Where it is kept. */
const KEY = 'isotinker:v1:breaker:two-tabs';

/** Whose outcomes, and how many. */
export interface SettleOptions {
  readonly database: string;
  /** Names the context; also seeds its outcomes. */
  readonly context: number;
  /** Circuits of it that work at the same time. */
  readonly circuits: number;
  /** Outcomes of each. */
  readonly outcomes: number;
}

/** What was done to the stored state. */
export type BreakerStep =
  | { readonly kind: 'acquire'; readonly id: string }
  | { readonly kind: 'settle'; readonly permit: Permit; readonly outcome: BreakerOutcome };

/** A step that changed the store. */
export interface CommittedStep {
  readonly context: number;
  /** Its place among the steps of all contexts, counted in the store itself. */
  readonly order: number;
  readonly step: BreakerStep;
  /** The context's wall time. */
  readonly now: number;
}

/** Let random outcomes come to a circuit that others use at the same time. @returns what this context committed. */
export async function settleOutcomes(options: SettleOptions): Promise<readonly CommittedStep[]> {
  const { database, context, circuits, outcomes } = options;
  const storage = indexedDbStorage({ name: database });
  const random = seededRandom(context);
  const committed: CommittedStep[] = [];
  let elapsed = 0;
  const now = (): number => 1_700_000_000_000 + elapsed;

  async function work(circuit: number): Promise<void> {
    let step: BreakerStep | undefined;
    const counted = countCommits(storage, now, (commit) => {
      if (step !== undefined) committed.push({ context, step, ...commit });
    });
    let state = freshBreaker;
    const mirror = {
      get state() {
        return state;
      },
      set(next: BreakerState) {
        state = next;
      },
    };
    const clock = { now, monotonic: () => elapsed, schedule: () => () => {} };
    const needs = { clock, config: SHARED_BREAKER, mirror };
    const keeper = createStrictKeeper(needs, { storageKey: KEY, storage: counted }, counted.update);
    for (let call = 0; call < outcomes; ) {
      elapsed += Math.floor(random() * 200);
      step = { kind: 'acquire', id: `${context}.${circuit}.${call}` };
      const admission = await keeper.acquire(step.id);
      if (!('permit' in admission)) continue;
      const draw = random();
      const outcome = draw < 0.5 ? 'failure' : draw < 0.9 ? 'success' : 'cancel';
      step = { kind: 'settle', permit: admission.permit, outcome };
      await keeper.settle(admission.permit, outcome);
      call += 1;
    }
  }

  await Promise.all(Array.from({ length: circuits }, (_, circuit) => work(circuit)));
  return committed;
}

/** What is stored in the end, and how many steps led to it. */
export async function readBreaker({
  database,
}: {
  readonly database: string;
}): Promise<{ readonly order: number; readonly row: string }> {
  const row = await indexedDbStorage({ name: database }).get(KEY);
  return { order: countOf(row), row: decodeUtf8(withoutCount(row) ?? new Uint8Array()) };
}

/** A store whose rows begin with how many times they were written, by whomever. */
function countCommits(
  storage: Storage,
  now: () => number,
  tell: (commit: { readonly order: number; readonly now: number }) => void,
): Storage & Required<Pick<Storage, 'update'>> {
  return {
    ...storage,
    get: async (key) => withoutCount(await storage.get(key)),
    async update(key, change, options) {
      let commit = { order: 0, now: 0 };
      const written = await storage.update?.(
        key,
        (row) => {
          commit = { order: countOf(row) + 1, now: now() };
          return withCount(commit.order, change(withoutCount(row)) ?? new Uint8Array());
        },
        options,
      );
      tell(commit);
      return withoutCount(written);
    },
  };
}

const COUNT_BYTES = 4;

function countOf(row: Uint8Array | undefined): number {
  return row === undefined ? 0 : new DataView(row.buffer, row.byteOffset).getUint32(0);
}

function withoutCount(row: Uint8Array | undefined): Uint8Array<ArrayBuffer> | undefined {
  return row === undefined ? undefined : row.slice(COUNT_BYTES);
}

function withCount(count: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const row = new Uint8Array(COUNT_BYTES + value.length);
  new DataView(row.buffer).setUint32(0, count);
  row.set(value, COUNT_BYTES);
  return row;
}
