/** Two files written in turn, each with its generation and checksum: whatever a power cut leaves, the newer whole one is read. */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { UpdateDisk } from './update-disk.port.ts';

const frameSchema = z.object({ generation: z.int().min(1), payload: z.string(), crc: z.number() });

const FILES = ['record-0.json', 'record-1.json'] as const;

export interface ReadState<T> {
  readonly value: T | undefined;
  /** There were files and none of them was whole. */
  readonly isDamaged: boolean;
}

export class StateRecord<T> {
  readonly #disk: UpdateDisk;
  readonly #folder: string;
  readonly #schema: z.ZodType<T>;
  #generation = 0;
  #onDisk: string | undefined;

  constructor(disk: UpdateDisk, folder: string, schema: z.ZodType<T>) {
    this.#disk = disk;
    this.#folder = folder;
    this.#schema = schema;
  }

  /** The highest generation that is whole and of this schema. */
  async read(): Promise<ReadState<T>> {
    const found = await Promise.all(FILES.map((file) => this.#disk.read(join(this.#folder, file))));
    const whole = found.flatMap((bytes) => this.#parse(bytes) ?? []).sort((a, b) => b.generation - a.generation)[0];
    this.#generation = whole?.generation ?? 0;
    this.#onDisk = whole?.payload;
    return { value: whole?.value, isDamaged: whole === undefined && found.some((bytes) => bytes !== undefined) };
  }

  /** Durable when it resolves; the value before stays readable until then. Not to be called twice at a time. */
  async write(value: T): Promise<void> {
    const payload = JSON.stringify(value);
    if (payload === this.#onDisk) return;
    const generation = this.#generation + 1;
    const path = join(this.#folder, FILES[generation % 2] ?? FILES[0]);
    const frame = JSON.stringify({ generation, payload, crc: checksum(generation, payload) });
    if (generation <= FILES.length) await this.#disk.makeFolder(this.#folder);
    await this.#disk.write(path, Buffer.from(frame));
    await this.#disk.sync(path);
    // From the third on both names are there.
    if (generation <= FILES.length) await this.#disk.sync(this.#folder);
    this.#generation = generation;
    this.#onDisk = payload;
  }

  #parse(bytes: Uint8Array | undefined): { generation: number; payload: string; value: T } | undefined {
    try {
      const { generation, payload, crc } = frameSchema.parse(JSON.parse(Buffer.from(bytes ?? []).toString('utf8')));
      if (crc !== checksum(generation, payload)) return undefined;
      return { generation, payload, value: this.#schema.parse(JSON.parse(payload)) };
    } catch {
      return undefined;
    }
  }
}

const checksum = (generation: number, payload: string): number => crc32(`${generation}:${payload}`);
