/** Runs a definition over the stored log in memory: what it would give, without saving anything. */
import {
  MemoryWindows,
  planStream,
  WindowBook,
  WindowReducer,
  emptyTally,
  type HeldWindow,
  type RecordColumns,
} from '@shoal/models/streams';
import type { StreamPreview, StreamPreviewAnswer, StreamTally } from '@shoal/protocol';
import type { DeviceLabels } from '../../../ports/window-store.ts';
import type { LogSource } from './windows-writer.ts';
import { horizonAt } from './running-stream.ts';
import { resultOf } from './window-results.ts';

/** Records read and windows held at most: a few seconds, and some hundred megabytes. */
const RECORDS = 1_000_000;
const WINDOWS = 100_000;
const RECORDS_AT_ONCE = 20_000;

const clipped = (columns: RecordColumns, from: number, to: number): RecordColumns | undefined => {
  const rows = Array.from({ length: columns.length }, (_, row) => row).filter((row) => {
    const at = columns.eventAt[row] ?? 0;
    return at >= from && at < to;
  });
  if (rows.length === columns.length) return columns;
  if (rows.length === 0) return undefined;
  return {
    ...columns,
    length: rows.length,
    eventAt: rows.map((row) => columns.eventAt[row] ?? 0),
    sequence: rows.map((row) => columns.sequence[row] ?? 0),
    clock: rows.map((row) => columns.clock[row] ?? 'bad'),
    column: (name) => {
      const column = columns.column(name);
      return (row) => column(rows[row] ?? 0);
    },
  };
};

const byKeyAndStart = (a: HeldWindow, b: HeldWindow): number =>
  a.key < b.key ? -1 : a.key > b.key ? 1 : a.start - b.start;

/** `breathe` between two parts, so that others get their turn. */
export const dryRun = async (
  log: LogSource,
  { definition, from = 0, to = Number.POSITIVE_INFINITY, limit }: StreamPreview,
  { labels, now }: { readonly labels: readonly DeviceLabels[]; readonly now: number },
  breathe: () => Promise<void>,
): Promise<StreamPreviewAnswer> => {
  const plan = planStream(definition);
  const labelsOf = new Map(labels.map((device) => [device.deviceId, device.labels ?? {}]));
  const windows = new MemoryWindows();
  const book = new WindowBook(windows);
  const tally: StreamTally = emptyTally();
  const horizon = horizonAt(definition, now, [0, 0, 0]);
  let [recordsRead, position, isComplete] = [0, 0, false];
  while (!isComplete && recordsRead < RECORDS && windows.size < WINDOWS) {
    const part = log.read({ afterBatchId: position, records: RECORDS_AT_ONCE, from, to });
    const batches = part.batches.flatMap((columns) => clipped(columns, from, to) ?? []);
    // Whatever is not in the future is over: in a dry run nothing is waited for.
    const step = WindowReducer.step(plan, book, {
      batches,
      labelsOf: (deviceId) => labelsOf.get(deviceId) ?? {},
      horizon,
      watermarkOf: () => now,
    });
    windows.store(book);
    for (const name of Object.keys(tally) as (keyof StreamTally)[]) tally[name] += step.tally[name];
    recordsRead += batches.reduce((sum, { length }) => sum + length, 0);
    position = part.lastBatchId;
    isComplete = part.isEnd;
    await breathe();
  }
  const shown = [...windows.all()]
    .filter(({ level, isRetracted }) => level === 0 && !isRetracted)
    .toSorted(byKeyAndStart);
  return {
    windows: shown.slice(0, limit).map((window) => resultOf(plan, window, now)),
    windowCount: shown.length,
    keyCount: new Set(shown.map(({ key }) => key)).size,
    recordsRead,
    isComplete,
    tally,
  };
};
