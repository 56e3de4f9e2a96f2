/** The native binding of TensorFlow.js: no dependency of this package, used where somebody has installed it. */
export const NODE_BINDING = '@tensorflow/tfjs-node';
