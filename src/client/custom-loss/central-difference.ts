/** A derivative by differences. */
export interface Derivative {
  /** The derivative. */
  readonly value: number;
  /** The steeper of the slopes to both sides at the smaller step: what an error is large or small against. */
  readonly slope: number;
  /** What the rounding of the function's values may have made of `value`, absolute. */
  readonly noise: number;
}

/** A function of one number, and where to take its derivative. */
export interface DerivativeAt {
  /** The function, asked for float32 values only. */
  readonly evaluate: (x: number) => Promise<number>;
  /** A float32. */
  readonly x: number;
  /** The function's value at `x`. */
  readonly value: number;
  /** Size of the sum the function's value is rounded from; at least its own. */
  readonly magnitude: number;
  /** The first step, relative to the larger of |x| and 1. */
  readonly step: number;
}

interface Slopes {
  readonly central: number;
  readonly steeper: number;
}

/** Each step is this much smaller than the one before. */
const RATIO = 8;
/** Float64 values of sums over some 100,000 terms are right to about this share. */
const ROUNDING = 2.2737367544323206e-13;

/**
 * The derivative at a float32, from pairs of smaller and smaller steps: the first is the most exact one for a smooth
 * function, later ones are for kinks and poles nearby. Steps are powers of two, so that most are exact float32 distances,
 * and divided by is the distance that a float32 can have. Steps to where the function is not finite give nothing.
 */
export async function* derivatives(at: DerivativeAt): AsyncGenerator<Derivative, void, undefined> {
  const { x, step, magnitude } = at;
  let wider: Slopes | undefined;
  for (let h = powerOfTwo(step * Math.max(Math.abs(x), 1)); h >= 4 * spacing(x); h /= RATIO) {
    const slopes = await slopesAt(at, h);
    if (wider !== undefined && slopes !== undefined) {
      // Richardson: a central difference is off by a multiple of the square of its step, and this takes it out.
      const value = slopes.central + (slopes.central - wider.central) / (RATIO * RATIO - 1);
      yield { value, slope: slopes.steeper, noise: (ROUNDING * magnitude) / h };
    }
    wider = slopes;
  }
}

async function slopesAt({ evaluate, x, value }: DerivativeAt, h: number): Promise<Slopes | undefined> {
  const above = Math.fround(x + h);
  const below = Math.fround(x - h);
  const right = ((await evaluate(above)) - value) / (above - x);
  const left = (value - (await evaluate(below))) / (x - below);
  if (!Number.isFinite(right) || !Number.isFinite(left)) return undefined;
  // Exact for parabolas, also where the two distances differ by a rounding.
  const central = (right * (x - below) + left * (above - x)) / (above - below);
  return { central, steeper: Math.max(Math.abs(left), Math.abs(right)) };
}

/** The power of two at or below a positive number. */
function powerOfTwo(value: number): number {
  return 2 ** Math.floor(Math.log2(value));
}

/** Distance of a float32 to the next. */
function spacing(x: number): number {
  return x === 0 ? 2 ** -149 : Math.max(powerOfTwo(Math.abs(x)) * 2 ** -23, 2 ** -149);
}
