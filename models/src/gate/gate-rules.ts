/** What the gate holds a model file against: bounds that are the same for all, and what its manifest says. */
import type { BundleManifest } from '../bundle/manifest.ts';
import { isModelError, type ModelErrorCode } from '../errors.ts';
import type { GateFlag } from './gate-flags.ts';

export interface GateRules {
  readonly signature: BundleManifest['signature'];
  readonly memoryMb: number;
  readonly allow: readonly GateFlag[];
}

export const gateRulesOf = ({ signature, resources, gate }: BundleManifest): GateRules => ({
  signature,
  memoryMb: resources.memoryMb,
  allow: gate?.allow ?? [],
});

const REFUSALS: ReadonlySet<ModelErrorCode> = new Set(['MODEL_MALFORMED', 'MODEL_GATE_REFUSED', 'MODEL_TOO_LARGE']);

/** Whether no runtime has seen the model: what the gate says of the bytes holds for every engine, as long as the bundle is the same. */
export const isGateRefusal = (error: unknown): boolean => isModelError(error) && REFUSALS.has(error.code);

/** What onnxruntime 1.30 reads; newer files are not understood by any engine here. */
export const MAX_IR_VERSION = 13;
export const MAX_OPSET = 26;
export const MAX_ML_OPSET = 5;

/** Nodes in all graphs, with functions written out. */
export const MAX_NODES = 100_000;

export const CONTROL_FLOW: ReadonlySet<string> = new Set(['If', 'Loop', 'Scan', 'SequenceMap']);
export const STANDARD_DOMAIN = '';
export const ML_DOMAIN = 'ai.onnx.ml';
export const VENDOR_DOMAIN = 'com.microsoft';
