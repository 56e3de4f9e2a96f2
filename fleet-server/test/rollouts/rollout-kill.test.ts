/** The server ends at every transaction of a rollout, before its commit and after: nobody is stranded, no gate is skipped. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { RolloutEvent } from '@shoal/protocol';
import { openSqliteDatabase } from '../../src/db/open-database.ts';
import { ActingFleet, ALICE, Killed, type Fuse } from './acting-fleet.ts';
import type { Profile } from './acting-device.ts';

interface Trial {
  readonly profiles: readonly Profile[];
  readonly isRolledBack: boolean;
}

interface Outcome {
  readonly wasKilled: boolean;
  readonly versions: Record<string, number>;
  readonly state: string;
  /** Stages in the order they opened and passed. */
  readonly stages: readonly string[];
}

const GOOD = Array.from({ length: 7 }, (): Profile => 'good');
const TRIALS: Record<string, Trial> = {
  'a good release': { profiles: GOOD, isRolledBack: false },
  'a release that is rolled back by its gate': { profiles: GOOD.map(() => 'rolls-back'), isRolledBack: true },
};
const MOST_ROUNDS = 120;
const EVERY = new Set(['stage.opened', 'stage.passed', 'gate.failed', 'completed', 'rolled-back']);
const stagesOf = (events: readonly RolloutEvent[]): string[] =>
  events.filter(({ kind }) => EVERY.has(kind)).map(({ kind, stage }) => `${kind} ${stage}`);

/** Plays the trial with the fuse lit, starting the server again where it ends. */
const play = async ({ profiles }: Trial, fuse: Fuse): Promise<Outcome> => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-rollout-kill-'));
  const { database } = await openSqliteDatabase(join(folder, 'control.db'), 0);
  try {
    const fleet = new ActingFleet(database);
    await fleet.start(profiles);
    const gate = { onFailure: 'rollback-all' } as const;
    const { rolloutId } = await fleet.create({
      stages: [
        { to: { devices: 2 }, gate },
        { to: { percent: 100 }, gate },
      ],
      approval: 'required',
    });
    Object.assign(fleet.fuse, fuse);
    let wasKilled = false;
    const survive = async (work: () => Promise<unknown>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        wasKilled = true;
        await fleet.restart();
      }
    };
    await survive(() =>
      fleet.server.rollouts.act({ ...ALICE, principal: 'bob' }, rolloutId, {
        action: 'approve',
        note: '',
        scope: 'all',
      }),
    );
    // Whoever asked and got no answer asks again.
    if ((await fleet.show(rolloutId)).state === 'pending-approval') {
      await fleet.server.rollouts.act({ ...ALICE, principal: 'bob' }, rolloutId, {
        action: 'approve',
        note: '',
        scope: 'all',
      });
    }
    const isOver = async (): Promise<boolean> =>
      ['completed', 'rolled-back'].includes((await fleet.show(rolloutId)).state);
    for (let round = 0; round < MOST_ROUNDS && !(await isOver()); round += 1) await survive(() => fleet.round());
    const { items } = await fleet.server.rollouts.timeline(rolloutId, 1_000, undefined);
    return {
      wasKilled,
      versions: fleet.versions(),
      state: (await fleet.show(rolloutId)).state,
      stages: stagesOf(items),
    };
  } finally {
    await database.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
};

describe.each(Object.entries(TRIALS))('%s', (_, trial) => {
  it.each(['before', 'after'] as const)(
    'ends the same with the server killed %s any of its commits',
    async (when) => {
      const undisturbed = await play(trial, { left: Number.POSITIVE_INFINITY, when });
      expect(undisturbed.state).toBe(trial.isRolledBack ? 'rolled-back' : 'completed');
      expect(undisturbed.versions).toEqual(trial.isRolledBack ? { '1.0.0': 7 } : { '2.0.0': 7 });
      let kills = 0;
      for (let left = 1; ; left += 1) {
        const outcome = await play(trial, { left, when });
        if (!outcome.wasKilled) break;
        kills += 1;
        expect({ left, ...outcome }).toEqual({ left, ...undisturbed, wasKilled: true });
      }
      expect(kills).toBeGreaterThan(5);
    },
    180_000,
  );
});
