/** TensorFlow.js as the serve loop drives it: gate, load, rehearse, and one run after the other without a tensor left behind. */
import type { Tensor, Tensors, TensorSpec } from '@shoal/protocol/wire';
import { elementsOf } from '../../gate/onnx-model.ts';
import { checkTfjsModel } from '../../gate/tfjs-gate.ts';
import type { ModelAnswer, ModelContent, ModelRuntime, ModelSession } from '../session/model-runtime.ts';
import type { OpenTensorFlow, TensorFlow } from './open-tensorflow.ts';
import { loadTfjsModel, type TfjsModel } from './tfjs-model.ts';
import { fromTfjs, toTfjs } from './tfjs-tensors.ts';

/** Has every kernel, and is the slowest. */
const COMPLETE_BACKEND = 'cpu';
const MISSING_KERNEL = /Kernel '(\w+)' not registered for backend/;

const runModel = (tf: TensorFlow, model: TfjsModel, inputs: Tensors, outputs: readonly string[]): ModelAnswer => {
  let elapsedMs = 0;
  const answers: [string, Tensor][] = [];
  tf.tidy(() => {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toTfjs(tf, tensor)]));
    const startedAt = performance.now();
    for (const [i, tensor] of model.run(feeds, outputs).entries())
      answers.push([outputs[i] ?? '', fromTfjs(tf, tensor)]);
    elapsedMs = performance.now() - startedAt;
  });
  return { outputs: Object.fromEntries(answers), elapsedMs };
};

const zerosOf = ({ datatype, shape }: TensorSpec): Tensor => {
  const fixed = shape.map((size) => (size === -1 ? 1 : size));
  const length = elementsOf(fixed);
  if (datatype === 'BYTES') return { datatype, shape: fixed, data: Array.from({ length }, () => new Uint8Array(0)) };
  if (datatype === 'FP32') return { datatype, shape: fixed, data: new Float32Array(length) };
  return { datatype, shape: fixed, data: datatype === 'BOOL' ? new Uint8Array(length) : new Int32Array(length) };
};

/** The kernel the backend lacks for this model; null when a run on zeros meets none. Every operator runs: the gate lets no branch in. */
const missingKernel = (tf: TensorFlow, model: TfjsModel): string | null => {
  try {
    const inputs = Object.fromEntries(model.inputs.map((spec) => [spec.name, zerosOf(spec)]));
    runModel(
      tf,
      model,
      inputs,
      model.outputs.map(({ name }) => name),
    );
    return null;
  } catch (error) {
    // Anything else zeros may be to blame for: golden vectors judge the model.
    return MISSING_KERNEL.exec(String(error))?.[1] ?? null;
  }
};

const sessionOf = (tf: TensorFlow, model: TfjsModel, backend: string, runtime: string): ModelSession => ({
  inputs: model.inputs,
  outputs: model.outputs,
  runtime,
  run: async (inputs, outputs) => {
    if (tf.getBackend() !== backend) await tf.setBackend(backend);
    return runModel(tf, model, inputs, outputs);
  },
  release: async () => model.dispose(),
});

export const tfjsRuntime = ({ tf, backend }: OpenTensorFlow): ModelRuntime => {
  const describe = (name: string): string => `TensorFlow.js ${tf.version.tfjs} ${name}`;
  const loadOn = async (content: ModelContent, name: string): Promise<TfjsModel> => {
    await tf.setBackend(name);
    return loadTfjsModel(tf, content);
  };
  const load = async (content: ModelContent): Promise<ModelSession> => {
    const sizes = new Map([...content.weights].map(([path, { byteLength }]) => [path, byteLength]));
    checkTfjsModel(content.manifest, content.model, sizes);
    const model = await loadOn(content, backend);
    const missing = missingKernel(tf, model);
    if (missing === null) return sessionOf(tf, model, backend, describe(backend));
    model.dispose();
    const slower = await loadOn(content, COMPLETE_BACKEND);
    const why = `${describe(COMPLETE_BACKEND)} (slow: the ${backend} backend has no kernel ${missing})`;
    return sessionOf(tf, slower, COMPLETE_BACKEND, why);
  };
  return { description: describe(backend), load };
};
