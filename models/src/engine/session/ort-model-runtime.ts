/** onnxruntime, either of its builds, as the serve loop drives it. */
import type { Tensors } from '@shoal/protocol/wire';
import { gateRulesOf } from '../../gate/gate-rules.ts';
import { passGate } from '../../gate/static-gate.ts';
import type { ModelAnswer, ModelContent, ModelRuntime, ModelSession } from './model-runtime.ts';
import type { OrtRuntime, OrtSession } from './ort-runtime.ts';
import { fromOrt, specOf, toOrt } from './tensor-conversion.ts';

/** FP16 must travel as 16-bit patterns; where the runtime takes another array for it (onnxruntime#26791) the engine would lie. Throws. */
const selfTest = (runtime: OrtRuntime): void => {
  const half = runtime.createTensor('float16', Uint16Array.of(0x3c00), [1]);
  if (!(half.data instanceof Uint16Array) || half.data[0] !== 0x3c00)
    throw new Error('float16 tensors do not keep their bits');
};

const runSession = async (
  runtime: OrtRuntime,
  session: OrtSession,
  inputs: Tensors,
  outputs: readonly string[],
): Promise<ModelAnswer> => {
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => [name, toOrt(runtime, name, tensor)]),
  );
  const startedAt = performance.now();
  const results = await session.run(feeds, outputs);
  const elapsedMs = performance.now() - startedAt;
  const converted = Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)] as const);
  return { outputs: Object.fromEntries(converted), elapsedMs };
};

/** Throws when the runtime fails its self-test. */
export const ortModelRuntime = (runtime: OrtRuntime): ModelRuntime => {
  selfTest(runtime);
  /** The gate is here, in the process: it sees the very bytes the runtime gets, and its work is off the event loop of the agent. */
  const load = async ({ manifest, model }: ModelContent): Promise<ModelSession> => {
    passGate(model, gateRulesOf(manifest));
    const session = await runtime.createSession(model);
    return {
      inputs: session.inputMetadata.map(specOf),
      outputs: session.outputMetadata.map(specOf),
      runtime: runtime.description,
      run: (inputs, outputs) => runSession(runtime, session, inputs, outputs),
      release: () => session.release(),
    };
  };
  return { description: runtime.description, load };
};
