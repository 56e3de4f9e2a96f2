/** Which requests of a model may share a batch: those with equal datatypes and equal dimensions but the first. */
import type { Tensors } from '@shoal/protocol/wire';
import type { BundleManifest } from '../bundle/manifest.ts';
import { hasFreeRows } from '../engine/rows.ts';

type Signature = BundleManifest['signature'];

export interface RowShape {
  /** Rows the request is accounted with; 1 for what has no rows. */
  readonly rows: number;
  /** Null: shares a batch with nobody and cannot be split. */
  readonly group: string | null;
}

const ALONE: RowShape = { rows: 1, group: null };

/** For requests that match the signature, which fixes every datatype and rank: only further free dimensions can differ. */
export const rowGrouping = (signature: Signature): ((inputs: Tensors) => RowShape) => {
  if (!hasFreeRows(signature)) return () => ALONE;
  const names = signature.inputs.map(({ name }) => name);
  const varying = signature.inputs.filter(({ shape }) => shape.indexOf(-1, 1) > 0).map(({ name }) => name);
  return (inputs) => {
    const rows = inputs[names[0] ?? '']?.shape[0] ?? 0;
    if (rows === 0 || names.some((name) => inputs[name]?.shape[0] !== rows)) return ALONE;
    return { rows, group: varying.map((name) => inputs[name]?.shape.slice(1).join('x')).join() };
  };
};
