/** Rollouts over a real database and devices that act: what passes, what stops them, and the ways back. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RolloutEvent } from '@shoal/protocol';
import type { ControlDatabase } from '../../src/db/database.ts';
import { openSqliteDatabase } from '../../src/db/open-database.ts';
import type { Profile } from './acting-device.ts';
import { ActingFleet, ALICE, BOB, DIGESTS } from './acting-fleet.ts';

const devices = (count: number, profile: Profile = 'good'): Profile[] => Array.from({ length: count }, () => profile);
const CANARY = [{ to: { devices: 2 } }, { to: { percent: 50 } }, { to: { percent: 100 } }];

describe('rollouts', () => {
  let folder: string;
  let database: ControlDatabase;
  let fleet: ActingFleet;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-rollouts-'));
    ({ database } = await openSqliteDatabase(join(folder, 'control.db'), 0));
    fleet = new ActingFleet(database);
  });
  afterEach(async () => {
    await database.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  const timeline = async (rolloutId: string): Promise<RolloutEvent[]> =>
    (await fleet.server.rollouts.timeline(rolloutId, 1_000, undefined)).items;
  const kinds = async (rolloutId: string): Promise<string[]> =>
    (await timeline(rolloutId))
      .filter(({ deviceId }) => deviceId === null)
      .map(({ kind, stage }) => `${kind} ${stage}`);
  const act = (
    rolloutId: string,
    action: 'pause' | 'halt' | 'resume' | 'rollback' | 'abort' | 'approve',
    scope: 'stage' | 'all' = 'all',
    by = ALICE,
  ) => fleet.server.rollouts.act(by, rolloutId, { action, note: '', scope });

  it('brings a good release to everybody, one stage after the other', async () => {
    await fleet.start(devices(12));
    const { rolloutId } = await fleet.create({ stages: CANARY });
    expect(await fleet.until(rolloutId, ['completed'])).toBeDefined();
    expect(fleet.versions()).toEqual({ '2.0.0': 12 });
    expect(await kinds(rolloutId)).toEqual([
      'created 0',
      'start 0',
      'started 1',
      'stage.opened 1',
      'stage.passed 1',
      'stage.opened 2',
      'stage.passed 2',
      'stage.opened 3',
      'stage.passed 3',
      'completed 0',
    ]);
    const { stages } = await fleet.show(rolloutId);
    expect(stages.map(({ counts }) => counts)).toEqual([{ succeeded: 2 }, { succeeded: 4 }, { succeeded: 6 }]);
  });

  it('stops a release that fails in its first stage, with what the device said, and takes back what waits', async () => {
    await fleet.start(devices(10, 'fails-self-test'));
    const { rolloutId } = await fleet.create({ stages: CANARY });
    await fleet.until(rolloutId, ['paused']);
    const stopped = await fleet.show(rolloutId);
    expect(stopped).toMatchObject({ state: 'paused', stage: 1 });
    expect(stopped.cause?.message).toContain('SELF_TEST_FAILED');
    await fleet.round();
    expect(stopped.stages.slice(1).map(({ counts }) => counts)).toEqual([{ pending: 3 }, { pending: 5 }]);
    expect(fleet.versions()).toEqual({ '1.0.0': 10 });
  });

  it('believes the digest that runs and not the word that it is committed', async () => {
    await fleet.start(devices(4, 'lies'));
    const { rolloutId } = await fleet.create();
    await fleet.until(rolloutId, ['paused', 'completed']);
    const { items } = await fleet.server.rollouts.devices(rolloutId, 'drifted', 100, undefined);
    expect(items.length).toBeGreaterThan(0);
    expect(items[0]).toMatchObject({ runs: '1.0.0', updateState: 'committed', cause: { code: 'DRIFT' } });
    expect(await fleet.show(rolloutId)).toMatchObject({ state: 'paused' });
  });

  it('counts a device that begins and says no more as failed, and one that is away as late', async () => {
    await fleet.start([...devices(3), 'silent']);
    const away = fleet.devices.get('d-1');
    if (away) fleet.disconnect(away);
    fleet.clock.at += 200_000;
    const { rolloutId } = await fleet.create({
      timeoutMs: 20_000,
      stages: [{ to: { percent: 100 }, gate: { maxFailures: 1 } }],
    });
    await fleet.until(rolloutId, ['completed']);
    const [stage] = (await fleet.show(rolloutId)).stages;
    expect(stage?.counts).toEqual({ succeeded: 2, failed: 1, late: 1 });
    const failed = (await fleet.server.rollouts.devices(rolloutId, 'failed', 10, undefined)).items;
    expect(failed).toMatchObject([{ deviceId: 'd-3', cause: { code: 'TIMED_OUT' } }]);
    // It comes back after the rollout is through, and gets the release then.
    if (away) await fleet.connect(away);
    for (let round = 0; round < 10; round += 1) await fleet.round();
    expect((await fleet.show(rolloutId)).stages[0]?.counts).toEqual({ succeeded: 3, failed: 1 });
  });

  it('shows a device that holds updates as held: it neither blocks a stage nor passes it, and goes on when released', async () => {
    await fleet.start(devices(3));
    const held = fleet.devices.get('d-1');
    if (held) held.isHeld = true;
    const { rolloutId } = await fleet.create({ timeoutMs: 20_000 });
    await fleet.until(rolloutId, ['completed']);
    expect((await fleet.show(rolloutId)).stages[0]?.counts).toEqual({ succeeded: 2, held: 1 });
    for (let round = 0; round < 5; round += 1) await fleet.round(60_000);
    const { items } = await fleet.server.rollouts.devices(rolloutId, 'held', 10, undefined);
    expect(items).toMatchObject([{ deviceId: 'd-1', cause: { code: 'UPDATE_HELD', until: 1_760_003_600_000 } }]);
    expect((await timeline(rolloutId)).filter(({ kind }) => kind === 'device.held')).toHaveLength(1);
    if (held) held.isHeld = false;
    for (let round = 0; round < 10; round += 1) await fleet.round();
    expect((await fleet.show(rolloutId)).stages[0]?.counts).toEqual({ succeeded: 3 });
    expect((await fleet.server.rollouts.devices(rolloutId, undefined, 10, undefined)).items[1]?.cause).toBeNull();
  });

  it('passes nothing on devices that hold, takes it back from them, and shows one that goes away as late', async () => {
    await fleet.start(devices(2));
    for (const device of fleet.devices.values()) device.isHeld = true;
    const { rolloutId } = await fleet.create({ timeoutMs: 20_000 });
    expect(await fleet.until(rolloutId, ['completed', 'paused'], 60)).toBeUndefined();
    expect((await fleet.show(rolloutId)).stages[0]).toMatchObject({
      counts: { held: 2 },
      waitsFor: '1 more to execute; 2 are held on the device',
    });
    const away = fleet.devices.get('d-0');
    if (away) fleet.disconnect(away);
    await fleet.round(200_000);
    await fleet.round();
    expect((await fleet.show(rolloutId)).stages[0]?.counts).toEqual({ late: 1, held: 1 });
    await act(rolloutId, 'halt');
    await fleet.round();
    expect((await fleet.show(rolloutId)).stages[0]?.counts).toEqual({ canceled: 2 });
    for (const device of fleet.devices.values()) device.isHeld = false;
    if (away) await fleet.connect(away);
    await act(rolloutId, 'resume');
    expect(await fleet.until(rolloutId, ['completed'])).toBeDefined();
  });

  it('writes nothing while a device waits for its window, and holds the wait against nobody', async () => {
    await fleet.start(devices(2, 'waits'));
    const { rolloutId } = await fleet.create({ timeoutMs: 20_000 });
    await fleet.round();
    // With a clock that never stands still a wait must leave the row of the device as it is, or the server writes for ever.
    fleet.isStill = true;
    fleet.clock.creeps = true;
    for (let round = 0; round < 5; round += 1) await fleet.round(60_000);
    expect((await fleet.show(rolloutId)).stages[0]?.counts).toEqual({ assigned: 2 });
    fleet.clock.creeps = false;
    fleet.isStill = false;
    expect(await fleet.until(rolloutId, ['completed'])).toBeDefined();
  });

  it('holds no time against a device in which the server was down', async () => {
    await fleet.start(devices(3));
    const { rolloutId } = await fleet.create({ timeoutMs: 20_000 });
    await fleet.round();
    await fleet.round();
    fleet.clock.at += 3_600_000;
    await fleet.restart();
    await fleet.until(rolloutId, ['completed', 'paused']);
    expect(await fleet.show(rolloutId)).toMatchObject({ state: 'completed', stages: [{ counts: { succeeded: 3 } }] });
  });

  it('passes nothing on nothing: a stage whose devices are all away waits', async () => {
    await fleet.start(devices(3));
    for (const device of fleet.devices.values()) fleet.disconnect(device);
    fleet.clock.at += 200_000;
    const { rolloutId } = await fleet.create();
    expect(await fleet.until(rolloutId, ['completed'], 20)).toBeUndefined();
    expect((await fleet.show(rolloutId)).stages[0]).toMatchObject({
      counts: { late: 3 },
      waitsFor: '1 more to execute; 3 are offline',
    });
  });

  it('rolls everybody back, also who had succeeded, to the digest it ran before', async () => {
    await fleet.start([...devices(9), 'rolls-back']);
    const { rolloutId } = await fleet.create({
      stages: [{ to: { percent: 100 }, gate: { maxFailures: 0, onFailure: 'rollback-all' } }],
    });
    await fleet.until(rolloutId, ['rolled-back']);
    expect(await fleet.show(rolloutId)).toMatchObject({ state: 'rolled-back', cause: { code: 'SELF_TEST_FAILED' } });
    expect(fleet.versions()).toEqual({ '1.0.0': 10 });
    expect([...fleet.devices.values()].filter(({ ran }) => ran.includes('2.0.0')).length).toBeGreaterThan(5);
  });

  it('rolls one stage back and pauses; resumed it tries that stage again', async () => {
    await fleet.start(devices(8));
    const { rolloutId } = await fleet.create({
      stages: CANARY.map((stage) => ({ ...stage, gate: { soakMs: 60_000 } })),
    });
    for (let round = 0; round < 10; round += 1) await fleet.round();
    await act(rolloutId, 'rollback', 'stage');
    await fleet.until(rolloutId, ['paused']);
    expect(fleet.versions()).toEqual({ '1.0.0': 8 });
    expect(await fleet.show(rolloutId)).toMatchObject({ stage: 1, cause: { code: 'ROLLED_BACK' } });
    await act(rolloutId, 'resume');
    expect(await fleet.until(rolloutId, ['completed'], 400)).toBeDefined();
    expect(fleet.versions()).toEqual({ '2.0.0': 8 });
  });

  it('gives no gate away: soak time, agreement without evidence, and a control that is better', async () => {
    await fleet.start(devices(6));
    const gate = { soakMs: 30_000, minAgreementPpm: 900_000 };
    const { rolloutId } = await fleet.create({
      cohort: { controlPercent: 20 },
      stages: [{ to: { percent: 100 }, gate }],
    });
    expect(await fleet.until(rolloutId, ['completed'], 60)).toBeUndefined();
    expect(await fleet.show(rolloutId)).toMatchObject({
      control: 2,
      stages: [{ waitsFor: 'no device has reported a shadow yet' }],
    });
  });

  it('assigns at its rate, which doubles as devices succeed', async () => {
    await fleet.start(devices(40));
    const { rolloutId } = await fleet.create({ rate: { perMinute: 6, doublesEvery: 4 } });
    for (let round = 0; round < 30; round += 1) await fleet.round();
    const counts = (await fleet.show(rolloutId)).stages[0]?.counts;
    expect((counts?.assigned ?? 0) + (counts?.succeeded ?? 0)).toBe(4);
    await fleet.until(rolloutId, ['completed']);
    expect(fleet.versions()).toEqual({ '2.0.0': 40 });
  });

  it('lets the newest rollout of a model win, and the older one touch nothing of it', async () => {
    await fleet.start(devices(10));
    const older = await fleet.create({ stages: CANARY.map((stage) => ({ ...stage, gate: { soakMs: 5_000 } })) });
    for (let round = 0; round < 3; round += 1) await fleet.round();
    const newer = await fleet.create({ version: '3.0.0' });
    await fleet.until(newer.rolloutId, ['completed']);
    for (let round = 0; round < 40; round += 1) await fleet.round();
    expect(fleet.versions()).toEqual({ '3.0.0': 10 });
    const states = (await fleet.server.rollouts.devices(older.rolloutId, undefined, 100, undefined)).items.map(
      ({ state }) => state,
    );
    expect(new Set(states)).toEqual(new Set(['superseded']));
  });

  it('halts: nothing further is assigned, what is not activated is taken back, and goes again when resumed', async () => {
    await fleet.start(devices(6));
    const { rolloutId } = await fleet.create();
    await fleet.round();
    await act(rolloutId, 'halt');
    for (let round = 0; round < 10; round += 1) await fleet.round();
    expect(fleet.versions()).toEqual({ '1.0.0': 6 });
    expect((await fleet.show(rolloutId)).stages[0]?.counts).toEqual({ canceled: 6 });
    await act(rolloutId, 'resume');
    expect(await fleet.until(rolloutId, ['completed'])).toBeDefined();
    expect(fleet.versions()).toEqual({ '2.0.0': 6 });
  });

  it('waits for an approval by somebody else', async () => {
    await fleet.start(devices(2));
    const { rolloutId } = await fleet.create({ approval: 'required' });
    expect(await fleet.until(rolloutId, ['running'], 3)).toBeUndefined();
    await expect(act(rolloutId, 'approve', 'all', ALICE)).rejects.toMatchObject({ code: 'APPROVAL_OWN' });
    expect(await act(rolloutId, 'approve', 'all', BOB)).toMatchObject({ approvedBy: 'bob', state: 'running' });
    await expect(act(rolloutId, 'approve', 'all', BOB)).rejects.toMatchObject({ code: 'ROLLOUT_STATE' });
  });

  it('takes in who joins an open cohort, in the stage that runs, also after it is through', async () => {
    await fleet.start(devices(4));
    const { rolloutId } = await fleet.create({ cohort: { kind: 'open' }, stages: CANARY });
    await fleet.until(rolloutId, ['completed']);
    const joiner = fleet.add('good');
    await fleet.register([joiner]);
    await fleet.restart();
    for (let round = 0; round < 12; round += 1) await fleet.round();
    expect(joiner.running.digest).toBe(DIGESTS.get('2.0.0'));
    expect((await timeline(rolloutId)).filter(({ kind }) => kind === 'device.joined')).toMatchObject([
      { deviceId: joiner.deviceId },
    ]);
  });

  it('leaves a trail whose hashes hold', async () => {
    await fleet.start(devices(3));
    const { rolloutId } = await fleet.create();
    await fleet.until(rolloutId, ['completed']);
    const actions = await database
      .selectFrom('audit_entries')
      .select('action')
      .where('subject', '=', `rollout:${rolloutId}`)
      .execute();
    expect(actions.map(({ action }) => action)).toEqual([
      'rollout.created',
      'rollout.start',
      'rollout.started',
      'rollout.stage.opened',
      'rollout.stage.passed',
      'rollout.completed',
    ]);
  });
});
