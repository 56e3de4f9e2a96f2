/** Request bodies in memory, each and all together bounded. */
import { ModelError } from '@shoal/models';

type Chunks = NodeJS.EventEmitter & AsyncIterable<Buffer>;

export class BodyBudget {
  readonly #maxBytes: number;
  readonly #maxHeldBytes: number;
  #heldBytes = 0;

  /** `maxBytes` of one body; `maxHeldBytes` of all that are on their way or not yet answered. */
  constructor(maxBytes: number, maxHeldBytes: number) {
    this.#maxBytes = maxBytes;
    this.#maxHeldBytes = maxHeldBytes;
  }

  /**
   * The whole body, which counts until it is released; it is there with its last announced byte. Rejects with ModelError REQUEST_TOO_LARGE, ENGINE_BUSY,
   * INFERENCE_CANCELED (the caller left half way); the rest of a refused body is read and thrown away.
   */
  collect(contentLength: string | undefined, payload: Chunks & NodeJS.ReadableStream): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const announcedBytes = contentLength === undefined ? Number.NaN : Number(contentLength);
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isSettled = false;
    const whole = (): void => {
      if (isSettled) return;
      isSettled = true;
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    };
    const fail = (error: ModelError): void => {
      if (isSettled) return;
      isSettled = true;
      this.#heldBytes -= bytes;
      payload.off('data', take);
      payload.resume();
      reject(error);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      this.#heldBytes += chunk.length;
      chunks.push(chunk);
      const fault = this.#fault(bytes);
      if (fault !== undefined) fail(fault);
      else if (bytes === announcedBytes) whole();
    };
    payload.on('error', (cause) => fail(new ModelError('INFERENCE_CANCELED', 'The request ended half way', { cause })));
    const announced = this.#fault(announcedBytes);
    if (announced !== undefined) {
      fail(announced);
      return promise;
    }
    payload.on('data', take);
    payload.on('end', whole);
    return promise;
  }

  /** Takes in a body that is there already, until it is released; false when that would be too much. */
  hold(body: Uint8Array): boolean {
    if (this.#fault(body.byteLength) !== undefined) return false;
    this.#heldBytes += body.byteLength;
    return true;
  }

  /** Once for each that was collected or held. */
  release(body: Uint8Array): void {
    this.#heldBytes -= body.byteLength;
  }

  #fault(bytes: number): ModelError | undefined {
    if (bytes > this.#maxBytes)
      return new ModelError('REQUEST_TOO_LARGE', `A body may have ${this.#maxBytes} bytes; send fewer rows, or binary`);
    if (this.#heldBytes > this.#maxHeldBytes) return new ModelError('ENGINE_BUSY', 'Too many large requests at once');
    return undefined;
  }
}
