/** Every registered device in memory, in order of id, with its state word: what lists, summaries and lookups read. */
import type { Device, DeviceState, ModelReference } from '@shoal/protocol';
import type { DeviceFacts } from './device-facts.ts';
import { deviceState, type StateVerdict } from './device-state.ts';

export interface RosterEntry {
  readonly facts: DeviceFacts;
  readonly verdict: StateVerdict;
  readonly lastSeenAt: number | null;
}

interface MutableEntry extends RosterEntry {
  facts: DeviceFacts;
  verdict: StateVerdict;
  lastSeenAt: number | null;
}

/** Index of the first id not below `id`. */
const lowerBound = (ids: readonly string[], id: string): number => {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] as string) < id) low = middle + 1;
    else high = middle;
  }
  return low;
};

export class DeviceRoster {
  private readonly entries = new Map<string, MutableEntry>();
  private readonly ids: string[] = [];
  private readonly counts = new Map<DeviceState, number>();

  get size(): number {
    return this.ids.length;
  }

  get(deviceId: string): RosterEntry | undefined {
    return this.entries.get(deviceId);
  }

  /** In no particular order; cheap, allocates nothing. */
  all(): Iterable<RosterEntry> {
    return this.entries.values();
  }

  byState(): ReadonlyMap<DeviceState, number> {
    return this.counts;
  }

  /** Adds or replaces. `lastSeenAt` only moves forward. */
  put(facts: DeviceFacts, lastSeenAt: number | null): void {
    const verdict = deviceState(facts);
    const entry = this.entries.get(facts.deviceId);
    this.count(verdict.state, 1);
    if (entry) {
      this.count(entry.verdict.state, -1);
      entry.facts = facts;
      entry.verdict = verdict;
      this.seen(facts.deviceId, lastSeenAt);
      return;
    }
    this.entries.set(facts.deviceId, { facts, verdict, lastSeenAt });
    this.ids.splice(lowerBound(this.ids, facts.deviceId), 0, facts.deviceId);
  }

  seen(deviceId: string, at: number | null): void {
    const entry = this.entries.get(deviceId);
    if (entry && at !== null && (entry.lastSeenAt === null || entry.lastSeenAt < at)) entry.lastSeenAt = at;
  }

  remove(deviceId: string): void {
    const entry = this.entries.get(deviceId);
    if (!entry) return;
    this.count(entry.verdict.state, -1);
    this.entries.delete(deviceId);
    this.ids.splice(lowerBound(this.ids, deviceId), 1);
  }

  /** The first `limit` entries after `afterId` that `matches` accepts, in order of id. */
  after(afterId: string | undefined, limit: number, matches: (entry: RosterEntry) => boolean): RosterEntry[] {
    const found: RosterEntry[] = [];
    const start = afterId === undefined ? 0 : lowerBound(this.ids, `${afterId}\u0000`);
    for (let index = start; index < this.ids.length && found.length < limit; index += 1) {
      const entry = this.entries.get(this.ids[index] as string);
      if (entry && matches(entry)) found.push(entry);
    }
    return found;
  }

  private count(state: DeviceState, by: number): void {
    this.counts.set(state, (this.counts.get(state) ?? 0) + by);
  }
}

/** What it reports to run, or was born with while it has not reported. */
export const modelsOf = ({ birth, twin }: DeviceFacts): ModelReference[] => {
  const born = birth?.models ?? [];
  if (!twin.reported.models) return born;
  return Object.entries(twin.reported.models).map(([name, { version, digest }]) => {
    if (digest !== undefined) return { name, version, digest };
    const same = born.find((model) => model.name === name && model.version === version);
    return same ?? { name, version };
  });
};

export const asDevice = ({ facts, verdict, lastSeenAt }: RosterEntry): Device => ({
  deviceId: facts.deviceId,
  state: verdict.state,
  why: verdict.why,
  since: verdict.since,
  labels: facts.labels,
  hardwareClass: facts.birth?.hardwareClass ?? null,
  agentVersion: facts.birth?.agentVersion ?? null,
  models: modelsOf(facts),
  firstSeenAt: facts.firstSeenAt,
  lastSeenAt,
  clockOffsetMs: facts.twin.reported.clock?.offsetMs ?? null,
  outboxDepth: facts.twin.reported.outbox?.depth ?? null,
  twinVersion: facts.twin.version,
  appliedTwinVersion: facts.twin.appliedVersion,
  revision: facts.revision,
});
