/** The pure evaluator of a feature view: resampled series, then series steps, then features. */
import type { FeatureStep, FeatureView, ScaleStep, SeriesStep, SpectralStep, StatisticsStep } from './feature-view.ts';
import { checkWindow, gridLength, resampleChannel, type SampleWindow } from './resample.ts';
import { bandEnergy, dominantFrequency, powerSpectrum, spectralCentroid } from './spectrum.ts';
import { quantile, STATISTIC_FORMULAS } from './window-statistics.ts';

/** By channel, in the order of the view. */
type SeriesByChannel = ReadonlyMap<string, Float64Array>;

/** A feature before it becomes part of the vector. */
export type NamedFeature = readonly [name: string, value: number];

const centerAndSpread = (step: ScaleStep, channel: string): readonly [number, number] | null => {
  if (!Object.hasOwn(step.constants, channel)) return null;
  if (step.method === 'z-score') {
    const constants = step.constants[channel];
    return constants === undefined ? null : [constants.mean, constants.std];
  }
  if (step.method === 'min-max') {
    const constants = step.constants[channel];
    return constants === undefined ? null : [constants.min, constants.max - constants.min];
  }
  const constants = step.constants[channel];
  return constants === undefined ? null : [constants.median, constants.iqr];
};

const scale = (step: ScaleStep, channel: string, series: Float64Array): Float64Array => {
  const constants = centerAndSpread(step, channel);
  if (constants === null) return series;
  const [center, spread] = constants;
  return series.map((value) => (value - center) / spread);
};

const difference = (series: Float64Array, lag: number): Float64Array =>
  series.subarray(lag).map((value, i) => value - (series[i] ?? 0));

const applies = (step: { readonly channels?: string[] | undefined }, channel: string): boolean =>
  step.channels?.includes(channel) ?? true;

const applySeriesStep = (step: SeriesStep, channel: string, series: Float64Array): Float64Array => {
  if (step.op === 'scale') return scale(step, channel, series);
  if (!applies(step, channel)) return series;
  if (step.op === 'clip') return series.map((value) => Math.min(step.max, Math.max(step.min, value)));
  return difference(series, step.lag);
};

const statisticFeatures = (step: StatisticsStep, channel: string, input: GridSeries): NamedFeature[] => [
  ...step.of.map((name): NamedFeature => [`${channel}.${name}`, STATISTIC_FORMULAS[name](input.series, input.rateHz)]),
  ...step.quantiles.map((share): NamedFeature => [`${channel}.quantile-${share}`, quantile(input.series, share)]),
];

const spectralFeatures = (step: SpectralStep, channel: string, input: GridSeries): NamedFeature[] => {
  const spectrum = powerSpectrum(input.series, input.rateHz);
  return [
    ...step.bandsHz.map(([low, high]): NamedFeature => [
      `${channel}.band-${low}-${high}-hz`,
      bandEnergy(spectrum, [low, high]),
    ]),
    ...step.of.map((name): NamedFeature => [
      `${channel}.${name}`,
      name === 'centroid' ? spectralCentroid(spectrum) : dominantFrequency(spectrum),
    ]),
  ];
};

interface GridSeries {
  readonly series: Float64Array;
  readonly rateHz: number;
}

const channelFeatures = (step: FeatureStep, channel: string, input: GridSeries): NamedFeature[] => {
  switch (step.op) {
    case 'statistics':
      return statisticFeatures(step, channel, input);
    case 'spectral':
      return spectralFeatures(step, channel, input);
    case 'flatten':
      return Array.from(input.series, (value, i): NamedFeature => [`${channel}[${i}]`, value]);
  }
};

const reduceSeries = (view: FeatureView, series: SeriesByChannel): NamedFeature[] =>
  view.features.flatMap((step) =>
    (step.channels ?? view.channels).flatMap((channel) =>
      channelFeatures(step, channel, {
        series: series.get(channel) ?? new Float64Array(0),
        rateHz: view.resample.rateHz,
      }),
    ),
  );

const applySeries = (view: FeatureView, first: (channel: string) => Float64Array): SeriesByChannel =>
  new Map(
    view.channels.map((channel) => [
      channel,
      view.series.reduce((series, step) => applySeriesStep(step, channel, series), first(channel)),
    ]),
  );

/** Features in the order of the view, not yet checked. Throws WINDOW_SHAPE_INVALID, WINDOW_INCOMPLETE. */
export const windowFeatures = (view: FeatureView, window: SampleWindow): NamedFeature[] => {
  checkWindow(window);
  return reduceSeries(
    view,
    applySeries(view, (channel) => resampleChannel(window, channel, view.resample)),
  );
};

/** The names a window of `lengthMs` gives, in order: the evaluator run over a window of zeros. */
export const featureNames = (view: FeatureView, lengthMs: number): string[] => {
  const length = gridLength(lengthMs, view.resample.rateHz);
  return reduceSeries(
    view,
    applySeries(view, () => new Float64Array(length)),
  ).map(([name]) => name);
};
