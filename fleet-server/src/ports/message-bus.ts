/** In-process wake-ups between capabilities, downstream only. Never the record of anything: the log and the tables are. */
import type {
  Alert,
  AnyRecord,
  Device,
  DeviceCommand,
  Lane,
  PredictionTicket,
  PriorityClass,
  RecordKind,
  Rollout,
  WindowResult,
} from '@shoal/protocol';

/** What one committed message added: only records that were new. Parallel arrays, ascending sequence. */
export interface AppendedBatch {
  readonly deviceId: string;
  readonly kind: RecordKind;
  readonly epoch: string;
  readonly class: PriorityClass;
  readonly lane: Lane;
  readonly receivedAt: number;
  /** Of records; who needs no more asks for no more, because records that another thread decoded are made when they are asked for. */
  readonly count: number;
  readonly records: readonly AnyRecord[];
  /** Milliseconds; where the server places each record in time. */
  readonly eventAt: readonly number[];
  /** `good`, `adjusted` or `bad`, one verdict per record. */
  readonly clock: readonly ('good' | 'adjusted' | 'bad')[];
}

export interface BusEvents {
  /** After commit. `appended` is a courtesy copy in commit order; a consumer that must not miss reads the log from its position. */
  'log.appended': { readonly batchId: number; readonly appended: readonly AppendedBatch[] };
  'device.changed': { readonly device: Device };
  /** It is in the registry no more. */
  'device.removed': { readonly deviceId: string };
  'command.changed': { readonly command: DeviceCommand };
  /** After commit, in the order of publication; the window store has the record of it. */
  'window.published': { readonly windows: readonly WindowResult[] };
  /** After commit: tickets that are final, or queued again by a retry; the queue has the record of them. */
  'prediction.changed': { readonly tickets: readonly PredictionTicket[] };
  /** After commit, as it is now; the alert store has the record of it. */
  'alert.changed': { readonly alert: Alert };
  /** After commit, as it is now; the tables have the record of it. */
  'rollout.changed': { readonly rollout: Rollout };
  'storage.changed': { readonly state: 'ok' | 'refusing'; readonly why: string | null };
}

export abstract class MessageBus {
  /** Calls every listener in order of subscription; a listener that throws is logged and counted, and hinders nobody. */
  abstract emit<K extends keyof BusEvents>(event: K, payload: BusEvents[K]): void;
  /** @returns the unsubscription */
  abstract on<K extends keyof BusEvents>(event: K, listener: (payload: BusEvents[K]) => void): () => void;
}
