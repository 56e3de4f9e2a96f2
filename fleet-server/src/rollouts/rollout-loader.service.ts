/** Fills the memory of rollouts from the tables, page by page. */
import { Injectable } from '@nestjs/common';
import { ControlDatabase } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import type { RolloutBook } from './rollout-book.ts';
import type { RolloutRecord } from './rollout.ts';
import { RolloutsStore } from './rollouts.store.ts';

const PAGE = 500;

@Injectable()
export class RolloutLoader {
  private readonly store = new RolloutsStore();
  private readonly database: ControlDatabase;
  constructor(database: ControlDatabase) {
    this.database = database;
  }

  /** Everything that is followed, in place of what the book holds. */
  async fill(book: RolloutBook): Promise<void> {
    book.clear();
    book.order(await this.store.ordinals(this.database));
    let after: string | undefined = '';
    while (after !== undefined) {
      const page: Awaited<ReturnType<RolloutsStore['assignments']>> = await this.store.assignments(
        this.database,
        after,
        PAGE,
      );
      book.assign(page);
      after = page.length < PAGE ? undefined : page.at(-1)?.[0];
    }
    for (const rollout of await this.store.followed(this.database)) await this.add(book, rollout);
  }

  /** One more that is to be followed. @throws FleetError ROLLOUT_NOT_FOUND */
  async addById(book: RolloutBook, rolloutId: string): Promise<void> {
    const rollout = await this.store.find(this.database, rolloutId);
    if (rollout === undefined) throw noRollout(rolloutId);
    await this.add(book, rollout);
  }

  private async add(book: RolloutBook, rollout: RolloutRecord): Promise<void> {
    book.put(rollout, []);
    let after: string | undefined = '';
    while (after !== undefined) {
      const page = await this.store.devices(this.database, rollout.rolloutId, { after, limit: PAGE });
      book.put(rollout, page);
      after = page.length < PAGE ? undefined : page.at(-1)?.deviceId;
    }
  }
}

export const noRollout = (rolloutId: string): FleetError =>
  new FleetError('ROLLOUT_NOT_FOUND', `No rollout "${rolloutId}". List them with GET /api/rollouts.`);
