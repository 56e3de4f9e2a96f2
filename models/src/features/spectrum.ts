/** The one-sided power spectrum of a series and what is read from it. */
import FFT from 'fft.js';

/** `power[k]` belongs to k * binHz; the powers add up to the Hann-weighted variance of the series. */
export interface Spectrum {
  readonly power: Float64Array;
  readonly binHz: number;
}

/** The next power of two, at least 2: what the transform takes. */
const transformSize = (length: number): number => 2 ** Math.max(1, Math.ceil(Math.log2(length)));

/** Periodic Hann window; a single sample has weight 1. */
const hann = (index: number, length: number): number =>
  length === 1 ? 1 : 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / length);

/** Mean removed, Hann window, zeros up to a power of two (Welch 1967, one segment). */
export const powerSpectrum = (series: Float64Array, rateHz: number): Spectrum => {
  const size = transformSize(series.length);
  const mean = series.reduce((total, value) => total + value, 0) / series.length;
  const input = Array.from({ length: size }, () => 0);
  let weightSquared = 0;
  for (let i = 0; i < series.length; i += 1) {
    const weight = hann(i, series.length);
    weightSquared += weight * weight;
    input[i] = ((series[i] ?? 0) - mean) * weight;
  }
  const fft = new FFT(size);
  const output: number[] = fft.createComplexArray() as number[];
  fft.realTransform(output, input);
  const half = size / 2;
  const power = new Float64Array(half + 1);
  for (let k = 0; k <= half; k += 1) {
    const sides = k === 0 || k === half ? 1 : 2;
    power[k] = (sides * ((output[2 * k] ?? 0) ** 2 + (output[2 * k + 1] ?? 0) ** 2)) / (size * weightSquared);
  }
  return { power, binHz: rateHz / size };
};

/** Power in [lowHz, highHz). */
export const bandEnergy = ({ power, binHz }: Spectrum, [lowHz, highHz]: readonly [number, number]): number =>
  power.reduce((total, value, k) => (k * binHz >= lowHz && k * binHz < highHz ? total + value : total), 0);

/** Hz, weighted by power; 0 for a constant series. */
export const spectralCentroid = ({ power, binHz }: Spectrum): number => {
  const total = power.reduce((sum, value) => sum + value, 0);
  return total > 1e-24 ? power.reduce((sum, value, k) => sum + value * k * binHz, 0) / total : 0;
};

/** Hz of the strongest bin, the lowest of equals; 0 for a constant series. */
export const dominantFrequency = ({ power, binHz }: Spectrum): number => {
  let best = 0;
  for (let k = 1; k < power.length; k += 1) if ((power[k] ?? 0) > Math.max(power[best] ?? 0, 1e-24)) best = k;
  return best * binHz;
};
