import * as z from 'zod/mini';
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
        checkpoint_id: z.string(),
        tinker_path: z.string(),
        time: z.nullish(z.string()),
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

/** ISO 8601; without a zone it is UTC (servers.md 2.1 item 22). */
function readTime(text: string): number {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text)) return Number.NaN;
  return Date.parse(/(Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`);
}
