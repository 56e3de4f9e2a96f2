/** Reads every configured bundle, loads it into an engine of its own, and sees whether it gives its golden answers. */
import { EngineSupervisor } from '@shoal/models';
import type { AgentConfig } from '../config.ts';
import { sentenceOf } from '../errors.ts';
import { readAssignedBundle } from './assigned-bundle.ts';
import { readTrustedKeys } from './trusted-keys.ts';
import { AGENT_VERSION } from '../version.ts';

export interface ProbedModel {
  readonly bundle: string;
  readonly engine: string | null;
  /** Why it does not run here; null when it does. */
  readonly problem: string | null;
}

export const probeModels = async (config: AgentConfig): Promise<ProbedModel[]> => {
  const { models, inference } = config;
  const supervisor = new EngineSupervisor({ agentVersion: AGENT_VERSION, allowed: inference.engines });
  const look = async (assignment: AgentConfig['models'][number]): Promise<ProbedModel> => {
    const { bundle: name } = assignment;
    try {
      const trustedKeys = await readTrustedKeys(inference.trustedKeys);
      const bundle = await readAssignedBundle(assignment, {
        trustedKeys,
        requireSignature: inference.requireSignature,
      });
      const { status, engine, reason } = (await supervisor.load(bundle)).state();
      return { bundle: name, engine, problem: status === 'ready' ? null : (reason?.message ?? status) };
    } catch (error) {
      return { bundle: name, engine: null, problem: sentenceOf(error) };
    }
  };
  try {
    return await Promise.all(models.map(look));
  } finally {
    await supervisor.close();
  }
};
