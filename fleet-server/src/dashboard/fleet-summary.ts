/** Adds the fleet up: counts, models and losses over all devices, in one pass. */
import type { DeviceState, FleetSummary } from '@shoal/protocol';
import { modelsOf, type RosterEntry } from '../devices/device-roster.ts';

export type ModelCount = FleetSummary['models'][number];

export interface FleetCount {
  readonly models: readonly ModelCount[];
  /** Records that devices evicted before they could send them, by their own counters. */
  readonly droppedOnDevices: number;
}

export const droppedBy = ({ facts }: RosterEntry): number =>
  Object.values(facts.twin.reported.outbox?.dropped ?? {}).reduce((sum, count) => sum + count, 0);

export const countFleet = (entries: Iterable<RosterEntry>): FleetCount => {
  const models = new Map<string, { name: string; version: string; devices: number }>();
  let droppedOnDevices = 0;
  for (const entry of entries) {
    droppedOnDevices += droppedBy(entry);
    for (const { name, version } of modelsOf(entry.facts)) {
      const key = `${name}@${version}`;
      const known = models.get(key);
      if (known) known.devices += 1;
      else models.set(key, { name, version, devices: 1 });
    }
  }
  const sorted = [...models.values()].toSorted(
    (a, b) => b.devices - a.devices || (a.name + a.version < b.name + b.version ? -1 : 1),
  );
  return { models: sorted, droppedOnDevices };
};

/** Only states that some device is in. */
export const presentStates = (counts: ReadonlyMap<DeviceState, number>): FleetSummary['devices']['byState'] =>
  Object.fromEntries([...counts].filter(([, count]) => count > 0));

/** Whether two summaries differ in more than the time they were made at. */
export const saysTheSame = (a: FleetSummary | undefined, b: FleetSummary): boolean =>
  a !== undefined && JSON.stringify({ ...a, at: 0 }) === JSON.stringify({ ...b, at: 0 });
