/** Where packed bundles and metadata come from. */

export interface BlobSource {
  /**
   * Bytes from `start` up to `end`, exclusive, in pieces; ends early where the source does, and never goes beyond `end`. Throws
   * AgentError UPDATE_OFFLINE, UPDATE_TOO_SLOW.
   */
  range(sha256: string, start: number, end: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** What makes `sha256` of a base that is here; undefined where the source has none. At most `maxBytes`. */
  delta(
    sha256: string,
    base: string,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array> | undefined>;
}

export interface FileSource {
  /** A small file as a whole; undefined where there is none. `path` begins with a slash. Throws UPDATE_OFFLINE, also for one with more than `maxBytes`. */
  file(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined>;
}
