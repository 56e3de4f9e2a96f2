/**
 * A disk that forgets: replays what a process did to its files and says what a power cut at any moment may leave of it.
 *
 * The model, stricter than the journalling file systems of small computers: content is safe once a sync of its file has
 * returned that began after the write had returned; a name (made, renamed or removed) is safe once its folder was synced
 * likewise. Of what is not safe, a power cut may leave nothing, a prefix, or any selection of 512-byte sectors; names
 * not yet safe survive as a prefix of their order. Sectors that nobody wrote to are never harmed (SQLite calls this
 * "powersafe overwrite").
 */
import { dirname } from 'node:path';
import { GrowingFile } from './growing-file.ts';
import type { DiskOperation } from './operations.ts';
import type { Loss } from './loss.ts';

type ContentChange = Extract<DiskOperation, { kind: 'write' | 'resize' }>;
type NameChange = { readonly endedAt: number; readonly path: string; readonly to: FileState | undefined };

interface FileState {
  safe: GrowingFile;
  pending: ContentChange[];
}

export class DiskReplay {
  private readonly now = new Map<string, FileState>();
  private readonly safeNames = new Map<string, FileState>();
  private readonly pendingNames = new Map<string, NameChange[]>();

  apply(operation: DiskOperation): void {
    switch (operation.kind) {
      case 'open':
        if (!this.now.has(operation.path)) this.rename(operation, { safe: new GrowingFile(), pending: [] });
        if (operation.truncates) this.change({ ...operation, kind: 'resize', sizeBytes: 0 });
        break;
      case 'write':
      case 'resize':
        this.change(operation);
        break;
      case 'sync':
        this.sync(operation.path, operation.startedAt);
        break;
      case 'unlink':
        this.rename(operation, undefined);
        break;
      case 'rename': {
        const file = this.now.get(operation.path);
        this.rename({ path: operation.to, endedAt: operation.endedAt }, file);
        this.rename(operation, undefined);
        break;
      }
    }
  }

  /** True when a power cut now could not take anything. */
  get isSettled(): boolean {
    const names = [...this.pendingNames.values()].every((changes) => changes.length === 0);
    return names && [...this.now.values()].every((file) => file.pending.length === 0);
  }

  /** Path → content as a disk may hold it after a power cut at this moment; `loss` decides the fate of what is not safe. */
  image(loss: Loss): Map<string, Buffer> {
    const names = new Map(this.safeNames);
    for (const changes of this.pendingNames.values()) {
      for (const change of changes.slice(0, loss.namesKept(changes.length))) setName(names, change.path, change.to);
    }
    const contents = new Map<string, Buffer>();
    for (const [path, file] of names) {
      const content = file.safe.copy();
      for (const change of loss.surviving(file.pending)) content.apply(change);
      contents.set(path, content.bytes());
    }
    return contents;
  }

  private change(change: ContentChange): void {
    this.now.get(change.path)?.pending.push(change);
  }

  private rename({ path, endedAt }: { readonly path: string; readonly endedAt: number }, to: FileState | undefined) {
    setName(this.now, path, to);
    const folder = dirname(path);
    const changes = this.pendingNames.get(folder) ?? [];
    changes.push({ endedAt, path, to });
    this.pendingNames.set(folder, changes);
  }

  private sync(path: string, startedAt: number): void {
    const file = this.now.get(path);
    if (file === undefined) {
      this.syncNames(path, startedAt);
      return;
    }
    for (const change of file.pending.filter(({ endedAt }) => endedAt < startedAt)) file.safe.apply(change);
    file.pending = file.pending.filter(({ endedAt }) => endedAt >= startedAt);
  }

  private syncNames(folder: string, startedAt: number): void {
    const changes = this.pendingNames.get(folder) ?? [];
    for (const change of changes.filter(({ endedAt }) => endedAt < startedAt)) {
      setName(this.safeNames, change.path, change.to);
    }
    this.pendingNames.set(
      folder,
      changes.filter(({ endedAt }) => endedAt >= startedAt),
    );
  }
}

const setName = (names: Map<string, FileState>, path: string, file: FileState | undefined): void => {
  if (file === undefined) names.delete(path);
  else names.set(path, file);
};
