/** What rules know of devices: labels, and when something of them was last there. All of it is told anew at every start. */
import { carriesLabels, type Contact } from '@shoal/models/alerts';
import type { Labels, LabelTerms } from '@shoal/protocol';
import type { WatchedDevice } from '../../../ports/alert-store.ts';

interface Known {
  readonly labels: Labels;
  readonly contact: Contact;
}

const NO_LABELS: Labels = {};

export class KnownDevices {
  readonly #devices = new Map<string, Known>();

  /** Records count from when the device was first told of. @returns ids of those that are gone */
  set(devices: readonly WatchedDevice[], now: number): string[] {
    const gone: string[] = [];
    for (const { deviceId, labels, isConnected, contactAt } of devices) {
      if (labels === null) {
        if (this.#devices.delete(deviceId)) gone.push(deviceId);
        continue;
      }
      const recordsAt = this.#devices.get(deviceId)?.contact.recordsAt ?? now;
      this.#devices.set(deviceId, { labels, contact: { deviceId, isConnected, contactAt, recordsAt } });
    }
    return gone;
  }

  heard(deviceId: string, receivedAt: number): void {
    const known = this.#devices.get(deviceId);
    if (known === undefined || known.contact.recordsAt >= receivedAt) return;
    this.#devices.set(deviceId, { ...known, contact: { ...known.contact, recordsAt: receivedAt } });
  }

  has(deviceId: string): boolean {
    return this.#devices.has(deviceId);
  }

  labelsOf(deviceId: string): Labels {
    return this.#devices.get(deviceId)?.labels ?? NO_LABELS;
  }

  /** What is no device carries no labels. */
  carries(key: string, terms: LabelTerms): boolean {
    return terms.length === 0 || carriesLabels(this.labelsOf(key), terms);
  }

  *contacts(): Iterable<Contact> {
    for (const { contact } of this.#devices.values()) yield contact;
  }
}
