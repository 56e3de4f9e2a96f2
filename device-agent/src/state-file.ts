/** One small JSON document on disk that is always either the old or the new one, whatever happens in between. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { AgentError } from './errors.ts';

export class StateFile<T> {
  readonly #path: string;
  readonly #schema: z.ZodType<T>;
  #writing: Promise<void> = Promise.resolve();
  /** What this process wrote last: the same again costs the flash nothing. */
  #onDisk: string | undefined;

  constructor(path: string, schema: z.ZodType<T>) {
    this.#path = path;
    this.#schema = schema;
  }

  /** The document, or undefined when there is none or what is there does not match: state is a cache, never a reason to stop. */
  async read(): Promise<T | undefined> {
    try {
      const parsed = this.#schema.safeParse(JSON.parse(await readFile(this.#path, 'utf8')));
      return parsed.success ? parsed.data : undefined;
    } catch {
      return undefined;
    }
  }

  /** Durable when it resolves; writes happen in the order of their calls. Throws STATE_FILE_WRITE_FAILED. */
  write(value: T): Promise<void> {
    const text = JSON.stringify(value);
    const written = this.#writing.then(() => this.#replace(text));
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #replace(text: string): Promise<void> {
    if (text === this.#onDisk) return;
    const temporary = `${this.#path}.new`;
    this.#onDisk = undefined;
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      const file = await open(temporary, 'w');
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.#path);
      const folder = await open(dirname(this.#path), 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
      this.#onDisk = text;
    } catch (cause) {
      throw new AgentError('STATE_FILE_WRITE_FAILED', `Cannot write ${this.#path}; check space and permissions.`, {
        cause,
      });
    }
  }
}
