/** Backtests over HTTP on a whole server: two real releases over stored readings, over features of entities, and the gate of a rollout. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { expectedWindows, pinEntityViews, readBundle, readCatalog, windowedManifest } from '@shoal/models';
import { entityViewSchema, type Backtest, type Page, type Problem, type Reading, type Rollout } from '@shoal/protocol';
import Database from 'better-sqlite3';
import { call, type Answer, type Method } from '../call.ts';
import { packedPump, push } from '../models/released-models.ts';
import { startTestServer, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

/** A backtest starts two engines. */
const PATIENCE_MS = 180_000;
/** Bundles are looked into by a process, which a busy machine lets wait. */
const ENVIRONMENT = { SHOAL_MODELS_CATALOGUE: 'release', SHOAL_MODELS_CHECK_TIMEOUT_MS: '60000' };
const MODEL = 'pump-anomaly';
const SECONDS = 1_500;
const FAULT_FROM = 1_000;
const FAULT_TO = 1_200;
const PUMPS = ['pump-1', 'pump-2', 'pump-3'];
const ILL = 'pump-2';
const NORMAL = {
  Accelerometer1RMS: 0.027,
  Accelerometer2RMS: 0.04,
  Current: 1.3,
  Pressure: 0.4,
  Temperature: 68,
  Thermocouple: 24,
  Voltage: 231,
  'Volume Flow RateRMS': 32,
};

/** A steady pump with a little unrest, and a valve that closes on one of them. */
const valuesAt = (second: number, isIll: boolean): Reading['values'] =>
  Object.fromEntries(
    Object.entries(NORMAL).map(([channel, value], index) => {
      const unrest = 1 + 0.001 * Math.sin(second * (1.3 + index));
      const throttled = isIll && channel === 'Volume Flow RateRMS' ? 0.8 : 1;
      return [channel, value * unrest * throttled];
    }),
  );

let server: TestServer;
/** By the clock of the device, the first sample. */
let startAt: number;
const ask = <T>(method: Method, path: string, body?: unknown, headers = {}): Promise<Answer<T>> =>
  call<T>(method, server.httpUrl + path, body, headers);
const show = async (id: string): Promise<Backtest> => (await ask<Backtest>('GET', `/api/backtests/${id}`)).body;
/** Polls; one that never ends fails by the time limit of the test. */
const ended = async (id: string): Promise<Backtest> => {
  for (;;) {
    const last = await show(id);
    if (!['queued', 'running'].includes(last.state)) return last;
    await delay(50);
  }
};
const backtest = async (body: object): Promise<Backtest> => {
  const asked = await ask<Backtest>('POST', '/api/backtests', body);
  expect([asked.status, asked.headers.get('location')]).toEqual([202, `/api/backtests/${asked.body.backtestId}`]);
  return ended(asked.body.backtestId);
};

const specOf = async (version: string) => {
  const folder = (await readCatalog()).find(({ folder: at }) => at.endsWith(join(MODEL, version)))?.folder ?? '';
  return windowedManifest((await readBundle(folder, { signaturePolicy: 'allow-unsigned' })).manifest).window;
};

beforeAll(async () => {
  server = await startTestServer(ENVIRONMENT);
  startAt = Math.floor(Date.now() / 1_000) * 1_000 - 3_600_000;
  for (const deviceId of PUMPS) {
    const device = await TestDevice.online(server.mqttPort, deviceId);
    const readings = Array.from({ length: SECONDS }, (_, second): Reading => {
      const isIll = deviceId === ILL && second >= FAULT_FROM && second < FAULT_TO;
      return {
        sequence: second + 1,
        observedAt: startAt + second * 1_000,
        source: 'pump',
        values: valuesAt(second, isIll),
      };
    });
    for (let from = 0; from < SECONDS; from += 500) await device.records('readings', readings.slice(from, from + 500));
    await device.client.endAsync();
  }
}, PATIENCE_MS);
afterAll(() => server.stopAndRemove());

const INCIDENTS = (): object[] => [
  { entity: ILL, from: startAt + FAULT_FROM * 1_000, to: startAt + FAULT_TO * 1_000 },
  { entity: 'pump-1', from: startAt - 86_400_000, to: startAt - 80_000_000 },
];
const ASKED = (): object => ({ model: MODEL, candidate: '1.1.0', against: '1.0.0', days: 1, incidents: INCIDENTS() });

describe('of models that look at windows', () => {
  let done: Backtest;
  beforeAll(async () => {
    done = await backtest(ASKED());
  }, PATIENCE_MS);

  test('both see exactly the windows that devices cut, learn the normal first, and are held against each other', async () => {
    const stamps = Array.from({ length: SECONDS }, (_, second) => startAt + second * 1_000);
    const [base, next] = [await specOf('1.0.0'), await specOf('1.1.0')];
    const [ofBase, ofNext] = [base, next].map((spec) => PUMPS.length * expectedWindows(stamps, spec).length);
    expect(done).toMatchObject({ state: 'finished', error: null, attempts: 1, progress: { entities: PUMPS.length } });
    const { champion, candidate, rows, unpaired, daily, agreement, alarms } = done.figures!;
    expect([champion.scored, champion.calibrating, champion.unanswered]).toEqual([ofBase, 0, {}]);
    expect([candidate.scored + candidate.calibrating, candidate.unanswered]).toEqual([ofNext, {}]);
    // The last collected window ends within the first 400 samples.
    expect(candidate.calibrating).toBe(
      PUMPS.length * expectedWindows(stamps, next).filter(({ endAt }) => endAt <= startAt + 400_000).length,
    );
    expect(rows + unpaired).toBe(champion.scored);
    expect(daily.reduce((sum, day) => sum + day.rows, 0)).toBe(rows);
    expect(daily.reduce((sum, day) => sum + day.agreed, 0) / rows).toBe(agreement);
    expect(alarms.shared + alarms.missed).toBe(champion.alarms);
    expect(candidate.usPerRow).toBeGreaterThan(0);
  });

  test('the candidate finds the labelled incident within a window and raises nothing else; labels without data are not counted', () => {
    const { candidate, incidents } = done.figures!;
    expect(incidents).toEqual({ given: 2, covered: 1 });
    expect(candidate).toMatchObject({ alarms: 1, incidents: { found: 1, missed: 0, falseAlarms: 0 } });
    expect(candidate.incidents?.medianDelayS).toBeLessThanOrEqual(30);
  });

  test('the report is a page that needs nothing from elsewhere; the list has it, also as CSV', async () => {
    const page = await ask<undefined>('GET', `/api/backtests/${done.backtestId}/report`);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    for (const part of ['1.1.0', 'Against labels', '<svg', 'Where they disagree']) expect(page.text).toContain(part);
    const { body } = await ask<Page<Backtest>>('GET', `/api/backtests?model=${MODEL}&state=finished`);
    expect(body.items.map(({ backtestId }) => backtestId)).toEqual([done.backtestId]);
    expect((await ask('GET', '/api/backtests?format=csv')).text).toContain(`${done.backtestId},${MODEL},1.1.0,1.0.0`);
  });

  test('a rollout that asks for it starts only when exactly this pairing is good enough, and leaves nothing behind otherwise', async () => {
    const roll = (backtestGate: object, version = '1.1.0') =>
      ask<Rollout & Problem>('POST', '/api/rollouts', {
        name: 'r',
        model: MODEL,
        version,
        gates: { backtest: backtestGate },
      });
    expect((await roll({ against: '1.0.0', minRows: 1_000_000 })).body).toMatchObject({
      code: 'BACKTEST_GATE_FAILED',
      status: 409,
    });
    expect((await roll({})).body).toMatchObject({ code: 'MODEL_ALIAS_NOT_FOUND' });
    await ask('PUT', `/api/models/${MODEL}/aliases/champion`, { version: '1.0.0' });
    expect((await roll({ against: '1.1.0' }, '1.0.0')).body).toMatchObject({ code: 'BACKTEST_MISSING', status: 409 });
    expect((await ask<Page<Rollout>>('GET', '/api/rollouts')).body.items).toEqual([]);
    expect(await roll({ maxMissedIncidents: 0, maxFalseAlarms: 0 })).toMatchObject({ status: 201 });
    const draft = await ask<Rollout>('POST', '/api/rollouts', {
      name: 'd',
      model: MODEL,
      version: '1.1.0',
      start: false,
      gates: { backtest: { maxCostRatio: 1e-9 } },
    });
    const refused = await ask<Problem>('POST', `/api/rollouts/${draft.body.rolloutId}/start`, {});
    expect(refused.body).toMatchObject({ code: 'BACKTEST_GATE_FAILED' });
    expect((await ask<Rollout>('GET', `/api/rollouts/${draft.body.rolloutId}`)).body.state).toBe('draft');
  });

  test('what cannot be compared is refused, and the same key asks for one', async () => {
    const refusal = async (body: object): Promise<string> =>
      (await ask<Problem>('POST', '/api/backtests', { ...ASKED(), ...body })).body.code;
    expect(await refusal({ against: '1.1.0' })).toBe('BACKTEST_UNFIT');
    expect(await refusal({ candidate: '9.9.9' })).toBe('MODEL_RELEASE_NOT_FOUND');
    expect(await refusal({ model: 'pump-health', candidate: '1.0.0', against: 'champion' })).toBe(
      'MODEL_ALIAS_NOT_FOUND',
    );
    expect(await refusal({ until: Date.now() + 60_000_000 })).toBe('BACKTEST_AHEAD');
    expect(await refusal({ devices: '=' })).toBe('REQUEST_INVALID');
    const headers = { 'idempotency-key': 'k' };
    const first = await ask<Backtest>('POST', '/api/backtests', { ...ASKED(), devices: 'nowhere' }, headers);
    const again = await ask<Backtest>('POST', '/api/backtests', { ...ASKED(), devices: 'nowhere' }, headers);
    expect(again.body.backtestId).toBe(first.body.backtestId);
    const other = await ask<Problem>('POST', '/api/backtests', ASKED(), headers);
    expect(other.body.code).toBe('IDEMPOTENCY_KEY_REUSED');
    const cancel = (id: string) => ask<Backtest & Problem>('POST', `/api/backtests/${id}/cancel`, {});
    expect((await cancel(first.body.backtestId)).body.state).toBe('canceled');
    expect(await cancel(first.body.backtestId)).toMatchObject({
      status: 200,
      body: { state: 'canceled', figures: null },
    });
    expect((await cancel(done.backtestId)).body).toMatchObject({ code: 'BACKTEST_STATE', status: 409 });
  });

  test(
    'a backtest that a killed server was at is begun anew, one that took it down over and over has failed, a canceled one stays so',
    async () => {
      const { dataDir } = server;
      await server.stop();
      const db = new Database(join(dataDir, 'control.db'));
      const row = db.prepare('SELECT * FROM backtests WHERE backtest_id = ?').get(done.backtestId) as Record<
        string,
        unknown
      >;
      const left = (backtestId: string, state: string, attempts: number, number: number): void => {
        const document = JSON.stringify({ ...done, backtestId, state, attempts, figures: null, finishedAt: null });
        const columns = { ...row, backtest_id: backtestId, state, document, number, plots: null };
        const names = Object.keys(columns);
        db.prepare(`INSERT INTO backtests (${names.join()}) VALUES (${names.map((name) => `@${name}`).join()})`).run(
          columns,
        );
      };
      left('b-00000000000000a1', 'running', 1, 101);
      left('b-00000000000000a2', 'running', 5, 102);
      left('b-00000000000000a3', 'queued', 0, 103);
      db.close();
      server = await startTestServer(ENVIRONMENT, dataDir);
      const canceled = await ask<Backtest>('POST', '/api/backtests/b-00000000000000a3/cancel', {});
      expect(canceled.body.state).toBe('canceled');
      const anew = await ended('b-00000000000000a1');
      expect(anew).toMatchObject({ state: 'finished', attempts: 2 });
      const timeless = ({ figures }: Backtest): object => ({
        ...figures,
        champion: { ...figures?.champion, engineMs: 0, usPerRow: 0 },
        candidate: { ...figures?.candidate, engineMs: 0, usPerRow: 0 },
      });
      expect(timeless(anew)).toEqual(timeless(done));
      expect((await show('b-00000000000000a2')).error?.code).toBe('BACKTEST_INTERRUPTED');
      expect(await show('b-00000000000000a3')).toMatchObject({ state: 'canceled', attempts: 0 });
    },
    PATIENCE_MS,
  );
});

test(
  'models of entity features are asked as of each instant: what became known later is not there yet',
  async () => {
    const names = Array.from({ length: 11 }, (_, index) => `f${index}`);
    const view = entityViewSchema.parse({
      name: 'site',
      entity: 'site',
      maxAgeMs: 3_600_000,
      features: names.map((name) => ({ name, source: { kind: 'pushed' }, missing: 'default', default: 0 })),
    });
    await ask('POST', '/api/feature-views', view);
    const shared = {
      name: 'site-risk',
      entityView: pinEntityViews([view]),
      featureView: undefined,
      featureViewHash: undefined,
      window: undefined,
      postProcessing: {
        kind: 'score',
        scoreOutput: 'score',
        decisionThreshold: 'risk',
        labels: ['calm', 'risky'],
        calibration: { method: 'none' },
      },
    };
    for (const [index, limit] of [0.5, 0.7].entries()) {
      const postProcessing = { ...shared.postProcessing, thresholds: { risk: { default: limit, description: '' } } };
      const packed = await packedPump({
        ...shared,
        postProcessing,
        version: `1.${index}.0`,
        releaseCounter: index + 1,
      });
      expect(await push(server.httpUrl, packed)).toMatchObject({ status: 201 });
    }
    for (const [site, value] of [
      ['calm', 0.1],
      ['between', 0.6],
      ['risky', 0.9],
    ] as const)
      await ask('PUT', `/api/features/site/${site}`, { values: { f0: value } });
    const asked = { model: 'site-risk', candidate: '1.1.0', against: '1.0.0', days: 1, everyHours: 6, incidents: [] };
    const { figures, error } = await backtest(asked);
    expect(error).toBeNull();
    // Three sites at the last of four instants; before, nothing was known of any.
    expect(figures).toMatchObject({
      kind: 'entities',
      entities: 3,
      rows: 3,
      agreement: 2 / 3,
      alarms: { shared: 1, extra: 0, missed: 1 },
      candidate: { alarms: 1, incidents: { falseAlarms: 1 } },
      worst: [{ entity: 'between', rows: 1, agreed: 0, extra: 0, missed: 1 }],
    });
  },
  PATIENCE_MS,
);
