/** What a prediction says of a model's outputs: pure. */
import type { BundleManifest } from '@shoal/models';
import type { Tensors } from '@shoal/protocol/wire';

type Named = readonly (readonly [name: string, value: number])[];

/** A model of classes answers with a probability by label, every other output with its value when it has one only. */
const namesOf = (rule: BundleManifest['postProcessing'], outputs: Tensors): Named =>
  Object.entries(outputs).flatMap(([name, { data }]): Named => {
    if (rule.kind === 'classes' && name === rule.probabilitiesOutput)
      return rule.labels.map((label, i) => [label, Number(data[i])]);
    return data.length === 1 ? [[name, Number(data[0])]] : [];
  });

/** What a prediction carries of the outputs; values that are not finite are left out. */
export const namedOutputs = ({ postProcessing }: BundleManifest, outputs: Tensors): Record<string, number> =>
  Object.fromEntries(
    namesOf(postProcessing, outputs)
      .filter(([, value]) => Number.isFinite(value))
      .map(([name, value]) => [name.slice(0, 64), value]),
  );
