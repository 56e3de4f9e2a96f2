/** The static gate of TensorFlow.js models: what model.json says is checked before TensorFlow.js sees a byte of it. */
import type { BundleManifest } from '../bundle/manifest.ts';
import { elementsOf } from './onnx-model.ts';
import { readTfjsModel, refuse, type TfjsModelFile, type TfjsWeight } from './tfjs-model-file.ts';
import { checkTopology } from './tfjs-topology.ts';

/** Length in bytes of every weight file, by bundle path. */
export type WeightSizes = ReadonlyMap<string, number>;

const ELEMENT_BYTES = { float32: 4, int32: 4, bool: 1, string: 4, uint8: 1, uint16: 2, float16: 2 } as const;
const MEGABYTE = 1_048_576;

/** As stored; a string takes four bytes for its length, and what it holds. */
const storedBytes = ({ shape, dtype, quantization }: TfjsWeight): number =>
  elementsOf(shape) * ELEMENT_BYTES[quantization?.dtype ?? dtype];

const residentBytes = ({ shape, dtype }: TfjsWeight): number => elementsOf(shape) * ELEMENT_BYTES[dtype];

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Each file is named once, listed as weights in the manifest, and there. */
const checkPaths = ({ weightPaths }: TfjsModelFile, { files }: BundleManifest, sizes: WeightSizes): void => {
  const listed = files.filter(({ role }) => role === 'weights').map(({ path }) => path);
  const stranger = weightPaths.find((path) => !listed.includes(path) || !sizes.has(path));
  if (stranger !== undefined) refuse(`its weights ${stranger.slice(0, 100)} are not listed in the manifest`);
  if (new Set(weightPaths).size !== weightPaths.length) refuse('it names a weights file twice');
  const unnamed = listed.find((path) => !weightPaths.includes(path));
  if (unnamed !== undefined) refuse(`it does not name ${unnamed}, which the manifest lists as weights`);
};

/** The declared weights of a group fill its shards exactly; strings only at least. */
const checkGroups = ({ weightsManifest, weightPaths }: TfjsModelFile, sizes: WeightSizes): void => {
  let first = 0;
  for (const { paths, weights } of weightsManifest) {
    const there = sum(weightPaths.slice(first, first + paths.length).map((path) => sizes.get(path) ?? 0));
    const declared = sum(weights.map(storedBytes));
    first += paths.length;
    const agrees = weights.some(({ dtype }) => dtype === 'string') ? declared <= there : declared === there;
    if (!agrees)
      refuse(`the weights of ${paths[0]?.slice(0, 100)} are declared to be ${declared} bytes and are ${there}`);
  }
};

const checkMemory = ({ weightsManifest }: TfjsModelFile, { resources }: BundleManifest): void => {
  const needed = sum(weightsManifest.flatMap(({ weights }) => weights).map(residentBytes));
  if (needed > resources.memoryMb * MEGABYTE)
    refuse(`its weights take ${needed} bytes, resources.memoryMb promises ${resources.memoryMb}`);
};

/** Throws MODEL_GATE_REFUSED with the first fault. Takes time and memory in proportion to the file. */
export const checkTfjsModel = (manifest: BundleManifest, modelJson: Uint8Array, weights: WeightSizes): void => {
  const file = readTfjsModel(manifest, modelJson);
  checkPaths(file, manifest, weights);
  checkGroups(file, weights);
  checkMemory(file, manifest);
  checkTopology(file);
};
