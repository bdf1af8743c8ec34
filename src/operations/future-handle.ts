import { checkInteger, checkText, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';

/** Operations whose results another process can read. */
export type ResumableKind =
  | 'create_model'
  | 'forward'
  | 'forward_backward'
  | 'optim_step'
  | 'save_weights'
  | 'load_weights'
  | 'unload_model'
  | 'sample'
  | 'compute_logprobs';

/** What is needed to read a result. */
export interface HandleDetails {
  /** What the operation is. */
  readonly kind: ResumableKind | 'unknown';
  /** Tokens in the prompt of a sample, where that is known. */
  readonly promptLength?: number | undefined;
  /** Metrics that the client adds to the server's: those of a loss of your own. */
  readonly metrics?: Readonly<Record<string, number>> | undefined;
}

/** An operation under way as plain data: what `ApiFuture.toJSON` gives and `ServiceClient.resume` takes. */
export interface FutureHandle extends HandleDetails {
  /** Of this format. */
  readonly version: 1;
  /** The server's ids of its parts: one, or one for each chunk of a pass; none before the server accepted it. */
  readonly requestIds: readonly string[];
}

/**
 * A handle of one of these kinds as it came back from wherever it was kept.
 *
 * @throws TinkerInputError - naming what is wrong with it.
 */
export function checkHandle<K extends ResumableKind>(
  value: unknown,
  kinds: readonly K[],
): FutureHandle & { readonly kind: K } {
  const at = (field: string): string => `handle.${field}`;
  if (typeof value !== 'object' || value === null)
    throw new TinkerInputError('handle', `must be what a future's toJSON() gave, got ${show(value)}`, {
      hint: typeof value === 'string' ? 'JSON.parse makes it of its text' : undefined,
    });
  const { version, kind, requestIds, promptLength, metrics } = value as Record<string, unknown>;
  if (version !== 1) {
    const hint = 'Is it a handle, and of this version of the package?';
    throw new TinkerInputError(at('version'), `must be 1, got ${show(version)}`, { hint });
  }
  if (!kinds.includes(kind as K)) {
    throw new TinkerInputError(at('kind'), `must be one of ${kinds.join(', ')}, got ${show(kind)}`, {
      hint: kind === 'unknown' ? 'What it gives is of use only to the client that asked for it' : undefined,
    });
  }
  if (!Array.isArray(requestIds) || requestIds.length === 0) {
    const hint = 'Take the handle after the server has accepted the operation: when its requestId is there';
    throw new TinkerInputError(at('requestIds'), 'must hold at least one id, got none', { hint });
  }
  // A prompt with images may not tell its length.
  const hasLength = (kind === 'sample' || kind === 'compute_logprobs') && promptLength !== undefined;
  return {
    version,
    kind: kind as K,
    requestIds: requestIds.map((id, index) => checkText(at(`requestIds[${index}]`), id)),
    ...(hasLength ? { promptLength: checkInteger(at('promptLength'), promptLength, { min: 1 }) } : {}),
    ...(metrics === undefined ? {} : { metrics: checkMetrics(at('metrics'), metrics) }),
  };
}

function checkMetrics(field: string, metrics: unknown): Readonly<Record<string, number>> {
  if (typeof metrics !== 'object' || metrics === null || Array.isArray(metrics))
    throw new TinkerInputError(field, `must be an object of numbers, got ${show(metrics)}`);
  const read = Object.entries(metrics).map(([name, metric]) => {
    // JSON has no NaN, and writes null for one.
    if (metric === null) return [name, Number.NaN] as const;
    if (typeof metric === 'number') return [name, metric] as const;
    throw new TinkerInputError(`${field}.${name}`, `must be a number, got ${show(metric)}`);
  });
  return Object.fromEntries(read);
}
