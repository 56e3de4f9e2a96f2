/** Keeps who is there: births, wills and connections in, the registry's presence out. */
import { Injectable } from '@nestjs/common';
import type { Birth, Will } from '@shoal/protocol';
import { actorOf } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { GroupCommit } from '../db/group-commit.ts';
import type { ConnectionChange, UpMessage } from '../ports/device-gateway.ts';
import { DeviceDirectory } from './device-directory.service.ts';
import { NO_TWIN, type DeviceFacts } from './device-facts.ts';
import { DevicesStore } from './devices.store.ts';
import { nextPresence, type PresenceEvent } from './presence.ts';

/** Births that share one transaction; writing so many stays below the event-loop budget. */
const BIRTHS_PER_COMMIT = 100;

interface BirthNote {
  readonly message: UpMessage;
  readonly birth: Birth;
}

@Injectable()
export class PresenceService {
  private readonly store = new DevicesStore();
  private readonly births = new GroupCommit<BirthNote>((notes) => this.commit(notes), BIRTHS_PER_COMMIT);
  /** Device → its live socket: a birth that is still being stored when the socket ends must not make it online. */
  private readonly sockets = new Map<string, number>();
  /** Device → the birth that is being stored; never rejects. */
  private readonly arriving = new Map<string, Promise<void>>();
  private readonly audit: AuditService;
  private readonly directory: DeviceDirectory;

  constructor(audit: AuditService, directory: DeviceDirectory) {
    this.audit = audit;
    this.directory = directory;
  }

  connected({ deviceId, socketId, at }: ConnectionChange): void {
    this.sockets.set(deviceId, socketId);
    this.directory.seen(deviceId, at);
  }

  disconnected({ deviceId, socketId, why, at }: ConnectionChange): void {
    if (this.sockets.get(deviceId) === socketId) this.sockets.delete(deviceId);
    this.apply(deviceId, { event: 'disconnected', socketId, why, at });
  }

  willed({ deviceId, receivedAt }: UpMessage, { connectionId, reason }: Will): void {
    this.apply(deviceId, { event: 'willed', connectionId, reason, at: receivedAt });
  }

  /**
   * Registers the device when it is new. Resolved = stored.
   * @returns whether the connection that sent the birth still stands
   * @throws FleetError DATABASE_UNAVAILABLE
   */
  async born(message: UpMessage, birth: Birth): Promise<boolean> {
    const { deviceId } = message;
    const stored = this.births.submit({ message, birth }).then(() => this.arrive(message, birth));
    const arriving = stored.catch(() => {});
    this.arriving.set(deviceId, arriving);
    try {
      await stored;
    } finally {
      if (this.arriving.get(deviceId) === arriving) this.arriving.delete(deviceId);
    }
    return this.sockets.get(deviceId) === message.socketId;
  }

  /** Waits for a birth that is being stored. @returns whether the device is registered */
  async isRegistered(deviceId: string): Promise<boolean> {
    await this.arriving.get(deviceId);
    return this.directory.find(deviceId) !== undefined;
  }

  private apply(deviceId: string, event: PresenceEvent): void {
    this.directory.update(deviceId, (facts) => {
      const presence = nextPresence(facts.presence, event);
      return presence === facts.presence ? facts : { ...facts, presence };
    });
  }

  private arrive({ deviceId, socketId, receivedAt: at }: UpMessage, birth: Birth): void {
    const known = this.directory.find(deviceId)?.facts;
    const facts = known ?? newcomer(deviceId, at);
    const born = nextPresence(facts.presence, { event: 'born', connectionId: birth.connectionId, socketId, at });
    const why = 'it ended while the birth was stored';
    const presence =
      this.sockets.get(deviceId) === socketId ? born : nextPresence(born, { event: 'disconnected', socketId, why, at });
    const next = { ...facts, birth, firstSeenAt: facts.firstSeenAt ?? at, presence };
    if (known) this.directory.update(deviceId, () => next);
    else this.directory.add(next);
    this.directory.seen(deviceId, at);
  }

  private async commit(notes: readonly BirthNote[]): Promise<void> {
    const latest = [...new Map(notes.map((note) => [note.message.deviceId, note])).values()];
    const rows = latest.map(({ message: { deviceId, receivedAt: at }, birth }) => ({
      deviceId,
      birth: JSON.stringify(birth),
      at,
    }));
    await this.audit.change(async (transaction, record) => {
      const fresh = await this.store.upsertBirths(transaction, rows);
      const news = latest.filter(({ message }) => fresh.has(message.deviceId));
      await record(
        ...news.map(({ message, birth: { hardwareClass, agentVersion } }) => ({
          actor: actorOf(message.principal, null),
          action: 'device.registered',
          subject: `device:${message.deviceId}`,
          before: null,
          after: { hardwareClass, agentVersion },
        })),
      );
    });
  }
}

const newcomer = (deviceId: string, at: number): DeviceFacts => ({
  deviceId,
  labels: {},
  revision: 0,
  registeredAt: at,
  firstSeenAt: at,
  birth: null,
  presence: { kind: 'never-connected', since: at },
  twin: NO_TWIN,
  clockBadSince: null,
});
