/** Fills the roster from the tables when the server starts: whoever was seen before is `unknown` until it speaks. */
import { birthSchema, labelsSchema } from '@shoal/protocol';
import type { Connection } from '../db/database.ts';
import type { DeviceFacts } from './device-facts.ts';
import { DeviceRoster } from './device-roster.ts';
import { DevicesStore, type RegistryRow } from './devices.store.ts';
import type { ReportedFacts } from './reported-facts.ts';

/** Rows per step: parsing one page stays below the event-loop budget. */
const PAGE = 100;

const factsOfRow = (row: RegistryRow, startedAt: number): DeviceFacts => ({
  deviceId: row.device_id,
  labels: labelsSchema.parse(JSON.parse(row.labels)),
  revision: row.revision,
  registeredAt: row.registered_at,
  firstSeenAt: row.first_seen_at,
  birth: row.birth === null ? null : birthSchema.parse(JSON.parse(row.birth)),
  presence:
    row.first_seen_at === null
      ? { kind: 'never-connected', since: row.registered_at }
      : { kind: 'unknown', since: startedAt },
  twin: {
    version: row.version ?? 0,
    appliedVersion: row.applied_version ?? 0,
    reported: row.facts === null ? {} : (JSON.parse(row.facts) as ReportedFacts),
  },
  clockBadSince: null,
});

export const loadRoster = async (db: Connection, startedAt: number): Promise<DeviceRoster> => {
  const store = new DevicesStore();
  const roster = new DeviceRoster();
  let afterId = '';
  for (;;) {
    const rows = await store.page(db, afterId, PAGE);
    for (const row of rows) roster.put(factsOfRow(row, startedAt), row.last_seen_at ?? row.first_seen_at);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return roster;
    afterId = last.device_id;
  }
};
