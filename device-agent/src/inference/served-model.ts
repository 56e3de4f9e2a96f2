/** A model on the engines of this device as the Open Inference Protocol serves it. */
import {
  ModelError,
  type BundleManifest,
  type EngineState,
  type ModelMeter,
  type ServedModel,
  type ServingState,
  type SupervisedModel,
} from '@shoal/models';
import type { JsonObject } from '@shoal/protocol/wire';
import type { SlotState } from './model-slot-runner.port.ts';

export interface ServedSource {
  readonly manifest: BundleManifest;
  readonly meter: ModelMeter;
  /** Undefined while there is no engine to ask. */
  readonly handle: () => SupervisedModel | undefined;
  readonly state: () => SlotState;
}

const STATES: Readonly<Record<SlotState['status'], ServingState>> = {
  loading: 'LOADING',
  ready: 'READY',
  unavailable: 'UNAVAILABLE',
  disabled: 'UNAVAILABLE',
};

/** Where the answer comes from, and why not from better. */
const parametersOf = ({ engine, reason }: EngineState): JsonObject => ({
  source: 'edge',
  ...(engine !== null && { engine }),
  ...(reason !== null && { degraded_reason: reason.message.slice(0, 256) }),
});

export const servedModel = ({ manifest, meter, handle, state }: ServedSource): ServedModel => ({
  manifest,
  meter,
  state: () => {
    const { status, reason } = state();
    return { state: STATES[status], reason: status === 'disabled' ? 'disabled by the fleet' : (reason ?? '') };
  },
  infer: async (inputs, options) => {
    const model = handle();
    if (model === undefined)
      throw new ModelError(
        'ENGINE_UNAVAILABLE',
        `${manifest.name} has no engine now: ${state().reason ?? state().status}`,
      );
    const result = await model.infer(inputs, options);
    return { ...result, parameters: parametersOf(model.state()) };
  },
  retryAfterMs: () => {
    const { queued, elapsedMs } = handle()?.stats() ?? { queued: 0, elapsedMs: null };
    return queued * (elapsedMs?.p50 ?? 0);
  },
});
