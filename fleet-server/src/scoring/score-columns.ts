/** Which numbers of a model are kept of each entity, and what they are called. */
import type { BundleManifest } from '@shoal/models';
import type { TensorSpec } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import type { ScoreColumn } from '../ports/score-store.ts';

const MAX_COLUMNS = 256;
/** Everything else fits a double, or is a double. */
const SINGLE: ReadonlySet<string> = new Set(['FP32', 'FP16']);

const widthOf = ({ shape: [, ...rest] }: TensorSpec): number => rest.reduce((product, size) => product * size, 1);

const namesOf = ({ postProcessing }: BundleManifest, output: TensorSpec): string[] => {
  const width = widthOf(output);
  if (width === 1) return [output.name];
  const labels =
    postProcessing.kind === 'classes' && postProcessing.probabilitiesOutput === output.name
      ? postProcessing.labels
      : [];
  return Array.from({ length: width }, (_, index) => `${output.name}.${labels[index] ?? index}`);
};

/**
 * In the order of the outputs: `output` where a row has one number, else `output.label` or `output.index`.
 * @throws FleetError SCORING_MODEL_UNFIT for a model that does not score rows of numbers into rows of numbers
 */
export const columnsOf = (manifest: BundleManifest): ScoreColumn[] => {
  const { inputs, outputs } = manifest.signature;
  const [input] = inputs;
  const isTabular = inputs.length === 1 && input?.datatype === 'FP32' && input.shape.length === 2;
  const isBatch = [...inputs, ...outputs].every(({ shape }) => shape[0] === -1);
  const isFixed = [...inputs, ...outputs].every(({ shape }) => shape.slice(1).every((size) => size > 0));
  const isNumeric = outputs.every(({ datatype }) => datatype !== 'BYTES');
  const columns = outputs.flatMap((output) =>
    namesOf(manifest, output).map((name) => ({
      name,
      type: SINGLE.has(output.datatype) ? ('f32' as const) : ('f64' as const),
    })),
  );
  if (isTabular && isBatch && isFixed && isNumeric && columns.length <= MAX_COLUMNS) return columns;
  throw new FleetError(
    'SCORING_MODEL_UNFIT',
    `${manifest.name} does not turn one FP32 tensor [-1, features] into at most ${MAX_COLUMNS} numbers a row.`,
  );
};
