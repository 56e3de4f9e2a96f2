/** The trail on a real database: what the API shows, and how tampering with the file is found. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AuditEntry, Page } from '@shoal/protocol';
import { sql } from 'kysely';
import { AuditService } from '../../src/audit/audit.service.ts';
import type { ControlDatabase } from '../../src/db/database.ts';
import { openSqliteDatabase } from '../../src/db/open-database.ts';
import { Clock } from '../../src/ports/clock.ts';
import { call } from '../call.ts';
import { startTestServer } from '../running-server.ts';

class StoppedClock extends Clock {
  override now(): number {
    return 1_760_000_000_000;
  }
  override monotonic(): number {
    return 0;
  }
}

describe('the audit trail', () => {
  let folder: string;
  let database: ControlDatabase;
  let audit: AuditService;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-audit-'));
    database = (await openSqliteDatabase(join(folder, 'control.db'), 0)).database;
    audit = new AuditService(database, new StoppedClock());
    for (let index = 0; index < 450; index += 1) await note(`thing:${index}`);
  });
  afterEach(async () => {
    await database.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  const note = (subject: string): Promise<void> =>
    audit.change((_, record) =>
      record({
        actor: { principal: 'operator:local', from: '127.0.0.1' },
        action: 'thing.changed',
        subject,
        before: null,
        after: { subject },
      }),
    );

  it('is whole as long as nobody touches it', async () => {
    expect(await audit.verify()).toMatchObject({ ok: true, entries: 450 });
  });

  it.each([
    ['an altered entry', `update audit_entries set after_state = '{"subject":"x"}' where id = 300`, 300],
    ['a removed entry', 'delete from audit_entries where id = 200', 200],
    ['a cut-off end', 'delete from audit_entries where id > 440', 441],
    ['a removed trail', 'delete from audit_entries', 1],
    ['an altered principal', `update audit_entries set principal = 'operator:else' where id = 1`, 1],
  ])('finds %s', async (_, tampering, brokenAt) => {
    await sql.raw(tampering).execute(database);
    expect(await audit.verify()).toMatchObject({ ok: false, brokenAt });
  });

  it('keeps neither the change nor the entry when the change fails', async () => {
    const failing = audit.change(async (_, record) => {
      const actor = { principal: 'operator:local', from: null };
      await record({ actor, action: 'thing.changed', subject: 'thing:lost', before: null, after: null });
      throw new Error('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect(await audit.list({ subject: 'thing:lost', action: undefined }, 10, undefined)).toMatchObject({ items: [] });
    expect(await audit.verify()).toMatchObject({ ok: true, entries: 450 });
  });
});

describe('GET /api/audit', () => {
  it('shows newest first, filters, pages and exports', async () => {
    const server = await startTestServer();
    try {
      for (const deviceId of ['a', 'b', 'c']) await call('POST', `${server.httpUrl}/api/devices`, { deviceId });
      const first = (await server.get('/api/audit?action=device.registered&limit=2')) as Page<AuditEntry>;
      expect(first.items.map((entry) => entry.subject)).toEqual(['device:c', 'device:b']);
      const rest = (await server.get(
        `/api/audit?action=device.registered&limit=2&cursor=${first.nextCursor}`,
      )) as Page<AuditEntry>;
      expect(rest).toMatchObject({ items: [{ subject: 'device:a' }], nextCursor: null });
      const only = (await server.get('/api/audit?subject=device:b&action=device.registered')) as Page<AuditEntry>;
      expect(only.items).toHaveLength(1);
      const csv = await call('GET', `${server.httpUrl}/api/audit?action=device.registered&format=csv`);
      expect(csv.text.split('\r\n')[0]).toBe('id,at,principal,from,action,subject,before,after,hash');
      expect(csv.text.trimEnd().split('\r\n')).toHaveLength(4);
      expect(csv.headers.get('content-disposition')).toBe('attachment; filename="audit.csv"');
    } finally {
      await server.stopAndRemove();
    }
  });

  it('begins with the quarantine when the control database was damaged, and asks for attention', async () => {
    const broken = await startTestServer();
    const { dataDir } = broken;
    await broken.stop();
    writeFileSync(join(dataDir, 'control.db'), 'damaged '.repeat(100));
    const server = await startTestServer({}, dataDir);
    try {
      const trail = (await server.get('/api/audit')) as Page<AuditEntry>;
      expect(trail.items.at(-1)).toMatchObject({ id: 1, action: 'database.quarantined', principal: 'system:server' });
      const attention = (await server.get('/api/overview/attention')) as { reasons: { code: string }[] };
      expect(attention.reasons.map(({ code }) => code)).toContain('DATABASE_CORRUPT');
    } finally {
      await server.stopAndRemove();
    }
  });
});
