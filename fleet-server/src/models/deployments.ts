/** Who runs what, as devices report it: truth is the digest of what a device runs, not what it was told to run. */
import type { ModelDeployment, ModelMeasurement } from '@shoal/protocol';

/** As much of a device as is looked at. */
export interface ReportingDevice {
  readonly facts: {
    readonly deviceId: string;
    readonly birth: {
      readonly hardwareClass: string;
      readonly models: readonly {
        readonly name: string;
        readonly version: string;
        readonly digest?: string | undefined;
      }[];
    } | null;
    readonly twin: {
      readonly reported: {
        readonly models?: Readonly<
          Record<string, { readonly version: string; readonly digest?: string | undefined; readonly state: string }>
        >;
        readonly updates?: Readonly<
          Record<
            string,
            {
              readonly sha256: string;
              readonly selfTest?:
                | { readonly p50Ms: number; readonly p95Ms: number; readonly rssMb: number; readonly engine: string }
                | undefined;
            }
          >
        >;
      };
    };
  };
}

interface Released {
  readonly version: string;
  readonly digest: string;
}

/** What it reports to run of one model, or was born with while it has not reported. */
export const runningOf = ({ facts }: ReportingDevice, name: string): Omit<ModelDeployment, 'release'> | undefined => {
  const { deviceId, birth, twin } = facts;
  const born = birth?.models.find((model) => model.name === name);
  const reported = twin.reported.models === undefined ? undefined : twin.reported.models[name];
  const running = twin.reported.models === undefined ? born : reported;
  if (running === undefined) return undefined;
  const same = born?.version === running.version ? born.digest : undefined;
  return {
    deviceId,
    version: running.version,
    digest: running.digest ?? same ?? null,
    hardwareClass: birth?.hardwareClass ?? null,
    state: reported?.state ?? 'loading',
  };
};

export const deploymentOf = (
  device: ReportingDevice,
  name: string,
  releases: readonly Released[],
): ModelDeployment | undefined => {
  const running = runningOf(device, name);
  if (running === undefined) return undefined;
  return { ...running, release: releases.find(({ digest }) => digest === running.digest)?.version ?? null };
};

/** Counts by digest, and by version where a device tells no digest. */
export const countRunning = (devices: Iterable<ReportingDevice>, name: string): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const device of devices) {
    const running = runningOf(device, name);
    if (running === undefined) continue;
    const key = running.digest ?? `version ${running.version}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
};

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
};

/** By hardware class and engine, medians over devices whose last update was this archive. */
export const measuredOf = (
  devices: Iterable<ReportingDevice>,
  name: string,
  sha256: string,
): readonly ModelMeasurement[] => {
  const groups = new Map<
    string,
    { p50: number[]; p95: number[]; rss: number[]; hardwareClass: string; engine: string }
  >();
  for (const { facts } of devices) {
    const update = facts.twin.reported.updates?.[name];
    if (update?.sha256 !== sha256 || update.selfTest === undefined) continue;
    const { p50Ms, p95Ms, rssMb, engine } = update.selfTest;
    const hardwareClass = facts.birth?.hardwareClass ?? 'unknown';
    const key = JSON.stringify([hardwareClass, engine]);
    const group = groups.get(key) ?? { p50: [], p95: [], rss: [], hardwareClass, engine };
    group.p50.push(p50Ms);
    group.p95.push(p95Ms);
    group.rss.push(rssMb);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ hardwareClass, engine, p50, p95, rss }) => ({
    hardwareClass,
    engine,
    devices: p50.length,
    p50Ms: median(p50),
    p95Ms: median(p95),
    rssMb: median(rss),
  }));
};
