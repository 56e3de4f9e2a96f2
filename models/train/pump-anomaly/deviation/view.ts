/** What version 1.1.0 looks at: the features of half a minute, what counts as a change of each, and which way of it is bad. */
import type { FeatureView } from '@shoal/models';
import { CHANNELS } from '../pump-signal.ts';

/**
 * Half a minute is the shortest window whose mean flow is known to a quarter of its tolerance: a reading wanders by 0.4 to
 * 0.5 l/min, its mean over 30 by 0.08. Longer ones tell changes of state later.
 */
export const WINDOW = {
  channels: [...CHANNELS],
  sampleRateHz: 1,
  lengthMs: 30_000,
  hopMs: 10_000,
  minCoverage: 0.5,
};

/** Channels whose unrest within a window tells something: bubbles and loose parts shake what a mean hides. */
const RESTLESS = ['Accelerometer1RMS', 'Accelerometer2RMS', 'Volume Flow RateRMS'];

/** A gap may be as long as the window: every window that is planned has a vector, unless a channel is missing altogether. */
export const featureView: FeatureView = {
  name: 'pump-half-minute',
  revision: 1,
  channels: [...CHANNELS],
  resample: { op: 'resample', rateHz: 1, method: 'linear', maxGapMs: WINDOW.lengthMs, missing: { policy: 'fail' } },
  series: [],
  features: [
    { op: 'statistics', of: ['mean'], quantiles: [] },
    { op: 'statistics', channels: RESTLESS, of: ['std'], quantiles: [] },
  ],
};

export interface Rule {
  readonly feature: string;
  /** What counts as a change: in the unit of the feature, and of the device's normal value. */
  readonly absolute: number;
  readonly relative: number;
  /** Weight of a deviation of one tolerance upwards and downwards. */
  readonly up: number;
  readonly down: number;
  readonly why: string;
}

/** In the order of the view. */
export const RULES: readonly Rule[] = [
  {
    feature: 'Accelerometer1RMS.mean',
    absolute: 0,
    relative: 0.15,
    up: 1,
    down: 0.5,
    why: 'between the 10 % that couplings settle by and the 25 % that ISO 20816 calls significant; a machine that shakes less is rarely ill',
  },
  {
    feature: 'Accelerometer2RMS.mean',
    absolute: 0,
    relative: 0.15,
    up: 1,
    down: 0.5,
    why: 'as the other accelerometer',
  },
  {
    feature: 'Current.mean',
    absolute: 0,
    relative: 0.5,
    up: 1,
    down: 1,
    why: 'the mains ripple alone moves the mean by 30 %',
  },
  {
    feature: 'Pressure.mean',
    absolute: 0.5,
    relative: 0,
    up: 1,
    down: 1,
    why: 'one and a half steps of its converter',
  },
  {
    feature: 'Temperature.mean',
    absolute: 12,
    relative: 0,
    up: 1,
    down: 0.25,
    why: 'starts, rests and rooms move a motor by 10 °C; a cool motor is no fault',
  },
  {
    feature: 'Thermocouple.mean',
    absolute: 3.5,
    relative: 0,
    up: 1,
    down: 0.25,
    why: 'the pump warms its water by 2.5 °C over hours; faster is foreign heat',
  },
  {
    feature: 'Voltage.mean',
    absolute: 0,
    relative: 0.12,
    up: 1,
    down: 1,
    why: 'the tolerance of the public supply (EN 50160: 10 %) and the ripple of the meter',
  },
  {
    feature: 'Volume Flow RateRMS.mean',
    absolute: 0,
    relative: 0.01,
    up: 0.25,
    down: 1,
    why: 'the accuracy of industrial flow meters; whatever blocks, leaks or draws air lowers the flow, a rise is mostly a return',
  },
  {
    feature: 'Accelerometer1RMS.std',
    absolute: 0,
    relative: 2.5,
    up: 1,
    down: 0,
    why: 'the unrest of a steady machine doubles now and then',
  },
  {
    feature: 'Accelerometer2RMS.std',
    absolute: 0,
    relative: 2.5,
    up: 1,
    down: 0,
    why: 'as the other accelerometer',
  },
  {
    feature: 'Volume Flow RateRMS.std',
    absolute: 0.75,
    relative: 1.25,
    up: 1,
    down: 0,
    why: 'a flow that stands on one step of its meter has no unrest at all',
  },
];

export const tolerances = Object.fromEntries(
  RULES.map(({ feature, absolute, relative }) => [feature, { absolute, relative }]),
);

/** How a device finds its own normal; the figures behind each are in the card. */
export const CALIBRATION = {
  method: 'device-normal' as const,
  /** Six to seven minutes at 1 Hz. */
  samples: 400,
  minimumWindows: 5,
  tolerances,
  clip: 100,
  /** A device that wanders by more than the tolerances while it is normal is given a fifth more than it wandered. */
  quantile: 0.99,
  factor: 1.2,
  steadyFactor: 4,
};

/** A deviation of one tolerance. */
export const THRESHOLD = 1;
