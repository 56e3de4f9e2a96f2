/** The content of one file in memory: written at any offset, cut, copied. */

export type Change =
  | { readonly kind: 'write'; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'resize'; readonly sizeBytes: number };

export class GrowingFile {
  private store: Buffer;
  private sizeBytes: number;

  constructor(content: Buffer = Buffer.alloc(0)) {
    this.store = content;
    this.sizeBytes = content.length;
  }

  apply(change: Change): void {
    if (change.kind === 'resize') {
      this.resize(change.sizeBytes);
      return;
    }
    const end = change.offset + change.data.length;
    if (end > this.sizeBytes) this.resize(end);
    this.store.set(change.data, change.offset);
  }

  copy(): GrowingFile {
    return new GrowingFile(Buffer.from(this.bytes()));
  }

  bytes(): Buffer {
    return this.store.subarray(0, this.sizeBytes);
  }

  /** What is added, and what was cut off before, reads as zeros. */
  private resize(sizeBytes: number): void {
    if (sizeBytes > this.store.length) {
      const grown = Buffer.alloc(Math.max(sizeBytes, this.store.length * 2));
      grown.set(this.bytes());
      this.store = grown;
    }
    if (sizeBytes < this.sizeBytes) this.store.fill(0, sizeBytes, this.sizeBytes);
    this.sizeBytes = sizeBytes;
  }
}
