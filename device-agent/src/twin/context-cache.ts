/** What the fleet knows of this device, kept on disk with its age, and asked for again when it grows old. */
import { contextReplySchema, type ContextReply, type JsonObject } from '@shoal/protocol/wire';
import { sentenceOf } from '../errors.ts';
import type { Logger } from '../runtime.ts';
import type { StateFile } from '../state-file.ts';
import type { FleetConnection, LinkParticipant } from '../uplink/fleet-link.port.ts';

export const contextFileSchema = contextReplySchema;

export interface ContextCacheOptions {
  readonly file: StateFile<ContextReply>;
  readonly requestTimeoutMs: number;
  /** Between requests while connected; may be changed by `setRefreshMs`. */
  readonly refreshMs: number;
  /** Server time as far as known. */
  readonly serverNow: () => number;
  readonly logger: Logger;
}

export interface ContextView {
  readonly values: JsonObject;
  /** Null when the device never got any. */
  readonly asOf: number | null;
  readonly ageMs: number | null;
  /** Older than the fleet said it may be used for. */
  readonly stale: boolean;
}

export class ContextCache implements LinkParticipant {
  readonly #options: ContextCacheOptions;
  #refreshMs: number;
  #held: ContextReply | undefined;
  #connection: FleetConnection | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ContextCacheOptions) {
    this.#options = options;
    this.#refreshMs = options.refreshMs;
  }

  async start(): Promise<void> {
    this.#held = await this.#options.file.read();
  }

  view(): ContextView {
    const held = this.#held;
    if (held === undefined) return { values: {}, asOf: null, ageMs: null, stale: true };
    const ageMs = Math.max(0, this.#options.serverNow() - held.asOf);
    return { values: held.values, asOf: held.asOf, ageMs, stale: ageMs > held.maxAgeMs };
  }

  setRefreshMs(ms: number | undefined): void {
    const refreshMs = ms ?? this.#options.refreshMs;
    if (refreshMs === this.#refreshMs) return;
    this.#refreshMs = refreshMs;
    if (this.#connection !== undefined) this.online(this.#connection);
  }

  online(connection: FleetConnection): void {
    clearInterval(this.#timer);
    this.#connection = connection;
    this.#timer = setInterval(() => void this.#refresh(connection), this.#refreshMs);
    void this.#refresh(connection);
  }

  offline(): void {
    clearInterval(this.#timer);
    this.#connection = undefined;
  }

  async #refresh(connection: FleetConnection): Promise<void> {
    const { requestTimeoutMs, file, logger } = this.#options;
    try {
      this.#held = await connection.request('context', {}, requestTimeoutMs);
      await file.write(this.#held);
    } catch (error) {
      logger.debug({ why: sentenceOf(error) }, 'the context stays as old as it is');
    }
  }
}
