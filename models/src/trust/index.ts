/** The door for what signs, verifies and moves bundles and runs none: all of `models` costs a short-lived child seconds. */
export * from '../bundle/pack.ts';
export * from './chunk-hashes.ts';
export * from './director.ts';
export * from './director-keys.ts';
export * from './release-target.ts';
export * from './signing-key.ts';
export * from './tuf-metadata.ts';
export * from './weight-delta.ts';
