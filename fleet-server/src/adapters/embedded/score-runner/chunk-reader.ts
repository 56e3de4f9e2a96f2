/** Reads chunks of entities with their vectors, a slice at a time, so that the process can hear and hand on in between. */
import { setImmediate } from 'node:timers/promises';
import type { QuarantinedRow } from '@shoal/protocol';
import type { EntitySource, SourceRow } from './entity-source.ts';
import type { KnownStates } from './known-states.ts';
import type { VectorRows } from './vector-rows.ts';

export interface ReadChunk {
  /** Ascending; row i of the matrix is entity i. */
  readonly entities: readonly string[];
  readonly matrix: Float32Array;
  readonly quarantined: readonly QuarantinedRow[];
  /** Nothing was known of them at the as-of instant. */
  readonly skipped: number;
  readonly last: string;
  readonly isLast: boolean;
}

interface Filling {
  readonly entities: string[];
  readonly matrix: Float32Array;
  readonly quarantined: QuarantinedRow[];
  skipped: number;
  last: string;
}

/**
 * Under a millisecond of work, and so few that what was read of a row is forgotten while it is young: with 512 rows most of it reached
 * the old generation, and the process was 17 MB larger.
 */
const SLICE_ROWS = 64;

export interface ReaderParts {
  readonly source: EntitySource;
  readonly states: KnownStates;
  readonly vectors: VectorRows;
  /** Which of the views of the vector the entities come from; undefined for a list, whose entities need not be known. */
  readonly view: { readonly of: number; readonly viewNo: number } | undefined;
}

export class ChunkReader {
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** At most `rows` entities after `from`, up to and with `to`. */
  async read(from: string, to: string | null, rows: number): Promise<ReadChunk> {
    const { source, vectors } = this.#parts;
    const filling: Filling = {
      entities: [],
      matrix: new Float32Array(rows * vectors.width),
      quarantined: [],
      skipped: 0,
      last: from,
    };
    for (let read = 0; read < rows;) {
      const wanted = Math.min(SLICE_ROWS, rows - read);
      const slice = source.slice(filling.last, to, wanted);
      for (const row of slice) this.#take(filling, row);
      read += slice.length;
      if (slice.length < wanted) return this.#done(filling, true);
      await setImmediate();
    }
    return this.#done(filling, filling.last === to);
  }

  #take(filling: Filling, [entity, state, own]: SourceRow): void {
    const { states, vectors, view } = this.#parts;
    filling.last = entity;
    const stored = states.read(entity, view?.viewNo, state);
    if (view !== undefined && stored[view.of] === undefined) {
      filling.skipped += 1;
      return;
    }
    const start = filling.entities.length * vectors.width;
    const fault = vectors.fill(filling.matrix, start, stored, own === null ? undefined : numbersOf(own));
    if (fault === undefined) filling.entities.push(entity);
    else filling.quarantined.push({ entity, ...fault });
  }

  #done({ entities, matrix, quarantined, skipped, last }: Filling, isLast: boolean): ReadChunk {
    const used = matrix.subarray(0, entities.length * this.#parts.vectors.width);
    return { entities, matrix: used, quarantined, skipped, last, isLast };
  }
}

/** A blob of SQLite starts anywhere; numbers must start at a multiple of their size. */
const numbersOf = (bytes: Buffer): Float64Array => new Float64Array(new Uint8Array(bytes).buffer);
