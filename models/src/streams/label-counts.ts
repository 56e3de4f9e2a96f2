/** How often each of a bounded number of labels came. */
import type { ByteReader, ByteWriter } from '../sketch/byte-codec.ts';

const LABELS = 64;
const LABEL_CHARACTERS = 64;
/** What labels beyond the bound are counted as. */
export const OTHER = '(other)';

export class LabelCounts {
  readonly #counts = new Map<string, number>();

  add(label: string, times: number): void {
    const name = label.slice(0, LABEL_CHARACTERS);
    const known = this.#counts.get(name);
    if (known !== undefined) this.#counts.set(name, known + times);
    else if (this.#counts.size < LABELS) this.#counts.set(name, times);
    else this.#counts.set(OTHER, (this.#counts.get(OTHER) ?? 0) + times);
  }

  merge(other: LabelCounts): void {
    for (const [label, times] of other.#counts) this.add(label, times);
  }

  /** In order of the labels. */
  toRecord(): Record<string, number> {
    return Object.fromEntries([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  write(writer: ByteWriter): void {
    writer.integer(this.#counts.size);
    for (const [label, times] of this.#counts) {
      writer.text(label);
      writer.integer(times);
    }
  }

  static read(reader: ByteReader): LabelCounts {
    const counts = new LabelCounts();
    const size = reader.integer();
    for (let read = 0; read < size; read += 1) {
      const label = reader.text();
      counts.#counts.set(label, reader.integer());
    }
    return counts;
  }
}
