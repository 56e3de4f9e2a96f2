/**
 * Packs the bodies of records for flash: records of one source or model differ in their numbers only, so each is stored as
 * its difference from the first of its shape (raw deflate with that one as its dictionary, RFC 1951): about a quarter.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type Database from 'better-sqlite3';
import type { RecordKind } from '@shoal/protocol/wire';
import { AgentError, sentenceOf } from '../errors.ts';

export interface PackedBody {
  /** 0: `body` is the text itself. */
  readonly template: number;
  readonly body: string | Buffer;
}

/** Shapes beyond these are stored as they are: a file never holds more templates. */
const MAX_TEMPLATES = 64;
/** The dictionary must fit the window, and the window is memory per call. */
const WINDOW_BITS = 12;
const MAX_TEMPLATE_CHARS = 2 ** WINDOW_BITS / 4;
const PACKING = { windowBits: WINDOW_BITS, memLevel: 3 } as const;

/** The text without its numbers. */
const shapeOf = (body: string): string => body.replaceAll(/\d[\d.]*(?:e[+-]?\d+)?/g, '0');

/** Belongs to one open file; what it adds is part of the transaction that runs. */
export class BodyTemplates {
  readonly #db: Database.Database;
  readonly #idOf = new Map<string, number>();
  readonly #texts = new Map<number, Buffer>();

  constructor(db: Database.Database) {
    this.#db = db;
  }

  /** Forgets what a transaction added that was rolled back. */
  load(): void {
    this.#idOf.clear();
    this.#texts.clear();
    const rows = this.#db.prepare<[], { id: number; body: string }>('SELECT id, body FROM templates').all();
    for (const { id, body } of rows) this.#know(id, body);
  }

  pack(kind: RecordKind, body: string): PackedBody {
    const template = kind === 'events' ? 0 : this.#templateFor(body);
    const dictionary = this.#texts.get(template);
    if (dictionary === undefined) return { template: 0, body };
    const packed = deflateRawSync(body, { ...PACKING, dictionary });
    return packed.length < Buffer.byteLength(body) ? { template, body: packed } : { template: 0, body };
  }

  /** Throws OUTBOX_CORRUPT. */
  unpack({ template, body }: PackedBody): string {
    if (template === 0) return String(body);
    const dictionary = this.#texts.get(template);
    try {
      if (dictionary === undefined || typeof body === 'string') throw new Error(`it has no template ${template}`);
      return inflateRawSync(body, { windowBits: WINDOW_BITS, dictionary }).toString('utf8');
    } catch (cause) {
      throw new AgentError('OUTBOX_CORRUPT', `A record cannot be unpacked: ${sentenceOf(cause)}.`, { cause });
    }
  }

  /** 0 when there is none and none may be made. */
  #templateFor(body: string): number {
    if (body.length > MAX_TEMPLATE_CHARS) return 0;
    const known = this.#idOf.get(shapeOf(body));
    if (known !== undefined || this.#texts.size >= MAX_TEMPLATES) return known ?? 0;
    const id = this.#texts.size + 1;
    this.#db.prepare('INSERT INTO templates (id, body) VALUES (?, ?)').run(id, body);
    this.#know(id, body);
    return id;
  }

  #know(id: number, body: string): void {
    this.#idOf.set(shapeOf(body), id);
    this.#texts.set(id, Buffer.from(body));
  }
}
