/** What was known of an entity at the as-of instant: from its current state when nothing came after, else from the history. */
import type { StoredEntity } from '../../../ports/feature-store.ts';
import type { VectorLayout } from '../../../ports/score-runner.ts';
import { readAsOf } from '../sqlite-features/as-of-read.ts';
import { decodeState } from '../sqlite-features/entity-state.ts';
import type { Sqlite } from '../sqlite-features/features-file.ts';

export class KnownStates {
  readonly #db: Sqlite;
  readonly #views: VectorLayout['views'];
  readonly #asOf: number;
  readonly #find: (viewNo: number, entity: string) => Buffer | undefined;

  constructor(db: Sqlite, views: VectorLayout['views'], asOf: number) {
    this.#db = db;
    this.#views = views;
    this.#asOf = asOf;
    const find = db
      .prepare<[number, string], Buffer>('SELECT state FROM entities WHERE view_no = ? AND entity = ?')
      .pluck();
    this.#find = (viewNo, entity) => find.get(viewNo, entity) as Buffer | undefined;
  }

  /** Parallel to the views. `state` is that of the view `viewNo`, where the caller has it at hand. */
  read(entity: string, viewNo: number | undefined, state: Buffer | null): (StoredEntity | undefined)[] {
    return this.#views.map((view) =>
      this.#known(view, entity, view.viewNo === viewNo ? (state ?? undefined) : this.#find(view.viewNo, entity)),
    );
  }

  #known(
    { viewNo, asOfSlots }: VectorLayout['views'][number],
    entity: string,
    state: Buffer | undefined,
  ): StoredEntity | undefined {
    if (state === undefined) return undefined;
    const stored = decodeState(state);
    const at = this.#asOf;
    if (Math.max(stored.pushedAt, stored.streamAt, stored.windowAt) <= at) return stored;
    const known = readAsOf(this.#db, {
      viewNo,
      entity,
      slots: asOfSlots,
      at,
      known: { pushedAt: at, streamAt: at, windowAt: at },
    });
    return known.slots.size === 0 ? undefined : known;
  }
}
