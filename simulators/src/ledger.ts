/** The truth of what light devices made, and its comparison with the server, record by record. */
import { RECORD_KINDS } from '@shoal/protocol';
import { compareRecords, keyOf, type LedgerEntry, type StoredHistory } from './ledger/compare-records.ts';
import { contentHash } from './ledger/content-hash.ts';
import { addFindings, NOTHING_FOUND, type Findings } from './ledger/findings.ts';
import { storedRanges, storedRecords } from './ledger/server-history.ts';
import type { Production } from './light-device.ts';

const historyOf = async (httpUrl: string, deviceId: string): Promise<StoredHistory> => {
  const records: StoredHistory['records'][number][] = [];
  for (const kind of RECORD_KINDS) {
    for (const entry of await storedRecords(httpUrl, deviceId, kind)) records.push({ kind, entry });
  }
  return { records, ranges: await storedRanges(httpUrl, deviceId) };
};

export class Ledger {
  private readonly devices = new Map<string, Map<string, LedgerEntry>>();

  /** Records made so far. */
  get size(): number {
    return [...this.devices.values()].reduce((sum, entries) => sum + entries.size, 0);
  }

  get deviceIds(): readonly string[] {
    return [...this.devices.keys()];
  }

  /** To be called before the records are sent. */
  note({ deviceId, epoch, kind, class: priority, lane, records }: Production): void {
    const entries = this.devices.get(deviceId) ?? new Map<string, LedgerEntry>();
    this.devices.set(deviceId, entries);
    for (const record of records) {
      const { sequence, observedAt } = record;
      const hash = contentHash(kind, record);
      entries.set(keyOf({ epoch, sequence }), { epoch, sequence, kind, class: priority, lane, observedAt, hash });
    }
  }

  /** @throws SimulatorError SERVER_ANSWER_INVALID */
  async compareDevice(httpUrl: string, deviceId: string): Promise<Findings> {
    const truth = this.devices.get(deviceId) ?? new Map<string, LedgerEntry>();
    return compareRecords(deviceId, truth, await historyOf(httpUrl, deviceId));
  }

  /** All devices, one after the other. */
  async compare(httpUrl: string): Promise<Findings> {
    let findings = NOTHING_FOUND;
    for (const deviceId of this.devices.keys()) {
      findings = addFindings(findings, await this.compareDevice(httpUrl, deviceId));
    }
    return findings;
  }
}
