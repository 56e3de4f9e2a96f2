/** What the checks ask of a database file, whichever program wrote it. */

export interface StoredRecords {
  /** Sentences of `PRAGMA integrity_check`; empty when it said ok. */
  faults(): readonly string[];
  /** 1 when all is well; more is a duplicate. */
  copiesOf(deviceId: string, epoch: string, sequence: number): number;
  /** All copies of all records that were asked for. */
  rows(): number;
  close(): void;
}

/** Opens the database in a folder, or answers undefined when there is none yet. Throws when it cannot be read. */
export type OpenRecords = (folder: string) => StoredRecords | undefined;
