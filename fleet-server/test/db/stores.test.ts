/** The contract of every store of the control database, the same on both dialects. */
import { describe, expect, it } from '@jest/globals';
import type { DeviceCommand } from '@shoal/protocol';
import { CHAIN_START, verifyEntries } from '../../src/audit/audit-chain.ts';
import { asChained, AuditStore, type NewAuditRow } from '../../src/audit/audit.store.ts';
import { ContextStore, scopeOf } from '../../src/context/context.store.ts';
import type { ControlDatabase, Transaction } from '../../src/db/database.ts';
import { migrateToLatest } from '../../src/db/migrate.ts';
import { DeviceCommandsStore } from '../../src/device-commands/device-commands.store.ts';
import { DevicesStore } from '../../src/devices/devices.store.ts';
import { loadRoster } from '../../src/devices/load-roster.store.ts';
import { TwinsStore } from '../../src/twins/twins.store.ts';
import { onEachDialect } from './on-each-dialect.ts';

/** Beyond 32 bits, as every instant is. */
const AT = 1_760_000_000_123;

const inTransaction = <T>(database: ControlDatabase, work: (transaction: Transaction) => Promise<T>): Promise<T> =>
  database.transaction().execute(work);

const register = (database: ControlDatabase, ...ids: string[]): Promise<ReadonlySet<string>> =>
  inTransaction(database, (transaction) =>
    new DevicesStore().upsertBirths(
      transaction,
      ids.map((deviceId) => ({ deviceId, birth: JSON.stringify(BIRTH), at: AT })),
    ),
  );

const BIRTH = {
  v: 1,
  state: 'online',
  connectionId: 'c-1',
  epoch: '9f86d081884c7d659a2f',
  agentVersion: '0.1.0',
  hardwareClass: 'test',
  models: [],
  startedAt: AT,
  twinVersion: 0,
};

onEachDialect('the stores', (database) => {
  it('migrates again without a change', async () => {
    await migrateToLatest(database());
    await migrateToLatest(database());
    expect(await new AuditStore().head(database())).toMatchObject({ lastId: 0 });
  });

  it('rolls a failed transaction back whole', async () => {
    const failing = inTransaction(database(), async (transaction) => {
      await new DevicesStore().upsertBirths(transaction, [{ deviceId: 'a', birth: JSON.stringify(BIRTH), at: AT }]);
      throw new Error('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect(await new DevicesStore().page(database(), '', 10)).toEqual([]);
  });

  describe('audit', () => {
    const row = (subject: string): NewAuditRow => ({
      at: AT,
      principal: 'operator:local',
      from_address: null,
      action: 'thing.changed',
      subject,
      before_state: null,
      after_state: '{"a":1}',
    });
    const store = new AuditStore();

    it('chains entries without a hole or a fork, however many write at once', async () => {
      await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          inTransaction(database(), (transaction) => store.append(transaction, [row(`s-${index}`), row('shared')])),
        ),
      );
      const rows = await store.following(database(), 0, 100);
      const { position, broken } = verifyEntries(CHAIN_START, rows.map(asChained));
      expect(broken).toBeUndefined();
      expect(position).toEqual(await store.head(database()));
      expect(position.lastId).toBe(24);
    });

    it('filters and pages from the newest on', async () => {
      await inTransaction(database(), (transaction) =>
        store.append(transaction, [row('x'), row('y'), row('x'), row('x')]),
      );
      const filter = { subject: 'x', action: undefined };
      expect((await store.newest(database(), filter, 2)).map(({ id }) => id)).toEqual([4, 3]);
      expect((await store.newest(database(), filter, 2, 3)).map(({ id }) => id)).toEqual([1]);
      expect(await store.newest(database(), { subject: undefined, action: 'other' }, 2)).toEqual([]);
    });
  });

  describe('devices', () => {
    const store = new DevicesStore();

    it('registers each device once and keeps when it was first seen', async () => {
      expect(await register(database(), 'b', 'a')).toEqual(new Set(['a', 'b']));
      const later = [{ deviceId: 'a', birth: JSON.stringify({ ...BIRTH, agentVersion: '0.2.0' }), at: AT + 5 }];
      expect(await inTransaction(database(), (transaction) => store.upsertBirths(transaction, later))).toEqual(
        new Set(),
      );
      const [a, b] = await store.page(database(), '', 10);
      expect(a).toMatchObject({ device_id: 'a', first_seen_at: AT, registered_at: AT, last_seen_at: null });
      expect(a?.birth).toContain('0.2.0');
      expect(b?.device_id).toBe('b');
    });

    it('writes last-seen times of many and passes over who is gone', async () => {
      await register(database(), 'a', 'b');
      await store.writeLastSeen(database(), [
        ['a', AT + 1],
        ['gone', AT + 1],
      ]);
      await store.writeLastSeen(database(), [['a', AT + 2]]);
      const roster = await loadRoster(database(), AT + 9);
      expect(roster.get('a')).toMatchObject({ lastSeenAt: AT + 2, verdict: { state: 'unknown', since: AT + 9 } });
      expect(roster.get('b')).toMatchObject({ lastSeenAt: AT });
      expect(roster.size).toBe(2);
    });

    it('changes labels only on the revision they were read at', async () => {
      await register(database(), 'a');
      const update = (labels: string, revision: number): Promise<boolean> =>
        inTransaction(database(), (transaction) => store.updateLabels(transaction, 'a', labels, revision));
      expect(await update('{"x":"1"}', 0)).toBe(true);
      expect(await update('{"x":"2"}', 0)).toBe(false);
      expect(await store.page(database(), '', 1)).toMatchObject([{ labels: '{"x":"1"}', revision: 1 }]);
    });

    it('takes everything with a device that is deleted', async () => {
      await register(database(), 'a');
      await inTransaction(database(), (transaction) => new TwinsStore().writeDesired(transaction, 'a', 1, '{}'));
      await store.writeLastSeen(database(), [['a', AT]]);
      await inTransaction(database(), (transaction) => store.delete(transaction, 'a'));
      expect(await new TwinsStore().read(database(), 'a')).toMatchObject({ version: 0 });
      expect(await store.page(database(), '', 10)).toEqual([]);
    });
  });

  describe('twins', () => {
    const store = new TwinsStore();
    const desire = (version: number, desired: string): Promise<boolean> =>
      inTransaction(database(), (transaction) => store.writeDesired(transaction, 'a', version, desired));

    it('moves the version one step at a time', async () => {
      await register(database(), 'a');
      expect(await desire(1, '{"x":1}')).toBe(true);
      expect(await desire(1, '{"x":2}')).toBe(false);
      expect(await desire(3, '{"x":3}')).toBe(false);
      expect(await desire(2, '{"x":4}')).toBe(true);
      expect(await store.read(database(), 'a')).toMatchObject({ version: 2, desired: { x: 4 } });
    });

    it('keeps the desired side when the reported side is written, and the other way round', async () => {
      await register(database(), 'a');
      await desire(1, '{"x":1}');
      const row = { device_id: 'a', reported: '{"y":2}', reported_at: AT, applied_version: 1, facts: '{}' };
      await inTransaction(database(), (transaction) => store.writeReported(transaction, [row]));
      await desire(2, '{"x":2}');
      expect(await store.read(database(), 'a')).toEqual({
        version: 2,
        desired: { x: 2 },
        reported: { y: 2 },
        reportedAt: AT,
        appliedVersion: 1,
      });
      const known = await inTransaction(database(), (transaction) => store.readMany(transaction, ['a', 'gone']));
      expect([...known.keys()]).toEqual(['a']);
    });
  });

  describe('device commands', () => {
    const store = new DeviceCommandsStore();
    const command = (commandId: string, overrides: Partial<DeviceCommand> = {}): DeviceCommand => ({
      commandId,
      deviceId: 'a',
      name: 'ping',
      state: 'queued',
      parameters: { n: 1 },
      createdAt: AT,
      createdBy: 'operator:local',
      expiresAt: AT + 1_000,
      sentAt: null,
      acknowledgedAt: null,
      finishedAt: null,
      result: null,
      error: null,
      ...overrides,
    });
    const insert = (entry: DeviceCommand, key?: string): Promise<boolean> =>
      inTransaction(database(), (transaction) =>
        store.insert(transaction, entry, key === undefined ? undefined : { key, requestHash: 'h' }),
      );

    it('keeps a command as it was given, and its progress', async () => {
      await register(database(), 'a');
      await insert(command('k-1'));
      expect(await store.read(database(), ['k-1', 'k-2'])).toEqual([command('k-1')]);
      const done = command('k-1', { state: 'failed', finishedAt: AT, error: { code: 'X', message: 'y' }, result: {} });
      await inTransaction(database(), (transaction) => store.writeProgress(transaction, done));
      expect(await store.read(database(), ['k-1'])).toEqual([done]);
      expect(await store.open(database(), '', 10)).toEqual([]);
    });

    it('takes an idempotency key once per device, and any number without one', async () => {
      await register(database(), 'a', 'b');
      expect(await insert(command('k-1'), 'key')).toBe(true);
      expect(await insert(command('k-2'), 'key')).toBe(false);
      expect(await insert(command('k-3', { deviceId: 'b' }), 'key')).toBe(true);
      expect(await insert(command('k-4'))).toBe(true);
      expect(await insert(command('k-5'))).toBe(true);
      const known = await store.byIdempotencyKey(database(), 'a', 'key');
      expect(known).toMatchObject({ command: { commandId: 'k-1' }, requestHash: 'h' });
    });

    it('lists newest first and finds what is open or undelivered', async () => {
      await register(database(), 'a');
      await insert(command('k-1'));
      await insert(command('k-2', { createdAt: AT + 1, state: 'acknowledged' }));
      await insert(command('k-3', { createdAt: AT + 1, state: 'succeeded' }));
      const ids = (commands: readonly { commandId: string }[]): string[] => commands.map((entry) => entry.commandId);
      expect(ids(await store.page(database(), 'a', 2, undefined))).toEqual(['k-3', 'k-2']);
      expect(ids(await store.page(database(), 'a', 2, [AT + 1, 'k-2']))).toEqual(['k-1']);
      expect((await store.open(database(), '', 10)).map((row) => row.command_id)).toEqual(['k-1', 'k-2']);
      expect(ids(await store.undelivered(database(), 'a'))).toEqual(['k-1']);
    });
  });

  describe('context', () => {
    const store = new ContextStore();
    const put = (deviceId: string | null, document: string, revision: number): Promise<boolean> =>
      inTransaction(database(), (transaction) =>
        store.write(transaction, { scope: scopeOf(deviceId), device_id: deviceId, document, revision, updated_at: AT }),
      );

    it('keeps fleet and device apart, each moving one revision at a time', async () => {
      await register(database(), 'a');
      expect(await put(null, '{"site":"north"}', 1)).toBe(true);
      expect(await put('a', '{"site":"south"}', 1)).toBe(true);
      expect(await put('a', '{"site":"west"}', 1)).toBe(false);
      const [fleet, device, other] = await store.read(database(), ['fleet', 'device:a', 'device:b']);
      expect(fleet).toEqual({ values: { site: 'north' }, revision: 1, updatedAt: AT });
      expect(device).toMatchObject({ values: { site: 'south' } });
      expect(other).toEqual({ values: {}, revision: 0, updatedAt: null });
    });
  });
});
