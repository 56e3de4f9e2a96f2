/** Every call of the updater to the file system: few enough that a crash can be tried at each of them. */

/** Paths are absolute. What is written is there after a power cut only once `sync` resolved; names only once their folder is synced. */
export interface UpdateDisk {
  /** Undefined when there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Fewer bytes at the end of the file. */
  readAt(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** Bytes; undefined when there is none. */
  size(path: string): Promise<number | undefined>;
  /** Names; empty for a folder that is not there. */
  list(folder: string): Promise<string[]>;
  freeBytes(folder: string): Promise<number>;
  /** With the folders above it; all of them are there after a power cut when it resolves. */
  makeFolder(path: string): Promise<void>;
  /** Replaces the content in place. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Makes the file where there is none. */
  writeAt(path: string, offset: number, bytes: Uint8Array): Promise<void>;
  /** Cuts the file off; one that is shorter stays as it is. */
  truncate(path: string, length: number): Promise<void>;
  /** Of a file or a folder. */
  sync(path: string): Promise<void>;
  /** Replaces a file of that name. */
  rename(from: string, to: string): Promise<void>;
  /** A packed bundle into a folder that is there as a whole or not at all, and durable. Throws ModelError BUNDLE_ARCHIVE_*. */
  unpack(archive: string, folder: string): Promise<void>;
  /** A file, or a folder with all that is in it; none is fine. */
  remove(path: string): Promise<void>;
}
