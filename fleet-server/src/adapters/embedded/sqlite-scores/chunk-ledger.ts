/** Partitions with their leases, and chunks: rows, ledger and position in one transaction, or nothing of them. */
import type { Statement } from 'better-sqlite3';
import type { QuarantinedRow } from '@shoal/protocol';
import { RunPace } from './run-pace.ts';
import type { EncodedBlock } from './score-block.ts';
import { PARTITION, type Sqlite } from './scores-file.ts';

/** Entities after `from`, up to and with `to`; null is without end. */
export interface PartitionRange {
  readonly from: string;
  readonly to: string | null;
}

/** Who holds a partition: a commit with another fence writes nothing. */
export interface Lease {
  readonly runNo: number;
  readonly partNo: number;
  readonly fence: number;
}

export interface LeasedPartition extends PartitionRange {
  readonly partNo: number;
  readonly fence: number;
  /** Attempts that failed before. */
  readonly failures: number;
}

export interface RunPlan {
  readonly runNo: number;
  /** Of the run whose rows are carried over. */
  readonly baseNo: number | null;
  readonly expected: number;
  readonly ranges: readonly PartitionRange[];
  readonly quarantined: readonly QuarantinedRow[];
}

export interface CommittedChunk extends Lease {
  /** The last entity that was read. */
  readonly last: string;
  readonly isLast: boolean;
  readonly rows: number;
  /** Of these the ones that were carried over. */
  readonly carried: number;
  /** Read, and nothing was known of them at the as-of instant. */
  readonly skipped: number;
  readonly blocks: readonly EncodedBlock[];
  readonly quarantined: readonly QuarantinedRow[];
  readonly now: number;
}

/** An entity of a file or a list, with what the file says of it. */
export interface InputRow {
  readonly entity: string;
  /** Float64 numbers parallel to the features; NaN where the file says nothing. */
  readonly own: Uint8Array | null;
}

/** A lease that is not renewed by a commit ends after this. */
const LEASE_MS = 60_000;

interface PartitionRow {
  readonly part_no: number;
  readonly next_key: string;
  readonly to_key: string | null;
  readonly fence: number;
  readonly failures: number;
}

export interface RunTotals {
  readonly quarantined: number;
  readonly done: number;
  readonly expected: number;
}

/** Written by whoever runs, beside whoever else writes the file. `gone`: the run does not run any more, or somebody else has the lease. */
export class ChunkLedger {
  readonly #db: Sqlite;
  readonly #pace: RunPace;
  readonly #runs: Statement<[number], number>;
  readonly #clear: readonly Statement<[number]>[];
  readonly #stage: Statement<[number, string, Uint8Array | null]>;
  readonly #planned: Statement<[number, number | null, number]>;
  readonly #partition: Statement<[number, number, string, string | null, string]>;
  /** Rows of a file that are in no partition count with the first. */
  readonly #unusable: Statement<[number, number]>;
  readonly #free: Statement<[number, number], PartitionRow>;
  readonly #open: Statement<[number], number>;
  readonly #lease: Statement<[number, number, number]>;
  readonly #held: Statement<[number, number, number], number>;
  readonly #block: Statement<[number, string, number, Uint8Array, Uint8Array | null]>;
  readonly #quarantine: Statement<[number, string, string, string]>;
  readonly #chunk: Statement;
  readonly #forward: Statement;
  readonly #release: Statement<[number, number, number]>;
  readonly #totals: Statement<[number], RunTotals>;

  constructor(db: Sqlite) {
    this.#db = db;
    this.#pace = new RunPace(db);
    this.#runs = db
      .prepare<[number], number>("SELECT 1 FROM runs WHERE run_no = ? AND state = 'running'")
      .pluck() as Statement<[number], number>;
    this.#clear = ['inputs', 'quarantine'].map((table) => db.prepare(`DELETE FROM ${table} WHERE run_no = ?`));
    this.#stage = db.prepare('INSERT OR IGNORE INTO inputs (run_no, entity, own) VALUES (?, ?, ?)');
    this.#planned = db.prepare('UPDATE runs SET expected = ?, base_no = ? WHERE run_no = ?');
    this.#partition = db.prepare(
      'INSERT INTO partitions (run_no, part_no, from_key, to_key, next_key) VALUES (?, ?, ?, ?, ?)',
    );
    this.#unusable = db.prepare('UPDATE partitions SET quarantined = ? WHERE run_no = ? AND part_no = 0');
    this.#free = db.prepare(
      `SELECT part_no, next_key, to_key, fence, failures FROM partitions
      WHERE run_no = ? AND (state = ${PARTITION.ready} OR (state = ${PARTITION.leased} AND lease_until <= ?))
      ORDER BY part_no LIMIT 1`,
    );
    this.#open = db
      .prepare<[number], number>(`SELECT 1 FROM partitions WHERE run_no = ? AND state <> ${PARTITION.done} LIMIT 1`)
      .pluck() as Statement<[number], number>;
    this.#lease = db.prepare(
      `UPDATE partitions SET state = ${PARTITION.leased}, fence = fence + 1, lease_until = ?, begun = begun + 1
      WHERE run_no = ? AND part_no = ?`,
    );
    this.#held = db
      .prepare<[number, number, number], number>(
        `SELECT committed FROM partitions
        WHERE run_no = ? AND part_no = ? AND fence = ? AND state = ${PARTITION.leased}`,
      )
      .pluck() as Statement<[number, number, number], number>;
    this.#block = db.prepare('INSERT INTO blocks (run_no, first, block_rows, data, marks) VALUES (?, ?, ?, ?, ?)');
    this.#quarantine = db.prepare('INSERT INTO quarantine (run_no, entity, reason, detail) VALUES (?, ?, ?, ?)');
    this.#chunk = db.prepare('INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    this.#forward = db.prepare(
      `UPDATE partitions SET next_key = :last, state = :state, lease_until = :leaseUntil, failures = 0,
        done_rows = done_rows + :rows, carried = carried + :carried, quarantined = quarantined + :quarantined, skipped = skipped + :skipped,
        begun = begun + :begun, committed = committed + 1 WHERE run_no = :runNo AND part_no = :partNo`,
    );
    this.#release = db.prepare(
      `UPDATE partitions SET state = ${PARTITION.ready}, lease_until = NULL, failures = failures + 1
      WHERE run_no = ? AND part_no = ? AND fence = ? AND state = ${PARTITION.leased}`,
    );
    this.#totals = db.prepare(
      `SELECT sum(p.quarantined) AS quarantined, sum(p.done_rows) AS done, r.expected - sum(p.skipped) AS expected
      FROM partitions p JOIN runs r ON r.run_no = p.run_no WHERE p.run_no = ?`,
    );
  }

  /** Starts the list of a file anew. */
  clearInputs(runNo: number): void {
    this.#whole(() => {
      for (const statement of this.#clear) statement.run(runNo);
    });
  }

  /** @returns entities that were listed before: the first row of each holds */
  stage(runNo: number, rows: readonly InputRow[]): string[] {
    return this.#whole(() =>
      rows.filter(({ entity, own }) => this.#stage.run(runNo, entity, own).changes === 0).map(({ entity }) => entity),
    );
  }

  plan({ runNo, baseNo, expected, ranges, quarantined }: RunPlan): void {
    this.#whole(() => {
      for (const [partNo, { from, to }] of ranges.entries()) this.#partition.run(runNo, partNo, from, to, from);
      this.#planned.run(expected, baseNo, runNo);
      this.#unusable.run(quarantined.length, runNo);
      this.#setAside(runNo, quarantined);
    });
  }

  lease(runNo: number, now: number): LeasedPartition | 'done' | 'busy' | 'gone' {
    return this.#whole(() => {
      if (this.#runs.get(runNo) === undefined) return 'gone';
      const row = this.#free.get(runNo, now);
      if (row === undefined) return this.#open.get(runNo) === undefined ? 'done' : 'busy';
      this.#lease.run(now + LEASE_MS, runNo, row.part_no);
      this.#pace.begin(runNo, now);
      const { part_no: partNo, next_key: from, to_key: to, failures } = row;
      return { partNo, from, to, fence: row.fence + 1, failures };
    });
  }

  commit(chunk: CommittedChunk): RunTotals | 'gone' {
    return this.#whole(() => this.#commit(chunk));
  }

  /** The attempt failed: the partition is free again. */
  release({ runNo, partNo, fence }: Lease): void {
    this.#whole(() => this.#release.run(runNo, partNo, fence));
  }

  #commit(chunk: CommittedChunk): RunTotals | 'gone' {
    const { runNo, partNo, fence, last, isLast, rows, carried, skipped, blocks, quarantined, now } = chunk;
    const chunkNo = this.#runs.get(runNo) === undefined ? undefined : this.#held.get(runNo, partNo, fence);
    if (chunkNo === undefined) return 'gone';
    for (const { first, rows: count, data, marks } of blocks) this.#block.run(runNo, first, count, data, marks);
    this.#setAside(runNo, quarantined);
    this.#chunk.run(runNo, partNo, chunkNo, fence, last, rows, quarantined.length, now);
    this.#forward.run({
      runNo,
      partNo,
      last,
      state: isLast ? PARTITION.done : PARTITION.leased,
      leaseUntil: isLast ? null : now + LEASE_MS,
      rows,
      carried,
      skipped,
      quarantined: quarantined.length,
      begun: isLast ? 0 : 1,
    });
    this.#pace.note(runNo, rows + quarantined.length, now);
    return this.#totals.get(runNo) as RunTotals;
  }

  #whole<T>(work: () => T): T {
    return this.#db.transaction(work).immediate();
  }

  #setAside(runNo: number, rows: readonly QuarantinedRow[]): void {
    for (const { entity, reason, detail } of rows) this.#quarantine.run(runNo, entity, reason, detail);
  }
}
