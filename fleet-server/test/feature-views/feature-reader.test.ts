/** What inference reads: by name, by version, by the vector a bundle pins; overridden, refused, and audited. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pinEntityViews } from '@shoal/models';
import { entityViewSchema, type EntityView } from '@shoal/protocol';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import { PrometheusMetrics } from '../../src/adapters/embedded/prometheus-metrics.ts';
import { SqliteFeatureStore } from '../../src/adapters/embedded/sqlite-features/sqlite-feature-store.ts';
import { SystemClock } from '../../src/adapters/embedded/system-clock.ts';
import { loadConfig } from '../../src/config.ts';
import { FeatureReader } from '../../src/feature-views/feature-reader.service.ts';
import { SkewAuditService } from '../../src/feature-views/skew-audit.service.ts';
import { Surroundings } from '../../src/feature-views/surroundings.service.ts';
import { ViewRegistry } from '../../src/feature-views/view-registry.service.ts';
import { FleetError } from '../../src/errors.ts';
import { until } from '../running-server.ts';

const viewOf = (maxAgeMs: number, missing: string): EntityView =>
  entityViewSchema.parse({
    name: 'site',
    entity: 'site',
    maxAgeMs,
    features: [
      { name: 'load', source: { kind: 'pushed' }, missing },
      { name: 'staffed', datatype: 'boolean', source: { kind: 'pushed' } },
    ],
  });

describe('the feature reader', () => {
  let folder: string;
  let store: SqliteFeatureStore;
  let reader: FeatureReader;
  let skew: SkewAuditService;
  const [old, current] = [viewOf(60_000, 'null'), viewOf(60_000, 'fail')] as const;
  const clock = new SystemClock();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-reader-'));
    const [metrics, log] = [new PrometheusMetrics(), pino({ level: 'silent' })];
    store = new SqliteFeatureStore(
      { file: join(folder, 'features.db'), cachedBytes: 65_536, checkedAtOpenBytes: 1e9 },
      { clock, metrics, log },
    );
    await store.start();
    const registry = new ViewRegistry(store);
    const environment = { SHOAL_FEATURES_AUDIT_EVERY: '1', SHOAL_FEATURES_AUDIT_MS: '20' };
    const { features } = loadConfig({ file: undefined, environment, flags: {} });
    await registry.adopt(old);
    const compiled = await registry.adopt(current);
    registry.makeCurrent(compiled);
    const around = new Surroundings(clock, metrics, log, features);
    skew = new SkewAuditService(store, around);
    reader = new FeatureReader(registry, store, skew, around);
    const write = { viewNo: compiled.viewNo, entity: 's-1', eventAt: null };
    await store.put({ ...write, values: [[compiled.slotNos[0] ?? 0, 0.5]] });
    skew.start();
  });
  afterAll(async () => {
    await skew.stop();
    await store.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const codeOf = async (reading: Promise<unknown>): Promise<string> => {
    const error = await reading.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    return error instanceof FleetError ? error.code : String(error);
  };

  it('gives the ordered vector, with NaN where there is nothing to give', async () => {
    const read = await reader.read('site', 's-1');
    expect([...read.vector]).toEqual([0.5, Number.NaN]);
    expect(read).toMatchObject({
      names: ['load', 'staffed'],
      judged: [{ status: 'PRESENT' }, { status: 'NOT_FOUND' }],
      missing: ['staffed'],
    });
  });

  it('fails for the current version, and serves the version before by its hash', async () => {
    expect(await codeOf(reader.read('site', 'nobody'))).toBe('FEATURE_UNAVAILABLE');
    const { views } = pinEntityViews([old]);
    expect([...(await reader.read(views[0]?.hash ?? '', 'nobody')).vector]).toEqual([Number.NaN, Number.NaN]);
    expect(await codeOf(reader.read('nope', 's-1'))).toBe('FEATURE_VIEW_NOT_FOUND');
  });

  it('serves what a bundle pins, and refuses a bundle that pins another definition', async () => {
    const plan = reader.plan(pinEntityViews([current]));
    expect((await reader.read(plan, 's-1')).names).toEqual(['site:load', 'site:staffed']);
    const other = pinEntityViews([viewOf(1, 'fail')]);
    expect(await codeOf(Promise.resolve().then(() => reader.plan(other)))).toBe('FEATURE_VIEW_MISMATCH');
  });

  it('lets values of the request win', async () => {
    const read = await reader.read('site', 'nobody', { overrides: { load: 2, staffed: true } });
    expect([[...read.vector], read.missing]).toEqual([[2, 1], []]);
    expect(await codeOf(reader.read('site', 's-1', { overrides: { nope: 1 } }))).toBe('FEATURE_UNKNOWN');
    expect(await codeOf(reader.read('site', 's-1', { overrides: { load: 'x' } }))).toBe('FEATURE_VALUE_REFUSED');
  });

  it('reads as of an instant from the history', async () => {
    expect((await reader.read('site', 's-1', { asOf: clock.now() })).vector[0]).toBe(0.5);
    expect(await codeOf(reader.read('site', 's-1', { asOf: 1 }))).toBe('FEATURE_UNAVAILABLE');
  });

  it('finds that the history gives what was served, and notices when it does not', async () => {
    const page = { limit: 10, cursor: undefined, view: undefined };
    await until(async () => (await store.listAudits({ ...page, result: 'match' })).items.length > 0);
    expect((await store.listAudits({ ...page, result: 'mismatch' })).items).toEqual([]);
    const tampering = new Database(join(folder, 'features.db'), { timeout: 5_000 });
    tampering.prepare('UPDATE pushed SET value = 9').run();
    tampering.close();
    await reader.read('site', 's-1');
    await until(async () => (await store.listAudits({ ...page, result: 'mismatch' })).items.length > 0);
    const [audit] = (await store.listAudits({ ...page, result: 'mismatch' })).items;
    expect(audit).toMatchObject({ view: 'site', differing: ['load'], served: [0.5, null], derived: [9, null] });
  });
});
