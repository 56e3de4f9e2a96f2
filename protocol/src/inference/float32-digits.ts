/** The shortest decimals that read back as given float32 values: half the digits of the doubles that equal them. */

/** Powers of ten that a double holds exactly. */
const TENS = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));

/** Outside these an exact power of ten no longer scales eight digits to an integer. */
const SCALED_FROM = 1e-13;
const SCALED_BELOW = 1e9;

/** Every decimal of six digits survives a normal float32, nine always tell one apart (C11 5.2.4.2.2: FLT_DIG, FLT_DECIMAL_DIG). */
const SURVIVING_DIGITS = 6;
const TELLING_DIGITS = 9;

/** Tries the nearest decimal of six digits, then of more. No power of two in its range needs `bySearching`: a test tries all. */
const byScaling = (magnitude: number, leading: number): number => {
  for (let digits = SURVIVING_DIGITS; digits < TELLING_DIGITS; digits += 1) {
    const decimals = digits - 1 - leading;
    const ten = TENS[Math.abs(decimals)] as number;
    const short = decimals < 0 ? Math.floor(magnitude / ten + 0.5) * ten : Math.floor(magnitude * ten + 0.5) / ten;
    if (Math.fround(short) === magnitude) return short;
  }
  return Number(magnitude.toPrecision(TELLING_DIGITS));
};

/** Tries the two decimals around: below a power of two the neighbour is near, and the farther one above may be the shorter. */
const bySearching = (magnitude: number, fromDigits: number): number => {
  for (let digits = fromDigits; digits < TELLING_DIGITS; digits += 1) {
    const [mantissa = '', exponent = ''] = magnitude.toExponential(digits - 1).split('e');
    const units = Number(mantissa.replace('.', ''));
    for (const near of [units, units + 1]) {
      const short = Number(`${near}e${Number(exponent) - digits + 1}`);
      if (Math.fround(short) === magnitude) return short;
    }
  }
  return Number(magnitude.toPrecision(TELLING_DIGITS));
};

const SMALLEST_NORMAL = 2 ** -126;

/** Of a positive finite value. A subnormal has fewer than the bits that six digits survive. */
const shortest = (magnitude: number): number => {
  if (magnitude < SMALLEST_NORMAL) return bySearching(magnitude, 1);
  return magnitude >= SCALED_FROM && magnitude < SCALED_BELOW
    ? byScaling(magnitude, Math.floor(Math.log10(magnitude)))
    : bySearching(magnitude, SURVIVING_DIGITS);
};

/**
 * For every float32 the double whose shortest decimal is also the shortest that reads back as that float32:
 * 0.1 instead of 0.10000000149011612. Zeros keep their sign; what is not finite stays.
 */
export const shortestDoubles = (values: Float32Array): Float64Array => {
  const doubles = new Float64Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as number;
    const isWritten = value !== 0 && Number.isFinite(value);
    const short = isWritten ? shortest(Math.abs(value)) : value;
    doubles[index] = value < 0 && isWritten ? -short : short;
  }
  return doubles;
};
