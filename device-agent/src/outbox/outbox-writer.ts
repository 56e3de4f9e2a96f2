/** The thread that owns the outbox file: opens it, answers one request after the other, sets a damaged file aside. */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isAgentError, sentenceOf } from '../errors.ts';
import { NO_DROPS } from './drop-counts.ts';
import { OutboxDatabase } from './outbox-database.ts';
import type { WriterAnswer, WriterFailureCode, WriterOptions, WriterRequest } from './outbox-messages.ts';
import type { StoredRecord } from './outbox.port.ts';

/** Damaged files kept beside the outbox for a person to look at; older ones are deleted. */
const QUARANTINED_FILES = 2;

const sqliteCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** What SQLite says, as a code of the catalogue. */
export const failureCode = (error: unknown): WriterFailureCode => {
  if (isAgentError(error) && (error.code === 'OUTBOX_FROM_NEWER_AGENT' || error.code === 'OUTBOX_CORRUPT'))
    return error.code;
  const code = sqliteCode(error);
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return 'OUTBOX_CORRUPT';
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return 'OUTBOX_LOCKED';
  return code === 'SQLITE_FULL' || code === 'ENOSPC' ? 'OUTBOX_DISK_FULL' : 'OUTBOX_WRITE_FAILED';
};

export class OutboxWriter {
  readonly #options: WriterOptions;
  #database: OutboxDatabase | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Opens; of a damaged file a new one is made in its place. */
  open(): WriterAnswer {
    return this.#guarded(() => []);
  }

  answer(request: Exclude<WriterRequest, { op: 'close' }>): WriterAnswer {
    let evicted = NO_DROPS;
    const answer = this.#guarded((database) => {
      switch (request.op) {
        case 'commit':
          evicted = database.commit(request.commit);
          return [];
        case 'read':
          return database.read(request.read);
        case 'begin-epoch':
          database.beginEpoch();
          return [];
      }
    });
    return answer.ok ? { ...answer, evicted } : answer;
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  /** A damaged file is set aside and the work done again on a new one, once. */
  #guarded(work: (database: OutboxDatabase) => readonly StoredRecord[]): WriterAnswer {
    try {
      return this.#attempt(work, null);
    } catch (error) {
      if (failureCode(error) !== 'OUTBOX_CORRUPT') return this.#failure(error);
    }
    try {
      return this.#attempt(work, this.#setAside());
    } catch (error) {
      return this.#failure(error);
    }
  }

  #attempt(work: (database: OutboxDatabase) => readonly StoredRecord[], quarantinedAs: string | null): WriterAnswer {
    if (this.#database === undefined) {
      mkdirSync(dirname(this.#options.file), { recursive: true });
      this.#database = new OutboxDatabase(this.#options);
    }
    const database = this.#database;
    const records = work(database);
    return { ok: true, state: database.state(), records, evicted: NO_DROPS, quarantinedAs };
  }

  #failure(error: unknown): WriterAnswer {
    const code = failureCode(error);
    return { ok: false, code, message: messageOf(code, this.#options.file, error) };
  }

  /** Renames the file with its log; a log without its file would be replayed into the new one. */
  #setAside(): string {
    this.close();
    const { file } = this.#options;
    const keptAs = `${file}.damaged-${Date.now()}`;
    renameSync(file, keptAs);
    for (const suffix of ['-wal', '-shm']) {
      rmSync(`${keptAs}${suffix}`, { force: true });
      try {
        renameSync(`${file}${suffix}`, `${keptAs}${suffix}`);
      } catch {
        rmSync(`${file}${suffix}`, { force: true });
      }
    }
    this.#forgetOldQuarantine();
    return keptAs;
  }

  #forgetOldQuarantine(): void {
    const folder = dirname(this.#options.file);
    const prefix = `${basename(this.#options.file)}.damaged-`;
    const kept = readdirSync(folder).filter((name) => name.startsWith(prefix) && /-\d+$/.test(name));
    for (const name of kept.sort().slice(0, -QUARANTINED_FILES)) {
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `${name}${suffix}`), { force: true });
    }
  }
}

/** Names the file and the remedy, which SQLite does not. */
const messageOf = (code: WriterFailureCode, file: string, error: unknown): string => {
  const said = sentenceOf(error);
  switch (code) {
    case 'OUTBOX_LOCKED':
      return `Another process uses ${file}; give every agent its own data folder.`;
    case 'OUTBOX_DISK_FULL':
      return `No space to write ${file}; free some. Records wait in memory.`;
    case 'OUTBOX_WRITE_FAILED':
      return `Cannot write ${file}: ${said}; check the disk and permissions. Records wait in memory.`;
    case 'OUTBOX_CORRUPT':
    case 'OUTBOX_FROM_NEWER_AGENT':
      return said;
  }
};
