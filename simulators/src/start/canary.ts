/** The rollout that `npm start` shows: the light pumps say they run the oldest release of the pump model, and get the newest in stages. */
import { modelReleasePageSchema, rolloutPageSchema, type ModelRelease, type Rollout } from '@shoal/protocol';
import { PUMP_MODEL } from '../full-agent-config.ts';
import type { LightUpdates } from '../light-device.ts';

const STEP_MS = 1_000;
const SOAK_MS = 5_000;
const PATIENCE_MS = 3_000;

export interface Canary {
  readonly updates: LightUpdates;
  readonly version: string;
}

const inOrder = (a: ModelRelease, b: ModelRelease): number => a.releaseCounter - b.releaseCounter;

/** Undefined when the registry has no two releases, or does not answer. */
export const findCanary = async (httpUrl: string): Promise<Canary | undefined> => {
  const url = `${httpUrl}/api/models/${PUMP_MODEL}/versions`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => undefined);
  const releases = modelReleasePageSchema.safeParse(await answer?.json().catch(() => undefined)).data?.items ?? [];
  const [oldest, ...newer] = releases.toSorted(inOrder);
  const newest = newer.at(-1);
  if (oldest === undefined || newest === undefined) return undefined;
  const digests = new Map(releases.map(({ sha256, digest }) => [sha256, digest]));
  const model = { name: PUMP_MODEL, version: oldest.version, digest: oldest.digest };
  const updates = {
    model,
    profile: 'good',
    digestOf: (sha256: string) => digests.get(sha256),
    stepMs: STEP_MS,
  } as const;
  return { updates, version: newest.version };
};

/** Made once in a data folder; a server that does not answer now has its own say in the table. */
export const startCanary = async (httpUrl: string, { version }: Canary): Promise<void> => {
  const gate = { soakMs: SOAK_MS };
  const body = {
    name: `${PUMP_MODEL} ${version}, a canary first`,
    model: PUMP_MODEL,
    version,
    cohort: { kind: 'open' },
    stages: [
      { to: { devices: 2 }, gate },
      { to: { percent: 40 }, gate },
      { to: { percent: 100 }, gate },
    ],
  };
  const headers = { 'content-type': 'application/json', 'idempotency-key': `npm-start-${version}` };
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const request = { method: 'POST', headers, body: JSON.stringify(body), signal };
  await fetch(`${httpUrl}/api/rollouts`, request).catch(() => undefined);
};

const stageText = ({ stages, stage, state, cause }: Rollout): string => {
  const done = stages.reduce((sum, { counts }) => sum + (counts.succeeded ?? 0), 0);
  const all = stages.reduce((sum, { devices }) => sum + devices, 0);
  const why = cause === null ? '' : `: ${cause.message}`;
  return `${state}, stage ${stage} of ${stages.length}, ${done} of ${all} devices${why}`;
};

/** One line for the live table; undefined while there is nothing to say. */
export const canaryLine = async (httpUrl: string): Promise<string | undefined> => {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const answer = await fetch(`${httpUrl}/api/rollouts?limit=1`, { signal }).catch(() => undefined);
  const newest = rolloutPageSchema.safeParse(await answer?.json().catch(() => undefined)).data?.items[0];
  return (
    newest &&
    `Rollout    ${newest.model} ${newest.version} ${stageText(newest)}  (shoal rollout show ${newest.rolloutId})`
  );
};
