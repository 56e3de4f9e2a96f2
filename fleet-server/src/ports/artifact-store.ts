/** Where packed bundles lie: content by its sha256, written once, read in ranges. */
import type { Readable } from 'node:stream';
import type { ByteRange, HashedContent } from '@shoal/models/trust';

/** Content that has arrived and is nowhere yet. */
export interface StagedArtifact extends HashedContent {
  /** A file on this machine, until it is kept or discarded. */
  readonly path: string;
  /** Durable when it resolves; the same content twice is one. */
  keep(): Promise<void>;
  discard(): Promise<void>;
}

export interface StoredArtifact {
  readonly lengthBytes: number;
  /** Half-open. */
  read(range: ByteRange): Readable;
}

/** Hashes are hex of sha256. Everything throws FleetError ARTIFACT_STORE_UNAVAILABLE when the disk refuses. */
export abstract class ArtifactStore {
  /** Hashes as it writes. @throws FleetError REQUEST_TOO_LARGE, and whatever the content throws; nothing is left then */
  abstract stage(content: AsyncIterable<Uint8Array>, maxBytes: number): Promise<StagedArtifact>;
  abstract find(sha256: string): Promise<StoredArtifact | undefined>;
  /** What makes `target` of `base`, made off the event loop when it is first asked for; undefined when it would save too little. */
  abstract delta(target: string, base: string): Promise<StoredArtifact | undefined>;
  abstract remove(sha256: string): Promise<void>;
  /** Before anything is served: what a kill left behind goes. @returns how many */
  abstract retainOnly(known: ReadonlySet<string>): Promise<number>;
}

/** The same for images of operating systems, apart from what devices install as models. */
export abstract class SystemImageStore extends ArtifactStore {}
