/** The door for what signs, verifies and moves bundles and runs none: all of `models` costs a short-lived child seconds. */
export * from '../bundle/check-bundle.ts';
export * from '../bundle/pack.ts';
export { manifestDigest } from '../bundle/read-bundle.ts';
export { isModelError } from '../errors.ts';
export * from './chunk-hashes.ts';
export * from './director.ts';
export * from './director-keys.ts';
export * from './read-metadata.ts';
export * from './release-target.ts';
export * from './signing-key.ts';
export * from './tuf-metadata.ts';
export * from './weight-delta.ts';
