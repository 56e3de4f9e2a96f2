/** The README of the bundle: data, metrics, limits. */
import type { Trained } from './build.ts';

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

const nominalLines = ({ view }: Trained): string[] =>
  view.series
    .flatMap((step) => (step.op === 'scale' && step.method === 'z-score' ? Object.entries(step.constants) : []))
    .map(([channel, { mean, std }]) => `- ${channel}: ${mean} ± ${std}`);

export const modelCard = (trained: Trained): string => `# pump-anomaly 1.0.0

An autoencoder over ${trained.featureNames.length} statistics of one minute of eight channels of a circulation pump. \`score\` is the mean squared error
of its reconstruction, \`contributions\` the error of each feature: what looks strange. Above ${trained.threshold} the window is an anomaly.

## Data

Made by \`train/pump-anomaly\` from a seed: simulated healthy pumps of one type, each a little different, in rooms of 21 to 26 °C, with
lost and repeated samples. No recorded data went in. Samples of the healthy fleet, mean and
standard deviation:

${nominalLines(trained).join('\n')}

## Metrics

On simulated pumps it never saw: false alarms ${percent(trained.falseAlarms)} of windows; ${Object.entries(
  trained.detected,
)
  .map(([name, share]) => `${name} found in ${percent(share)}`)
  .join('; ')}.

## Limits

The constants are those of one type of pump at one operating point. A pump that runs elsewhere looks strange throughout: it needs
its own constants and threshold.

## Licence

Apache-2.0, weights and code.
`;
