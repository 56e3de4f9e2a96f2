/** "Needs attention": the reasons that want a person, one row each, worst first. */
import type { Attention, FleetSummary } from '@shoal/protocol';
import type { RosterEntry } from '../devices/device-roster.ts';
import { complaintsOf } from '../devices/device-state.ts';
import { droppedBy } from './fleet-summary.ts';

export type Reason = Attention['reasons'][number];

export interface ServerFacts {
  readonly now: number;
  readonly startedAt: number;
  readonly storage: FleetSummary['storage'];
  /** Since when it refuses; meaningless while it does not. */
  readonly storageSince: number;
  /** A control database that was set aside at this start. */
  readonly quarantined: { readonly path: string; readonly at: number } | null;
  readonly deadLettersLastMinute: number;
}

interface Kind {
  readonly severity: Reason['severity'];
  /** After "17 devices". */
  readonly predicate: string;
  readonly remedy: string;
}

const EXAMPLES = 5;
/** Devices get this long after a start to come back before their absence is a reason. */
const RETURN_MS = 120_000;

const KINDS: Readonly<Record<string, Kind>> = {
  MODEL_UNAVAILABLE: {
    severity: 'error',
    predicate: 'cannot run their model and send readings only',
    remedy: 'Look at the model state in the twin; assign a model version that runs on this hardware.',
  },
  CONNECTION_LOST: {
    severity: 'error',
    predicate: 'lost their connection',
    remedy: 'Check power and network at the site; the device reconnects by itself and sends what it kept.',
  },
  NOT_BACK: {
    severity: 'warning',
    predicate: 'have not come back since the server started',
    remedy: 'Check whether they can reach the server at its present address.',
  },
  CONFIGURATION_REFUSED: {
    severity: 'warning',
    predicate: 'refused their desired configuration',
    remedy: 'Read `refusal` in the reported twin and correct the desired state.',
  },
  CLOCK_BAD: {
    severity: 'warning',
    predicate: 'send records with times that cannot be believed',
    remedy: 'Check the clock and its synchronisation on the device; the records are stored by receipt time.',
  },
  CLOCK_UNSYNCHRONISED: {
    severity: 'warning',
    predicate: 'have a clock that is not synchronised',
    remedy: 'Check time synchronisation on the device.',
  },
  RECORDS_DROPPED: {
    severity: 'warning',
    predicate: 'dropped records because their outbox was full',
    remedy: 'Shorten the outages, or raise the bounds of the outbox, or send fewer readings.',
  },
};

const REPORTED: Kind = {
  severity: 'warning',
  predicate: 'report degraded health',
  remedy: 'Open one of the devices: its state says why.',
};

class Tally {
  private readonly rows = new Map<string, { devices: number; examples: string[]; since: number; said: string }>();

  add(code: string, deviceId: string, since: number, said = ''): void {
    const row = this.rows.get(code) ?? { devices: 0, examples: [], since, said };
    row.devices += 1;
    row.since = Math.min(row.since, since);
    if (row.examples.length < EXAMPLES) row.examples.push(deviceId);
    this.rows.set(code, row);
  }

  reasons(): Reason[] {
    return [...this.rows].map(([code, { devices, examples, since, said }]) => {
      const { severity, predicate, remedy } = KINDS[code] ?? REPORTED;
      const quote = KINDS[code] || said === '' ? '' : `: ${said}`;
      const sentence = `${devices} ${devices === 1 ? 'device' : 'devices'} ${predicate}${quote}`;
      return {
        code,
        sentence: sentence.endsWith('.') ? sentence : `${sentence}.`,
        severity,
        devices,
        examples,
        since,
        remedy,
      };
    });
  }
}

const SEVERITY: Readonly<Record<Reason['severity'], number>> = { error: 0, warning: 1 };

const serverReasons = (server: ServerFacts): Reason[] => {
  const reasons: Reason[] = [];
  const row = { devices: 0, examples: [] };
  if (server.storage.state === 'refusing') {
    reasons.push({
      ...row,
      code: 'STORAGE_REFUSING',
      sentence: `Records are not accepted: ${server.storage.why ?? 'the telemetry file cannot be written'}.`,
      severity: 'error',
      since: server.storageSince,
      remedy: 'Free space on the disk; devices keep their records and send them again, no restart is needed.',
    });
  }
  if (server.quarantined) {
    reasons.push({
      ...row,
      code: 'DATABASE_CORRUPT',
      sentence: `The control database was damaged and set aside as ${server.quarantined.path}; a fresh one is in use.`,
      severity: 'error',
      since: server.quarantined.at,
      remedy: 'Restore a backup to get registry, twins and audit trail back.',
    });
  }
  if (server.deadLettersLastMinute > 0) {
    reasons.push({
      ...row,
      code: 'DEAD_LETTERS',
      sentence: `${server.deadLettersLastMinute} messages were set aside in the last minute because they cannot be read.`,
      severity: 'warning',
      since: server.now - 60_000,
      remedy: 'GET /api/dead-letters shows each with its reason and a sample.',
    });
  }
  return reasons;
};

const tallyDevice = (tally: Tally, entry: RosterEntry, { now, startedAt }: ServerFacts): void => {
  const { facts, verdict } = entry;
  const { deviceId, presence } = facts;
  if (presence.kind === 'offline' && presence.reason === 'lost') tally.add('CONNECTION_LOST', deviceId, presence.since);
  if (presence.kind === 'unknown' && now - startedAt >= RETURN_MS) tally.add('NOT_BACK', deviceId, presence.since);
  if (verdict.state === 'degraded') {
    // One device counts once per reason, however often it repeats it.
    const complaints = new Map(complaintsOf(facts).map((complaint) => [complaint.code, complaint]));
    for (const { code, since, sentence } of complaints.values()) tally.add(code, deviceId, since, sentence);
  }
  if (droppedBy(entry) > 0) tally.add('RECORDS_DROPPED', deviceId, presence.since);
};

export const attentionOf = (entries: Iterable<RosterEntry>, server: ServerFacts): Attention => {
  const tally = new Tally();
  for (const entry of entries) tallyDevice(tally, entry, server);
  const reasons = [...serverReasons(server), ...tally.reasons()];
  return {
    reasons: reasons.toSorted(
      (a, b) => SEVERITY[a.severity] - SEVERITY[b.severity] || b.devices - a.devices || a.since - b.since,
    ),
  };
};
