import { checkFinite, checkInteger } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { type RandomSource, systemRandom } from '../../kernel/random.ts';
import type { Datum, FloatInput } from '../../wire/types/datum.ts';
import { type Derivative, derivatives } from './central-difference.ts';
import type { CustomLoss } from './custom-loss.ts';
import {
  checkedEvaluation,
  checkedRows,
  checkSame,
  type LossEvaluation,
  magnitudeOf,
} from './loss-evaluation.ts';

/** How {@link checkGradients} looks. */
export interface GradientCheckOptions {
  /**
   * The first step, relative to the larger of 1 and the size of the log-probability; smaller ones follow. A loss that is
   * summed up in float32 needs a larger one. In [2^-17, 0.5]. @default 1 / 64
   */
  readonly step?: number | undefined;
  /** The largest relative error that is right. In (0, 1). @default 1e-3 */
  readonly tolerance?: number | undefined;
  /** How many log-probabilities to try, of all data together; each evaluates the loss 4 to 8 times. @default 32 */
  readonly samples?: number | undefined;
  /** Chooses them; a seeded one chooses the same ones again. @default `Math.random` */
  readonly random?: RandomSource | undefined;
}

/** One log-probability, and the two gradients there. */
export interface GradientAtPosition {
  /** Index of the datum. */
  readonly datum: number;
  /** Index of the target token in it. */
  readonly position: number;
  /** The log-probability. */
  readonly logprob: number;
  /** dLoss/dLogprob as the loss function says. */
  readonly analytic: number;
  /** dLoss/dLogprob as the loss itself shows. */
  readonly numeric: number;
  /** Their difference, against the analytic gradient or the slope of the loss nearby, whichever is steeper. */
  readonly relativeError: number;
  /** `false` where a gradient is too small, against the loss, to be seen in it: such a position tells nothing. */
  readonly isResolved: boolean;
}

/** What {@link checkGradients} found. */
export interface GradientCheck {
  /** No position has a relative error above the tolerance, and at least one is resolved. */
  readonly isRight: boolean;
  /** The position with the largest relative error. */
  readonly worst: GradientAtPosition;
  /**
   * Analytic over numeric gradient where this is the same at all positions: 1 if right, -1 for a wrong sign, 0.5 for a
   * missing factor of 2; `undefined` where it is not, as for gradients at wrong indices.
   */
  readonly ratio: number | undefined;
  /** All positions that were tried, in the order of the data. */
  readonly positions: readonly GradientAtPosition[];
}

interface Settings {
  readonly step: number;
  readonly tolerance: number;
}

/** Leaves two steps of a few float32 spacings each at any log-probability. */
const LEAST_STEP = 7.62939453125e-6;
/** Pairs of steps that are tried where the first does not agree. */
const MAX_TRIES = 3;

/**
 * Compare the gradients of a loss of your own with differences of the loss itself, before training with it. The sign is
 * that of the loss: dLoss/dLogprob is negative where a higher log-probability makes the loss smaller.
 *
 * Half of the positions are chosen among those with a gradient other than 0. The loss function gets copies with one
 * log-probability moved up or down, also above 0; where it is not finite there, the moves get smaller. At a kink (a
 * maximum, a clipped ratio) there is no right gradient, and most are called wrong.
 *
 * @param data - Handed to the loss function as they are.
 * @param logprobs - One array per datum, finite, rounded to float32; random ones between -5 and 0 will do.
 * @throws TinkerInputError - for a loss that is not finite, not the same when evaluated again, or whose gradients do
 *   not have the lengths of the log-probabilities.
 */
export async function checkGradients(
  customLoss: CustomLoss,
  data: readonly Datum<'cross_entropy'>[],
  logprobs: readonly FloatInput[],
  options: GradientCheckOptions = {},
): Promise<GradientCheck> {
  const settings: Settings = {
    step: checkFinite('step', options.step ?? 1 / 64, { min: LEAST_STEP, max: 0.5 }),
    tolerance: checkFinite('tolerance', options.tolerance ?? 1e-3, {
      min: 0,
      aboveMin: true,
      max: 1,
      belowMax: true,
    }),
  };
  const samples = checkInteger('samples', options.samples ?? 32, { min: 1 });
  const rows = checkedRows(data, logprobs);
  const evaluate = async (moved?: {
    readonly datum: number;
    readonly position: number;
    readonly to: number;
  }) => {
    const copies = rows.map((row) => row.slice());
    const row = moved && copies[moved.datum];
    if (row !== undefined && moved !== undefined) row[moved.position] = moved.to;
    return await customLoss(data, copies);
  };
  const evaluateWhole = async (): Promise<LossEvaluation> => checkedEvaluation(await evaluate(), rows);

  const base = await evaluateWhole();
  checkSame(base, await evaluateWhole());
  const magnitude = magnitudeOf(base, rows, settings.step);
  const positions: GradientAtPosition[] = [];
  for (const [datum, position] of chosen(base.gradients, samples, options.random ?? systemRandom)) {
    const logprob = rows[datum]?.[position] ?? 0;
    const analytic = base.gradients[datum]?.[position] ?? 0;
    const differences = derivatives({
      evaluate: async (to) => (await evaluate({ datum, position, to })).loss,
      x: logprob,
      value: base.loss,
      magnitude,
      step: settings.step,
    });
    positions.push(await compared({ datum, position, logprob, analytic }, differences, settings));
  }
  // Once more, for a loss that changes while it is used.
  checkSame(base, await evaluateWhole());
  return summary(positions, settings.tolerance);
}

/** The difference quotient that agrees best with the analytic gradient, of the first few that tell something. */
async function compared(
  at: Pick<GradientAtPosition, 'datum' | 'position' | 'logprob' | 'analytic'>,
  differences: AsyncIterable<Derivative>,
  { tolerance }: Settings,
): Promise<GradientAtPosition> {
  let best: GradientAtPosition | undefined;
  let tries = 0;
  for await (const { value, slope, noise } of differences) {
    const difference = Math.abs(at.analytic - value);
    const size = Math.max(Math.abs(at.analytic), slope);
    const isResolved = difference === 0 || noise <= tolerance * size;
    // The smaller the step, the more hides behind the noise: only the first may end there.
    if (best !== undefined && !isResolved) break;
    const relativeError = difference === 0 ? 0 : difference / Math.max(size, noise / tolerance);
    if (best === undefined || relativeError < best.relativeError)
      best = { ...at, numeric: value, relativeError, isResolved };
    tries++;
    if (best.relativeError <= tolerance || tries === MAX_TRIES) break;
  }
  if (best !== undefined) return best;
  throw new TinkerInputError(
    'customLoss().loss',
    `must be finite near logprobs[${at.datum}][${at.position}], ${at.logprob}; it is not on both sides of it`,
  );
}

/** Positions to try: half of them with a gradient other than 0, as far as there are so many of each. */
function chosen(
  gradients: LossEvaluation['gradients'],
  samples: number,
  random: RandomSource,
): (readonly [datum: number, position: number])[] {
  const all = gradients.flatMap((row, datum) => row.map((value, position) => ({ datum, position, value })));
  const steep = all.filter(({ value }) => value !== 0);
  const flat = all.filter(({ value }) => value === 0);
  const fromSteep = Math.max(Math.ceil(samples / 2), samples - flat.length);
  const taken = [
    ...drawn(steep, fromSteep, random),
    ...drawn(flat, samples - Math.min(fromSteep, steep.length), random),
  ];
  return taken
    .sort((a, b) => a.datum - b.datum || a.position - b.position)
    .map(({ datum, position }) => [datum, position]);
}

/** So many items, or all, none twice. */
function drawn<T>(items: readonly T[], count: number, random: RandomSource): T[] {
  const rest = [...items];
  return Array.from({ length: Math.min(count, items.length) }, () => {
    const index = Math.floor(random() * rest.length);
    const last = rest.pop() as T;
    return index === rest.length ? last : (rest.splice(index, 1, last)[0] as T);
  });
}

function summary(positions: readonly GradientAtPosition[], tolerance: number): GradientCheck {
  const worst = positions.reduce((a, b) => (b.relativeError > a.relativeError ? b : a));
  const isRight = worst.relativeError <= tolerance && positions.some(({ isResolved }) => isResolved);
  return { isRight, worst, ratio: commonRatio(positions, tolerance), positions };
}

function commonRatio(positions: readonly GradientAtPosition[], tolerance: number): number | undefined {
  const resolved = positions.filter(({ isResolved }) => isResolved);
  const squares = resolved.reduce((sum, { numeric }) => sum + numeric * numeric, 0);
  if (squares === 0) return undefined;
  const ratio = resolved.reduce((sum, { analytic, numeric }) => sum + analytic * numeric, 0) / squares;
  // Against the mean gradient, too: one that is all but 0 has no ratio of its own.
  const least = Math.sqrt(squares / resolved.length);
  const isCommon = resolved.every(({ analytic, numeric }) => {
    const size = Math.max(Math.abs(numeric), least) * Math.max(Math.abs(ratio), 1);
    return Math.abs(analytic - ratio * numeric) <= tolerance * size;
  });
  return isCommon ? ratio : undefined;
}
