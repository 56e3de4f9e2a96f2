/** How much a model may answer: pure, from its signature and what it was asked. An answer is read by whoever asked, in one piece. */
import { elementCount, type Tensors, type TensorSpec } from '@shoal/protocol/wire';
import type { BundleManifest } from '../bundle/manifest.ts';
import { rowCount } from './rows.ts';

/** Wider than any number; a string of usual length fits. */
const ELEMENT_BYTES = 64;
/** Who answers a row with boxes, or tokens, has so many for each. */
const MOST_PER_ROW = 256;
const LEAST_BYTES = 65_536;

/** At most the first dimension is free: whatever else the size depends on is known. */
const isBounded = ({ shape }: TensorSpec): boolean => shape.slice(1).every((size) => size >= 0);

/** @param maxBytes for a signature that leaves it open, and in any case */
export const mostAnswerBytes = (inputs: Tensors, signature: BundleManifest['signature'], maxBytes: number): number => {
  const { outputs } = signature;
  if (!outputs.every(isBounded)) return maxBytes;
  const rows = rowCount(inputs, signature) * MOST_PER_ROW;
  const elements = ({ shape }: TensorSpec): number =>
    (shape[0] === -1 ? rows : (shape[0] ?? 1)) * elementCount(shape.slice(1));
  const bytes = outputs.reduce((total, spec) => total + elements(spec), 0) * ELEMENT_BYTES;
  return Math.min(maxBytes, Math.max(LEAST_BYTES, bytes));
};
