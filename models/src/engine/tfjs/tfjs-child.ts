/** Entry of the TensorFlow.js engine process. Its WebAssembly backend takes over uncaught exceptions: nothing else may live here. */
import { serveChannel } from '../session/serve-channel.ts';
import { openTensorFlow } from './open-tensorflow.ts';
import { tfjsRuntime } from './tfjs-runtime.ts';

const opened = await openTensorFlow((specifier) => import(specifier));
await serveChannel(tfjsRuntime(opened));
process.exit(0);
