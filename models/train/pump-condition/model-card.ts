/** The README of the bundle: data, accuracy by condition, limits. */
import { ALARM_FROM, type TrainedClassifier } from './build.ts';
import { CONDITIONS } from './pump-conditions.ts';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** As the formatter of this repository writes a table: cells padded, numbers to the right. */
const aligned = (rows: readonly (readonly string[])[]): string => {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [head.map(pad), rule, ...body.map((row) => row.map(pad))]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
};

const table = ({ confusion, alarmed }: TrainedClassifier): string =>
  aligned([
    ['shown', ...CONDITIONS, 'alarm'],
    ...CONDITIONS.map((shown) => {
      const labels = CONDITIONS.map((label) => percent(confusion[shown][label]));
      return [shown, ...labels, percent(alarmed[shown])];
    }),
  ]);

export const modelCard = (trained: TrainedClassifier): string => `# pump-condition 1.0.0

A dense network (TensorFlow.js layers model, ${trained.featureNames.length} features) that names the condition of a circulation pump from one minute of its eight
channels: ${CONDITIONS.join(', ')}. \`probabilities\` holds one number per condition; the largest is the label, and
a label other than normal is an alarm from ${ALARM_FROM} on.

## Data

Made by \`train/pump-condition\` from a seed: simulated pumps of one type, their constants within two percent of each other, each window of
another pump, with lost and repeated samples, a fault still growing in a fifth of the windows. Faults are drawn from
what such sensors can show at all up to full: a valve closed by a tenth, six tenths of the largest leak, eight percent of the
heaviest imbalance, a fifth of full cavitation. No recorded data went in.

## Accuracy

Labels given to windows of pumps it never saw, 300 for each condition, and how many of them raise an alarm:

${table(trained)}

## Limits

A leak is told from a healthy pump by one to two percent of flow, and healthy sisters differ by as much: without the
pump's own history such a leak is seen in most windows, never in all of them, and a few healthy pumps are taken for leaking ones. One that empties
the tank shows plainly. A valve closed by less than a fifth may be taken for a leak. Two faults at once get one label. A
pump of another type or at another operating point needs a model of its own.

## Licence

Apache-2.0, weights and code.
`;
