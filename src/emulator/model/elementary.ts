/*
 * exp, log, sin and cos from + - * / and sqrt alone: engines disagree in the last bits of their `Math`
 * functions, and the model promises the same bits everywhere.
 */

/** The exponents of normal doubles; the table below holds 2^k at index k - MIN_EXPONENT. */
const MIN_EXPONENT = -1022;
const MAX_EXPONENT = 1023;
const POWERS_OF_TWO = /* @__PURE__ */ powersOfTwo();

/** 2^(i/32) for i from 0 to 31. */
const ROOTS_OF_TWO = /* @__PURE__ */ rootsOfTwo();

/** ln 2 as a part of 32 bits, exact when multiplied by a small integer, and the rest. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const STEPS_PER_UNIT = 46.16624130844683;
const STEP_HIGH = LN2_HIGH / 32;
const STEP_LOW = LN2_LOW / 32;

const EXP_LARGE = 709.7;
const EXP_OVERFLOW = 709.782712893384;
const EXP_UNDERFLOW = -708.3;
const SQRT_E = 1.6487212707001282;

/** pi/2 in three parts, the first two of 33 bits. */
const HALF_PI_HIGH = 1.5707963267341256;
const HALF_PI_MIDDLE = 6.077100506303966e-11;
const HALF_PI_LOW = 2.0222662487959506e-21;
const QUARTERS_PER_RADIAN = 0.6366197723675814;

/**
 * e to the power `x`, within 3e-15 of the true value, relative to it. exp(0) is exactly 1; from 709.79 on the
 * result is Infinity, below -708.3 it is 0 (never a subnormal number); NaN stays NaN.
 *
 * With x = (32k + i) ln2/32 + r and |r| <= ln2/64, tables supply 2^k and 2^(i/32), and five terms of the power
 * series the rest: the next one is below 3e-15.
 */
export function exp(x: number): number {
  if (!(x <= EXP_LARGE)) return expLarge(x);
  if (x < EXP_UNDERFLOW) return 0;
  const steps = Math.floor(x * STEPS_PER_UNIT + 0.5);
  const whole = steps | 0;
  const r = x - steps * STEP_HIGH - steps * STEP_LOW;
  const tail = r + r * r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120))));
  const root = ROOTS_OF_TWO[whole & 31]!;
  return (root + root * tail) * POWERS_OF_TWO[(whole >> 5) - MIN_EXPONENT]!;
}

function expLarge(x: number): number {
  if (x > EXP_OVERFLOW) return Number.POSITIVE_INFINITY;
  return Number.isNaN(x) ? x : exp(x - 0.5) * SQRT_E;
}

/**
 * The natural logarithm of `x`, within 1e-15 of the true value relative to it. log(0) is -Infinity, log(Infinity)
 * is Infinity; negative numbers and NaN give NaN.
 *
 * With x = 2^k m and m in [sqrt(1/2), sqrt(2)), log m = 2 atanh(s), s = (m - 1) / (m + 1), by its power series.
 */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  if (x < POWERS_OF_TWO[0]!) return log(x * 0x40_0000_0000_0000) - 54 * LN2_HIGH - 54 * LN2_LOW;
  let exponent = exponentOf(x);
  let mantissa = x / POWERS_OF_TWO[exponent - MIN_EXPONENT]!;
  if (mantissa > Math.SQRT2) {
    mantissa *= 0.5;
    exponent++;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let series = 0;
  for (let odd = 23; odd >= 3; odd -= 2) series = square * (1 / odd + series);
  return exponent * LN2_HIGH + (2 * s + (2 * s * series + exponent * LN2_LOW));
}

/** Sine and cosine of an angle. */
export interface SineCosine {
  readonly sine: number;
  readonly cosine: number;
}

/**
 * Sine and cosine of `angle` in radians, each within 3e-16 of the true value for |angle| <= 100 000. Meant for
 * tables: it allocates its result.
 *
 * The angle is reduced to within pi/4 of a multiple of pi/2, then the power series of both suffices.
 */
export function sineCosine(angle: number): SineCosine {
  const quarters = Math.floor(angle * QUARTERS_PER_RADIAN + 0.5);
  const r = angle - quarters * HALF_PI_HIGH - quarters * HALF_PI_MIDDLE - quarters * HALF_PI_LOW;
  const square = r * r;
  let sine = 0;
  let cosine = 0;
  for (let n = 18; n >= 2; n -= 2) {
    sine = (-square / (n * (n + 1))) * (1 + sine);
    cosine = (-square / (n * (n - 1))) * (1 + cosine);
  }
  sine = r + r * sine;
  cosine += 1;
  const quadrant = quarters & 3;
  if (quadrant === 0) return { sine, cosine };
  if (quadrant === 1) return { sine: cosine, cosine: -sine };
  return quadrant === 2 ? { sine: -sine, cosine: -cosine } : { sine: -cosine, cosine: sine };
}

/** k with 2^k <= x < 2^(k+1), for a normal positive x. */
function exponentOf(x: number): number {
  let low = MIN_EXPONENT;
  let high = MAX_EXPONENT;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (POWERS_OF_TWO[middle - MIN_EXPONENT]! <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}

function powersOfTwo(): Float64Array {
  const powers = new Float64Array(MAX_EXPONENT - MIN_EXPONENT + 1);
  powers[-MIN_EXPONENT] = 1;
  for (let k = 1; k <= MAX_EXPONENT; k++) powers[k - MIN_EXPONENT] = powers[k - 1 - MIN_EXPONENT]! * 2;
  for (let k = -1; k >= MIN_EXPONENT; k--) powers[k - MIN_EXPONENT] = powers[k + 1 - MIN_EXPONENT]! / 2;
  return powers;
}

function rootsOfTwo(): Float64Array {
  const roots = new Float64Array(32).fill(1);
  let root = 2;
  for (let bit = 16; bit >= 1; bit >>= 1) {
    root = Math.sqrt(root);
    for (let i = 0; i < 32; i++) if ((i & bit) !== 0) roots[i] = roots[i]! * root;
  }
  return roots;
}
