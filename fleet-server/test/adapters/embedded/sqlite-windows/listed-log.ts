/** A telemetry log that says what it is told, of one device that sends what waited on it. */
import type { RecordColumns } from '@shoal/models/streams';
import type { LogPart, LogSpan } from '../../../../src/adapters/embedded/sqlite-telemetry/log-columns.ts';

/** One commit per entry: when its records happened. */
export class ListedLog {
  readonly #receivedAt: number;
  commits: number[][] = [];

  constructor(receivedAt: number) {
    this.#receivedAt = receivedAt;
  }

  head(): number {
    return this.commits.length;
  }

  read({ afterBatchId, records: wanted, untilBatchId = Number.POSITIVE_INFINITY }: LogSpan): LogPart {
    const batches: RecordColumns[] = [];
    let [lastBatchId, records] = [afterBatchId, 0];
    while (lastBatchId < Math.min(this.commits.length, untilBatchId) && records < wanted) {
      const eventAt = this.commits[lastBatchId] ?? [];
      lastBatchId += 1;
      records += eventAt.length;
      batches.push({
        deviceId: 'pump-1',
        kind: 'readings',
        lane: 'backlog',
        receivedAt: this.#receivedAt,
        length: eventAt.length,
        eventAt,
        sequence: eventAt.map((_, row) => row + 1),
        clock: eventAt.map(() => 'good' as const),
        column: () => () => null,
      });
    }
    return { lastBatchId, batches, records, isEnd: lastBatchId >= this.commits.length };
  }
}
