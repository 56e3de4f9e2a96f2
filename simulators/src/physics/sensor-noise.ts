/** What the instruments make of the truth: noise, mains ripple caught at a random phase, and steps of the converters. */
import { gaussian, type Random } from '../seeded-random.ts';
import type { PumpChannel, PumpValues } from './channels.ts';

interface Instrument {
  /** Standard deviation in the channel's unit. */
  readonly noise: number;
  /** Amplitude of the ripple: a part of the value, for meters whose integration time is no whole number of mains periods. */
  readonly ripple: number;
  /** Smallest step of the converter, and where its grid lies. */
  readonly step: number;
  readonly gridAt: number;
}

/** Fitted by eye to the spread, the step sizes and the sample-to-sample differences of SKAB's channels. */
const INSTRUMENTS: Readonly<Record<PumpChannel, Instrument>> = {
  Accelerometer1RMS: { noise: 0.0003, ripple: 0, step: 1e-7, gridAt: 0 },
  Accelerometer2RMS: { noise: 0.0009, ripple: 0, step: 1e-7, gridAt: 0 },
  Current: { noise: 0.1, ripple: 0.36, step: 1e-5, gridAt: 0 },
  Pressure: { noise: 0.24, ripple: 0, step: 0.327927, gridAt: 0.054711 },
  Temperature: { noise: 0.1, ripple: 0, step: 1e-4, gridAt: 0 },
  Thermocouple: { noise: 0.005, ripple: 0, step: 1e-4, gridAt: 0 },
  Voltage: { noise: 3.5, ripple: 0.063, step: 1e-3, gridAt: 0 },
  'Volume Flow RateRMS': { noise: 0.4, ripple: 0, step: 1 / 3, gridAt: 0 },
};

const quantise = (value: number, { step, gridAt }: Instrument): number =>
  Number((Math.round((value - gridAt) / step) * step + gridAt).toFixed(7));

/** Draws three numbers per channel, in channel order, whatever the values: streams stay aligned between runs. */
export const measure = (truth: PumpValues, random: Random): PumpValues => {
  const measured = { ...truth };
  for (const [name, instrument] of Object.entries(INSTRUMENTS)) {
    const channel = name as PumpChannel;
    const ripple = instrument.ripple * truth[channel] * Math.sin(2 * Math.PI * random());
    measured[channel] = quantise(truth[channel] + ripple + instrument.noise * gaussian(random), instrument);
  }
  return measured;
};
