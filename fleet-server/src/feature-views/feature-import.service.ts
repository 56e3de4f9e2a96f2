/** Imports CSV files as they arrive: good rows are stored, bad ones are counted and listed, and an import that broke off says so. */
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { requestIdSchema, type FeatureImport, type Page, type RejectedRow } from '@shoal/protocol';
import { parse, type CsvError } from 'csv-parse';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { FleetError } from '../errors.ts';
import { FeatureStore, type PageOptions, type PushedWrite } from '../ports/feature-store.ts';
import type { CompiledView } from './compiled-view.ts';
import { readHeader, readRow, type CsvColumns } from './csv-rows.ts';
import { ViewRegistry } from './view-registry.service.ts';
import { Surroundings } from './surroundings.service.ts';

/** Rows read in one turn of the event loop, and stored in one transaction. */
const ROWS_AT_ONCE = 250;
const ROW_BYTES = 65_536;
const SAMPLE_CHARACTERS = 200;

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/** A file while it is read: its rows, and the faults that the parser stepped over since the last row. */
interface CsvFile {
  readonly rows: AsyncIterator<CsvRecord>;
  readonly skipped: CsvError[];
}

interface Part {
  readonly writes: PushedWrite[];
  readonly rejected: RejectedRow[];
}

@Injectable()
export class FeatureImportService {
  private readonly registry: ViewRegistry;
  private readonly store: FeatureStore;
  private readonly audit: AuditService;
  private readonly around: Surroundings;

  constructor(registry: ViewRegistry, store: FeatureStore, audit: AuditService, around: Surroundings) {
    this.registry = registry;
    this.store = store;
    this.audit = audit;
    this.around = around;
  }

  /**
   * Resolves when every row is on disk or listed. When the file ends early, what came is stored, and the import is interrupted.
   * @throws FleetError FEATURE_VIEW_NOT_FOUND | FEATURE_HEADER_INVALID | FEATURE_IMPORT_EXISTS | FEATURE_STORE_UNAVAILABLE
   */
  async import(actor: Actor, view: string, file: Readable, key: string | undefined): Promise<FeatureImport> {
    const compiled = this.registry.named(view);
    const importId = key ?? randomUUID();
    if (!requestIdSchema.safeParse(importId).success) {
      const faults = [{ path: 'Idempotency-Key', message: 'expected 1-64 characters of A-Z, a-z, 0-9, "_" and "-"' }];
      throw new FleetError('REQUEST_INVALID', 'The Idempotency-Key is no id of an import.', { faults });
    }
    const csv = csvOf(file);
    const header = await csv.rows.next();
    const columns = readHeader(compiled, header.done === true ? [] : header.value.record);
    if (!(await this.store.beginImport(importId, view))) {
      throw new FleetError('FEATURE_IMPORT_EXISTS', `There is an import ${importId}; see GET /api/feature-imports.`);
    }
    const isWhole = await this.storeAll(compiled, columns, csv, importId);
    const ended = await this.store.endImport(importId, isWhole ? 'completed' : 'interrupted');
    const { reasons: _, ...after } = ended;
    await this.audit.change((__, record) =>
      record({ actor, action: 'features.imported', subject: `feature-view:${view}`, before: null, after }),
    );
    return ended;
  }

  /** @throws FleetError FEATURE_IMPORT_NOT_FOUND */
  async show(importId: string): Promise<FeatureImport> {
    const found = await this.store.findImport(importId);
    if (found !== undefined) return found;
    throw new FleetError(
      'FEATURE_IMPORT_NOT_FOUND',
      `No import "${importId}". List them with GET /api/feature-imports.`,
    );
  }

  list(page: PageOptions): Promise<Page<FeatureImport>> {
    return this.store.listImports(page);
  }

  /** @throws FleetError FEATURE_IMPORT_NOT_FOUND */
  async rejected(importId: string, page: PageOptions): Promise<Page<RejectedRow>> {
    await this.show(importId);
    return this.store.listRejected(importId, page);
  }

  /** @returns whether the file was read to its end */
  private async storeAll(
    compiled: CompiledView,
    columns: CsvColumns,
    { rows, skipped }: CsvFile,
    importId: string,
  ): Promise<boolean> {
    let part: Part = { writes: [], rejected: [] };
    let line = 1;
    let isWhole = true;
    for (let more = true; more;) {
      try {
        const next = await rows.next();
        more = next.done !== true;
        if (next.done !== true) {
          ({ lines: line } = next.value.info);
          this.take(part, compiled, columns, next.value);
        }
        for (const { code, message } of skipped.splice(0)) {
          line += 1;
          this.refuse(part, { line, reason: 'FEATURE_ROW_MALFORMED', detail: message, sample: '' });
          // A quote that is never closed swallows the rest of the file.
          isWhole &&= code !== 'CSV_QUOTE_NOT_CLOSED';
        }
      } catch (error) {
        // Of the file, not of a row: nothing after it can be read.
        more = false;
        isWhole = false;
        const detail = `Nothing is read after this: ${error instanceof Error ? error.message : String(error)}`;
        this.refuse(part, { line: line + 1, reason: 'FEATURE_ROW_MALFORMED', detail, sample: '' });
        this.around.log.warn({ importId, err: error }, 'an import broke off');
      }
      if (part.writes.length + part.rejected.length < ROWS_AT_ONCE && more) continue;
      if (part.writes.length + part.rejected.length > 0) await this.store.importRows({ importId, ...part });
      part = { writes: [], rejected: [] };
      await setImmediate();
    }
    return isWhole;
  }

  private take(part: Part, compiled: CompiledView, columns: CsvColumns, { record, info }: CsvRecord): void {
    try {
      part.writes.push(readRow(compiled, columns, record, this.around.clock.now()));
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      const sample = record.join(',').slice(0, SAMPLE_CHARACTERS);
      this.refuse(part, { line: info.lines, reason: error.code, detail: error.message, sample });
    }
  }

  private refuse(part: Part, row: RejectedRow): void {
    part.rejected.push(row);
    this.around.metrics.count('feature_rows_rejected_total', 1, { code: row.reason });
  }
}

/** A fault of the file ends the iteration with an error, and so does a connection that breaks; a fault of a row is skipped. */
const csvOf = (file: Readable): CsvFile => {
  const skipped: CsvError[] = [];
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: (error) => {
      if (error !== undefined) skipped.push(error);
    },
    max_record_size: ROW_BYTES,
  });
  file.once('error', (error) => parser.destroy(error));
  file.once('aborted', () => parser.destroy(new Error('the connection broke')));
  return { rows: (file.pipe(parser) as AsyncIterable<CsvRecord>)[Symbol.asyncIterator](), skipped };
};
