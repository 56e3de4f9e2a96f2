/** Loads and runs a model in an engine process, and believes no answer unchecked. */
import type { Tensors } from '@shoal/protocol/wire';
import type { BundleManifest } from '../../bundle/manifest.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import { ModelError } from '../../errors.ts';
import { gateRulesOf, isGateRefusal } from '../../gate/gate-rules.ts';
import { mostAnswerBytes } from '../answer-bounds.ts';
import { checkOutputs } from '../check-tensors.ts';
import type { InferResult } from '../inference-engine.port.ts';
import type { EngineChild } from './engine-child.ts';
import type { ChildAnswer, LoadedMessage } from './framing.ts';

const wrongAnswer = (answer: ChildAnswer): ModelError =>
  new ModelError('ENGINE_PROTOCOL_INVALID', `The engine process answered ${answer.type} to another question`);

export interface ChildRun {
  readonly model: string;
  readonly signature: BundleManifest['signature'];
  readonly inputs: Tensors;
  /** Bytes of the answer where the signature leaves it open. */
  readonly maxAnswerBytes: number;
}

/** Names a model inside a process: bundles of the same bytes share one session, unless the gate may judge them differently. */
export const sessionKey = ({ manifest, modelKey }: Bundle): string => {
  const { memoryMb, allow } = gateRulesOf(manifest);
  return [modelKey, memoryMb, ...allow].join('/');
};

/** The process puts the bytes through the static gate first. Rejects with what the gate or the runtime refuses, or the loss. */
export const loadInto = async (
  child: EngineChild,
  model: string,
  bundle: Bundle,
  limitMs: number,
): Promise<LoadedMessage> => {
  const { modelPath: path, modelSha256: sha256, manifest, weights } = bundle;
  const isKnown = child.tenants.has(model);
  child.tenants.add(model);
  try {
    const answer = await child.call({ type: 'load', model, manifest, path, sha256, weights }, limitMs);
    if (answer.type !== 'loaded') throw wrongAnswer(answer);
    child.models.set(model, answer);
    return answer;
  } catch (error) {
    if (!isKnown && isGateRefusal(error)) child.tenants.delete(model);
    throw error;
  }
};

/** Nothing when the process does not hold it. Rejects with the loss. */
export const unloadFrom = async (child: EngineChild, model: string, limitMs: number): Promise<void> => {
  if (child.lost !== null || !child.models.delete(model)) return;
  await child.call({ type: 'unload', model }, limitMs);
};

/** `model` is as it was loaded. Rejects with MODEL_RUN_FAILED, OUTPUT_*, or the loss. */
export const runIn = async (child: EngineChild, run: ChildRun, limitMs: number): Promise<InferResult> => {
  const { model, signature, inputs } = run;
  const outputs = signature.outputs.map(({ name }) => name);
  const maxAnswerBytes = mostAnswerBytes(inputs, signature, run.maxAnswerBytes);
  const answer = await child.call({ type: 'infer', model, inputs, outputs, maxAnswerBytes }, limitMs);
  if (answer.type !== 'inferred') throw wrongAnswer(answer);
  checkOutputs(answer.outputs, signature);
  return { outputs: answer.outputs, elapsedMs: answer.elapsedMs };
};
