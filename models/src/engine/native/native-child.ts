/** Entry of the native engine process: onnxruntime-node. */
/* oxlint-disable node/no-process-env -- the entry of a process asserts the environment it was given */
import { SESSION_OPTIONS, type OrtRuntime, type OrtSession } from '../session/ort-runtime.ts';
import { assertPrivate, removeFloat16Array } from '../session/guard-process.ts';
import { ortModelRuntime } from '../session/ort-model-runtime.ts';
import { serveChannel } from '../session/serve-channel.ts';

assertPrivate(process.env);
removeFloat16Array();
const { InferenceSession, Tensor, env } = await import('onnxruntime-node');

const runtime: OrtRuntime = {
  description: `onnxruntime-node ${env.versions.node ?? ''}`.trim(),
  createSession: async (bytes) => (await InferenceSession.create(bytes, SESSION_OPTIONS)) as unknown as OrtSession,
  createTensor: (type, data, dims) => Reflect.construct(Tensor, [type, data, dims]),
};
await serveChannel(ortModelRuntime(runtime));
process.exit(0);
