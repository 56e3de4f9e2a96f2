/** Says what happens to the outbox itself: records lost, a full disk, a damaged file. */
import type { HealthBoard } from '../health/health-board.port.ts';
import { dropEntries, mergeDrops, NO_DROPS, totalDrops } from './drop-counts.ts';
import type { EventRecorder } from './event-recorder.port.ts';
import type { DropCounts, Outbox, OutboxHealth, OutboxListener } from './outbox.port.ts';

export interface LossReporterOptions {
  readonly outbox: Outbox;
  readonly events: EventRecorder;
  readonly health: HealthBoard;
  /** Losses within this time become one event: a full outbox must not fill itself with news of that. */
  readonly gatherMs: number;
}

const HEALTH_CODE = { 'disk-full': 'OUTBOX_DISK_FULL', failing: 'OUTBOX_WRITE_FAILED' } as const;

export class LossReporter implements OutboxListener {
  readonly #options: LossReporterOptions;
  #gathered: DropCounts = NO_DROPS;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: LossReporterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.outbox.listen(this);
  }

  /** Reports what is gathered at once. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#report();
  }

  dropped(added: DropCounts): void {
    if (this.#stopped) return;
    this.#gathered = mergeDrops(this.#gathered, added);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#report();
    }, this.#options.gatherMs);
  }

  healthChanged(health: OutboxHealth, sentence: string): void {
    const { health: board } = this.#options;
    for (const code of Object.values(HEALTH_CODE)) board.clear(code, 'outbox');
    if (health !== 'ok') board.raise(HEALTH_CODE[health], 'outbox', sentence);
  }

  quarantined(keptAs: string): void {
    const name = keptAs.slice(keptAs.lastIndexOf('/') + 1);
    const message = `The outbox file was damaged and is kept as ${name}; a new epoch begins.`;
    this.#options.events.record('outbox.quarantined', 'error', message, { keptAs: name });
  }

  #report(): void {
    const gathered = this.#gathered;
    const records = totalDrops(gathered);
    if (records === 0) return;
    this.#gathered = NO_DROPS;
    const entries = dropEntries(gathered);
    const facts = Object.fromEntries(
      entries.map(({ priority, reason, records: count }) => [`${priority}.${reason}`, count]),
    );
    const message = `${records} records were lost to the bounds of the outbox: ${JSON.stringify(facts)}.`;
    this.#options.events.record('records.dropped', 'warning', message, facts);
  }
}
