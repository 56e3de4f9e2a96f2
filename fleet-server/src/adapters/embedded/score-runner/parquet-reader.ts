/**
 * Rows of a Parquet file from a thread of their own. A decoder believes what a file says: a damaged one can make it loop for ever or
 * take all memory, so the thread has a bound on both.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { FleetError } from '../../../errors.ts';
import { asStoreError } from '../store-errors.ts';
import { ThreadError } from '../sqlite-telemetry/thread-link.ts';
import type { ThreadFault } from '../sqlite-telemetry/thread-messages.ts';
import { unreadable } from './parquet-check.ts';

export interface ParquetSource {
  readonly path: string;
  /** The column that is a must. */
  readonly entity: string;
  /** Other columns; undefined: all. */
  readonly wanted: ReadonlySet<string> | undefined;
}

type Rows = readonly Readonly<Record<string, unknown>>[];
export type ParquetAnswer =
  { readonly rows: readonly Readonly<Record<string, unknown>>[] | null } | { readonly fault: ThreadFault };

/** A row group of the largest size, unpacked into numbers and texts. */
const MEMORY_MB = 512;
/** Many times what the largest row group takes. */
const PATIENCE_MS = 120_000;
const fromSource = import.meta.url.endsWith('.ts');
const ENTRY = new URL(`./parquet-thread${fromSource ? '.ts' : '.js'}`, import.meta.url);

/**
 * As `parquetRows`; nothing for `patienceMs` is damage too.
 * @yields a row
 * @throws FleetError SCORING_FILE_UNREADABLE
 */
export async function* readParquet(
  source: ParquetSource,
  patienceMs = PATIENCE_MS,
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const worker = new Worker(ENTRY, {
    workerData: source,
    execArgv: fromSource ? ['--conditions=source'] : [],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  try {
    for (;;) {
      const rows = await nextRows(worker, patienceMs);
      if (rows === null) return;
      yield* rows;
    }
  } finally {
    await worker.terminate();
  }
}

const nextRows = async (worker: Worker, patienceMs: number): Promise<Rows | null> => {
  worker.postMessage(null);
  const signal = AbortSignal.timeout(patienceMs);
  try {
    const [answer] = (await once(worker, 'message', { signal })) as [ParquetAnswer];
    if ('rows' in answer) return answer.rows;
    throw asStoreError('SCORING_FILE_UNREADABLE', 'The Parquet file', new ThreadError(answer.fault));
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    throw unreadable(signal.aborted ? 'it comes to no end' : 'it takes more memory than there is for it', cause);
  }
};
