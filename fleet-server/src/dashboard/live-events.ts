/** Makes live events of what the bus tells; of what changes faster than anybody looks, only the latest is kept. */
import type {
  Alert,
  AnyRecord,
  Device,
  DeviceCommand,
  FleetSummary,
  Prediction,
  PredictionTicket,
  Reading,
  Rollout,
  WindowResult,
} from '@shoal/protocol';
import type { AppendedBatch } from '../ports/message-bus.ts';
import type { LiveEvent } from './live-ring.ts';

const storedRecord = (batch: AppendedBatch, record: AnyRecord, index: number): string => {
  const { deviceId, epoch, receivedAt, eventAt, clock } = batch;
  return JSON.stringify({ ...record, deviceId, epoch, receivedAt, eventAt: eventAt[index], clock: clock[index] });
};

/** What one key stands for until it is sent: the latest replaces the one before. */
export interface Pending {
  readonly key: string;
  readonly event: () => LiveEvent;
}

/** The newest reading per source and the newest prediction per model of a batch; live lane only. */
export const latestOf = (batch: AppendedBatch): Pending[] => {
  const { kind, deviceId, records, lane } = batch;
  if (kind === 'events' || lane === 'backlog') return [];
  const latest = new Map<string, number>();
  records.forEach((record, index) => {
    latest.set(kind === 'readings' ? (record as Reading).source : (record as Prediction).model.name, index);
  });
  return [...latest].map(([part, index]) => ({
    key: `${kind}/${deviceId}/${part}`,
    event: () => ({ topic: kind, deviceId, data: storedRecord(batch, records[index] as AnyRecord, index) }),
  }));
};

/** Every event of a batch, in order. */
export const eventsOf = (batch: AppendedBatch): LiveEvent[] => {
  if (batch.kind !== 'events') return [];
  const { deviceId } = batch;
  return batch.records.map((record, index) => ({
    topic: 'events',
    deviceId,
    data: storedRecord(batch, record, index),
  }));
};

export const deviceEvent = (device: Device): Pending => ({
  key: `devices/${device.deviceId}`,
  event: () => ({ topic: 'devices', deviceId: device.deviceId, data: JSON.stringify(device) }),
});

export const commandEvent = (command: DeviceCommand): LiveEvent => ({
  topic: 'commands',
  deviceId: command.deviceId,
  data: JSON.stringify(command),
});

/** Every one: a revision is not the window before it. */
export const windowEvent = (result: WindowResult): LiveEvent => ({
  topic: 'windows',
  deviceId: null,
  data: JSON.stringify(result),
});

/** Final ones, and those that are queued again. */
export const ticketEvent = (ticket: PredictionTicket): LiveEvent => ({
  topic: 'tickets',
  deviceId: null,
  data: JSON.stringify(ticket),
});

export const alertEvent = (alert: Alert): LiveEvent => ({
  topic: 'alerts',
  deviceId: alert.deviceId,
  data: JSON.stringify(alert),
});

/** Only the latest: counts move with every device. */
export const rolloutEvent = (rollout: Rollout): Pending => ({
  key: `rollouts/${rollout.rolloutId}`,
  event: () => ({ topic: 'rollouts', deviceId: null, data: JSON.stringify(rollout) }),
});

export const summaryEvent = (summary: FleetSummary): LiveEvent => ({
  topic: 'summary',
  deviceId: null,
  data: JSON.stringify(summary),
});
