/** Why a release can not go to a device; known before anything is assigned. */
import type { Birth, RolloutCause } from '@shoal/protocol';
import type { ModelRelease } from '../ports/model-registry.ts';
import type { Observation } from './device-verdict.ts';

export interface Recipient {
  readonly birth: Birth | null;
  readonly running: Observation['running'];
  /** The rollout says which sensors the model looks at, so that it may be new to the device. */
  readonly mayBeNew: boolean;
  /** Lowest release counter that it still accepts; 0 for any. */
  readonly floor: number;
}

/** `1.10.0` is after `1.9.2`; what is no version counts as 0. */
const isBefore = (version: string, minimum: string): boolean => {
  const parts = (text: string): number[] => text.split(/[.-]/).map((part) => Number(part) || 0);
  const [have, want] = [parts(version), parts(minimum)];
  for (let index = 0; index < 3; index += 1) {
    const difference = (have[index] ?? 0) - (want[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
};

/** Classes named after what Node calls the processor say it; of others it is not known and nothing is held against them. */
const ARCHITECTURES = ['arm', 'arm64', 'x64', 'riscv64', 'ia32'];
const architectureOf = (hardwareClass: string): string | undefined =>
  ARCHITECTURES.find((arch) => hardwareClass.split('-').includes(arch));

/** @returns null when it fits */
export const unfitness = (
  release: ModelRelease,
  { birth, running, mayBeNew, floor }: Recipient,
): RolloutCause | null => {
  const { arch, minimumAgent } = release.manifest.resources;
  if (birth === null) return { code: 'NEVER_CONNECTED', message: 'It has never connected; what it is is not known.' };
  if (running?.digest === release.digest)
    return { code: 'RUNS_ALREADY', message: `It runs version ${release.version} already.` };
  if (running === null && !mayBeNew) {
    return { code: 'NO_SUCH_MODEL', message: `It runs no ${release.name}; say with source which sensors it looks at.` };
  }
  if (isBefore(birth.agentVersion, minimumAgent)) {
    return { code: 'AGENT_TOO_OLD', message: `Its agent is ${birth.agentVersion}; the model wants ${minimumAgent}.` };
  }
  const own = architectureOf(birth.hardwareClass);
  if (arch.length > 0 && own !== undefined && !arch.includes(own)) {
    return { code: 'ARCHITECTURE', message: `It is ${own}; the model runs on ${arch.join(', ')}.` };
  }
  if (release.releaseCounter < floor) {
    return {
      code: 'BELOW_FLOOR',
      message: `It accepts releases from counter ${floor} on; this one has ${release.releaseCounter}.`,
    };
  }
  return null;
};
