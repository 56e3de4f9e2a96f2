/** What the load devices were promised, and whether a database keeps it. */
import type { StoredRecords } from '../database/stored-records.ts';
import type { LoadReport } from './load-messages.ts';
import { loadDeviceId, RECORDS_PER_MESSAGE, sequencesOf, loadEpoch } from './load-records.ts';

export interface LedgerFindings {
  readonly lost: number;
  readonly duplicated: number;
  readonly examples: readonly string[];
}

interface Acknowledgement {
  readonly device: number;
  readonly message: number;
}

export class LoadLedger {
  private readonly seed: string;
  private readonly acknowledged: Acknowledgement[] = [];
  private checked = 0;

  constructor(seed: string) {
    this.seed = seed;
  }

  add(report: LoadReport): void {
    for (const [device, messages] of report.acknowledged.entries()) {
      for (const message of messages) this.acknowledged.push({ device, message });
    }
  }

  get records(): number {
    return this.acknowledged.length * RECORDS_PER_MESSAGE;
  }

  /** The lowest sequence among what was not compared yet. */
  get lowestUnchecked(): number {
    return this.acknowledged
      .slice(this.checked)
      .reduce((lowest, { message }) => Math.min(lowest, sequencesOf(message)[0] ?? 1), Infinity);
  }

  /** Compares what was acknowledged since the last comparison. */
  compareNew(stored: StoredRecords): LedgerFindings {
    const findings = this.compare(stored, this.acknowledged.slice(this.checked));
    this.checked = this.acknowledged.length;
    return findings;
  }

  compareAll(stored: StoredRecords): LedgerFindings {
    return this.compare(stored, this.acknowledged);
  }

  private compare(stored: StoredRecords, acknowledgements: readonly Acknowledgement[]): LedgerFindings {
    const lost: string[] = [];
    const duplicated: string[] = [];
    for (const { device, message } of acknowledgements) {
      const epoch = loadEpoch(this.seed, device);
      for (const sequence of sequencesOf(message)) {
        const copies = stored.copiesOf(loadDeviceId(device), epoch, sequence);
        if (copies === 0) lost.push(`${loadDeviceId(device)} ${sequence}: acknowledged and not stored`);
        if (copies > 1) duplicated.push(`${loadDeviceId(device)} ${sequence}: stored ${copies} times`);
      }
    }
    const examples = [...lost.slice(0, 3), ...duplicated.slice(0, 3)];
    return { lost: lost.length, duplicated: duplicated.length, examples };
  }
}
