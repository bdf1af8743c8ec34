import * as z from 'zod/mini';
import { parseIso } from '../../kernel/timestamp.ts';
import { text, time } from './field.ts';
import { lazy } from './lazy.ts';
import { parseWire } from './parse.ts';

/** A checkpoint as a run's listing names it. */
export interface ListedCheckpoint {
  /** Kind and name, e.g. `weights/final`. */
  readonly checkpointId: string;
  readonly tinkerPath: string;
  /** Epoch milliseconds; `NaN` where the server gives no time that can be read. */
  readonly savedAt: number;
}

const checkpointsSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    checkpoints: z.array(
      z.looseObject({
        checkpoint_id: text(),
        tinker_path: text(),
        time: z.nullish(time()),
      }),
    ),
  }),
);

/** Answer of `training_runs/{id}/checkpoints` (protocol 2.9). */
export function readCheckpoints(body: unknown): ListedCheckpoint[] {
  const { checkpoints } = parseWire(checkpointsSchema, body, 'checkpoints answer');
  return checkpoints.map(({ checkpoint_id, tinker_path, time }) => ({
    checkpointId: checkpoint_id,
    tinkerPath: tinker_path,
    savedAt: readTime(time ?? ''),
  }));
}

/** ISO 8601, without a zone in UTC (servers.md 2.1 item 22), or seconds since the epoch. */
function readTime(time: string | number): number {
  return typeof time === 'number' ? time * 1_000 : (parseIso(time)?.ms ?? Number.NaN);
}
