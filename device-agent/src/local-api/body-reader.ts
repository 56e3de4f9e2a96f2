/** Reads request bodies into memory, each and all together bounded. */
import type { IncomingMessage } from 'node:http';
import { ModelError } from '@shoal/models';

export class BodyReader {
  readonly #maxBytes: number;
  readonly #maxHeldBytes: number;
  #heldBytes = 0;

  /** `maxBytes` of one body; `maxHeldBytes` of all that are on their way at a time. */
  constructor(maxBytes: number, maxHeldBytes: number) {
    this.#maxBytes = maxBytes;
    this.#maxHeldBytes = maxHeldBytes;
  }

  /**
   * Passes the whole body to `use` and counts its bytes until that ends. Rejects with ModelError REQUEST_TOO_LARGE,
   * ENGINE_BUSY, INFERENCE_CANCELED (the caller left half way).
   */
  async read<T>(request: IncomingMessage, use: (body: Uint8Array) => Promise<T>): Promise<T> {
    const held = { bytes: 0 };
    try {
      return await use(await this.#collect(request, held));
    } finally {
      this.#heldBytes -= held.bytes;
    }
  }

  async #collect(request: IncomingMessage, held: { bytes: number }): Promise<Uint8Array> {
    this.#checkSize(Number(request.headers['content-length'] ?? 0));
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        held.bytes += chunk.length;
        this.#heldBytes += chunk.length;
        this.#checkSize(held.bytes);
        if (this.#heldBytes > this.#maxHeldBytes)
          throw new ModelError('ENGINE_BUSY', 'Too many large requests at once');
        chunks.push(chunk);
      }
    } catch (cause) {
      if (cause instanceof ModelError) throw cause;
      throw new ModelError('INFERENCE_CANCELED', 'The request ended half way', { cause });
    }
    return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  }

  #checkSize(bytes: number): void {
    if (bytes > this.#maxBytes)
      throw new ModelError('REQUEST_TOO_LARGE', `A body may have ${this.#maxBytes} bytes; send fewer rows, or binary`);
  }
}
