/** IEEE 754 binary16: between the raw bit pattern an FP16 tensor holds and numbers, exactly. */

/** The exact value of a 16-bit pattern; every NaN pattern is NaN. */
export const float16ToNumber = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent < 31) return sign * (1024 + fraction) * 2 ** (exponent - 25);
  return fraction === 0 ? sign * Infinity : NaN;
};

/** At this size neighbouring doubles are 1 apart, so that adding it rounds to an integer, ties to even. */
const ROUND_TO_EVEN = 2 ** 52;
const SMALLEST_NORMAL = 2 ** -14;
/** Halfway between the largest half, 65504, and what would follow it; the tie goes to infinity. */
const OVERFLOW = 65_520;

/** Pattern of a magnitude below `OVERFLOW`. A carry out of the fraction lands in the exponent, where it belongs. */
const magnitudeBits = (magnitude: number): number => {
  if (magnitude < SMALLEST_NORMAL) return magnitude * 2 ** 24 + ROUND_TO_EVEN - ROUND_TO_EVEN;
  const exponent = 17 - Math.clz32(magnitude * 2 ** 14);
  const rounded = magnitude * 2 ** (10 - exponent) + ROUND_TO_EVEN - ROUND_TO_EVEN;
  return ((exponent + 14) << 10) + rounded;
};

/** The pattern nearest to `value`, ties to even, straight from the double; NaN is the quiet NaN 0x7e00. */
export const numberToFloat16 = (value: number): number => {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  return sign | (magnitude < OVERFLOW ? magnitudeBits(magnitude) : 0x7c00);
};
