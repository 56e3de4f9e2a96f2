/** Reads every configured bundle, loads it into an engine of its own, and sees whether it gives its golden answers. */
import { EngineSupervisor } from '@shoal/models';
import type { AgentConfig } from '../config.ts';
import { sentenceOf } from '../errors.ts';
import { readAssignedBundle } from '../inference/assigned-bundle.ts';
import { readTrustedKeys } from '../inference/trusted-keys.ts';
import { AGENT_VERSION } from '../version.ts';
import type { DoctorFacts } from './doctor-facts.ts';

type ModelFacts = DoctorFacts['models'][number];

export const lookAtModels = async (config: AgentConfig): Promise<ModelFacts[]> => {
  const { models, inference } = config;
  const supervisor = new EngineSupervisor({ agentVersion: AGENT_VERSION, allowed: inference.engines });
  const look = async (assignment: AgentConfig['models'][number]): Promise<ModelFacts> => {
    const { bundle: name } = assignment;
    try {
      const trustedKeys = await readTrustedKeys(inference.trustedKeys);
      const bundle = await readAssignedBundle(assignment, { trustedKeys, requireSignature: inference.requireSignature });
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
