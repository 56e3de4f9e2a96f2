/** What every alert store must do, whatever it is built on. `open` gives a fresh one, over the log of all of them. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { alertRuleSchema, type Alert, type AlertQuery, type AlertRule, type Silence } from '@shoal/protocol';
import type { AlertStore, AlertStep, Deed, WatchedDevice } from '../src/ports/alert-store.ts';
import type { TelemetryStore } from '../src/ports/telemetry-store.ts';
import { batchOf, event, reading } from './telemetry-records.ts';

const NOW = Date.UTC(2026, 4, 20, 12);
const HOUR_MS = 3_600_000;

export interface AlertSubject {
  readonly store: AlertStore;
  /** Whose log it reads. */
  readonly telemetry: TelemetryStore;
  /** The same file, opened anew. */
  reopen(): Promise<AlertSubject>;
  close(): Promise<void>;
}

const channels = [
  { type: 'email', to: 'ops@example.org' },
  { type: 'webhook', url: 'https://example.org/hook' },
];
const ruleOf = (rule: object): AlertRule => alertRuleSchema.parse(rule);
const HOT = ruleOf({
  name: 'hot',
  severity: 'alarm',
  on: { kind: 'readings' },
  when: { value: 'a', above: 80, clearAt: 70 },
  notify: { channels },
});
const deedOf = (alert: Alert | undefined, action: Deed['action'], request?: string): Deed => ({
  alertId: alert?.alertId ?? '',
  action,
  by: 'operator:local',
  note: 'x',
  request,
});
const silenceOf = (over: Partial<Silence>): Silence => ({
  silenceId: 's-00000001',
  rule: null,
  key: null,
  labels: [],
  until: NOW + HOUR_MS,
  note: '',
  by: 'operator:local',
  createdAt: NOW,
  revision: 1,
  ...over,
});

export const alertStoreContract = (open: () => Promise<AlertSubject>): void => {
  describe('an alert store', () => {
    let subject: AlertSubject;
    let sequence = 0;
    let run = 0;
    let deviceId = '';
    beforeEach(async () => {
      sequence = 0;
      run += 1;
      deviceId = `pump-${run}`;
      subject = await open();
      await subject.store.setDevices([pump()]);
      await subject.store.step(NOW);
    });
    afterEach(() => subject.close());

    /** The log is that of all tests, so each has a device of its own. */
    const pump = (over: Partial<WatchedDevice> = {}): WatchedDevice => ({
      deviceId,
      labels: { site: 'north' },
      isConnected: true,
      contactAt: NOW,
      ...over,
    });
    /** Readings of `a`, a second apart. */
    const say = async (...values: number[]): Promise<void> => {
      const records = values.map((a) => {
        sequence += 1;
        return reading(sequence, NOW + sequence * 1_000, { a });
      });
      await subject.telemetry.append([batchOf('readings', records, { deviceId })], []);
    };
    const step = (afterMs = 60_000): Promise<AlertStep> => subject.store.step(NOW + afterMs);
    const list = async (query: Partial<AlertQuery> = {}): Promise<Alert[]> =>
      (await subject.store.alerts({ limit: 100, ...query })).items;
    const told = async (): Promise<string[]> =>
      (await subject.store.intents(100)).map(({ id, subject: what }) => `${what} ${id.slice(id.indexOf('.'))}`);

    it('fires once, is resolved once, and tells each channel of both', async () => {
      await subject.store.define(HOT, NOW);
      await say(60, 85, 90);
      expect(await step()).toMatchObject({ fired: 1, resolved: 0, intents: 2, firing: 1, isCaughtUp: true });
      await say(75, 69);
      expect(await step()).toMatchObject({ fired: 0, resolved: 1, intents: 4, firing: 0 });
      expect(await list()).toMatchObject([
        { rule: 'hot', key: deviceId, deviceId, state: 'resolved', resolution: 'over', value: 69 },
      ]);
      expect(await told()).toEqual([
        'alert.fired .1.0',
        'alert.fired .1.1',
        'alert.resolved .2.0',
        'alert.resolved .2.1',
      ]);
      const [first] = await subject.store.intents(1);
      expect(first).toMatchObject({ channel: channels[0], body: { type: 'alert.fired', data: { value: 85 } } });
      await subject.store.handedOn(first?.intent ?? 0);
      expect(await told()).toHaveLength(3);
    });

    it('goes on where it was after it was opened anew', async () => {
      await subject.store.define({ ...HOT, forMs: 5_000 }, NOW);
      await say(85, 86, 87);
      await step();
      expect(await list()).toMatchObject([{ state: 'pending', since: NOW + 1_000 }]);
      subject = await subject.reopen();
      await subject.store.setDevices([pump()]);
      await say(88, 89, 90);
      expect(await step()).toMatchObject({ records: 3, fired: 1 });
      expect(await list()).toMatchObject([{ state: 'firing', since: NOW + 1_000, firedAt: NOW + 6_000 }]);
    });

    it('drops what was pending without a trace', async () => {
      await subject.store.define({ ...HOT, forMs: 5_000 }, NOW);
      await say(85, 60);
      await step();
      expect([await list(), await told()]).toEqual([[], []]);
    });

    it('decides by the rules it was given, and resolves what those that are gone had open', async () => {
      await subject.store.adopt([HOT, { ...HOT, name: 'off', isEnabled: false }], NOW);
      await say(90);
      await step();
      expect((await list()).map(({ rule }) => rule)).toEqual(['hot']);
      await subject.store.define({ ...HOT, severity: 'info' }, NOW);
      expect(await list()).toMatchObject([{ state: 'firing', severity: 'alarm' }]);
      await subject.store.define({ ...HOT, forMs: 1 }, NOW);
      expect(await list()).toMatchObject([{ state: 'resolved', resolution: 'rule-changed' }]);
      await say(91, 92);
      await step();
      await subject.store.drop('hot', NOW);
      expect((await list()).map(({ resolution }) => resolution)).toEqual(['rule-removed', 'rule-changed']);
      await say(93);
      expect((await step()).fired).toBe(0);
    });

    it('looks only at devices that carry the labels, and ends what a removed one had', async () => {
      await subject.store.define({ ...HOT, labels: [{ label: 'site', value: 'south' }] }, NOW);
      await say(90);
      await step();
      expect(await list()).toEqual([]);
      await subject.store.setDevices([pump({ labels: { site: 'south' } })]);
      await say(91);
      await step();
      expect(await list()).toMatchObject([{ state: 'firing', value: 91 }]);
      await subject.store.setDevices([pump({ labels: null })]);
      expect(await list()).toMatchObject([{ state: 'resolved', resolution: 'device-removed' }]);
    });

    it('tells nobody while it is silenced, and tells then what fires still', async () => {
      await subject.store.define(HOT, NOW);
      const silence = silenceOf({ rule: 'hot' });
      await subject.store.silence(silence);
      await subject.store.silence({ ...silence, note: 'again' });
      expect(await subject.store.silences(NOW)).toEqual([silence]);
      await say(90);
      await step();
      expect(await told()).toEqual([]);
      await subject.store.endSilence(silence.silenceId);
      await step(61_000);
      expect(await told()).toEqual(['alert.fired .1.0', 'alert.fired .1.1']);
      await expect(subject.store.endSilence(silence.silenceId)).rejects.toMatchObject({ code: 'SILENCE_NOT_FOUND' });
      await subject.store.silence(silenceOf({ key: deviceId, until: NOW + 70_000 }));
      await say(60, 95);
      await step(69_000);
      expect(await told()).toHaveLength(2);
      await step(71_000);
      expect((await told()).slice(2)).toEqual(['alert.fired .1.0', 'alert.fired .1.1']);
      expect(await subject.store.silences(NOW + 70_000)).toEqual([]);
    });

    it('tells again at the interval until somebody acknowledges it', async () => {
      await subject.store.define({ ...HOT, notify: { ...HOT.notify, repeatMs: HOUR_MS } }, NOW);
      await say(90);
      await step();
      await step(60_000 + HOUR_MS);
      expect((await told()).slice(2)).toEqual(['alert.firing .2.0', 'alert.firing .2.1']);
      const [alert] = await list();
      const after = await subject.store.act(deedOf(alert, 'acknowledged', 'r'), NOW + HOUR_MS);
      expect(after).toMatchObject({ acknowledgedBy: 'operator:local', acknowledgedAt: NOW + HOUR_MS });
      expect(await subject.store.act(deedOf(alert, 'acknowledged', 'r'), NOW + 2 * HOUR_MS)).toEqual(after);
      await step(9 * HOUR_MS);
      expect(await told()).toHaveLength(4);
    });

    it('is ended by hand, and fires anew', async () => {
      await subject.store.define(HOT, NOW);
      await say(90);
      await step();
      const [alert] = await list();
      await subject.store.act(deedOf(alert, 'resolved'), NOW + 70_000);
      await expect(subject.store.act(deedOf(alert, 'acknowledged'), NOW)).rejects.toMatchObject({
        code: 'ALERT_RESOLVED',
      });
      await subject.store.act(deedOf(alert, 'noted'), NOW + 80_000);
      const stranger = { ...deedOf(alert, 'noted'), alertId: 'a-ffff-1' };
      await expect(subject.store.act(stranger, NOW)).rejects.toMatchObject({ code: 'ALERT_NOT_FOUND' });
      await say(91);
      await step();
      expect((await list()).map(({ state, resolution }) => [state, resolution])).toEqual([
        ['firing', null],
        ['resolved', 'by-hand'],
      ]);
      const { history } = await subject.store.alert(alert?.alertId ?? '');
      expect(history.map(({ what }) => what)).toEqual(['fired', 'notified', 'noted', 'resolved', 'notified', 'noted']);
    });

    it('watches the clock: absence, return, and quiet', async () => {
      const gone = ruleOf({ name: 'gone', on: { kind: 'absence', afterMs: 30_000 }, notify: { channels } });
      const mute = ruleOf({ name: 'mute', on: { kind: 'absence', afterMs: 30_000, of: 'records' } });
      const gaps = ruleOf({ name: 'gaps', on: { kind: 'events' }, quietMs: 90_000 });
      await subject.store.adopt([gone, mute, gaps], NOW);
      await subject.telemetry.append([batchOf('events', [event(500, NOW)], { deviceId, receivedAt: NOW })], []);
      await subject.store.setDevices([pump({ isConnected: false })]);
      await step(29_000);
      expect((await list()).map(({ rule }) => rule)).toEqual(['gaps']);
      await step(31_000);
      expect(await list({ rule: 'gone' })).toMatchObject([{ state: 'firing', since: NOW, value: 31 }]);
      await subject.store.setDevices([pump({ contactAt: NOW + 40_000 })]);
      await step(40_000);
      expect(await list({ rule: 'gone' })).toMatchObject([{ state: 'resolved', resolution: 'heard' }]);
      await step(90_000);
      expect(await list({ rule: 'gaps' })).toMatchObject([{ state: 'resolved', resolution: 'quiet' }]);
    });

    it('lists by state, severity, rule, key and time, newest first, in pages', async () => {
      await subject.store.adopt([HOT, { ...HOT, name: 'hotter', severity: 'info' }], NOW);
      await say(90, 60, 91);
      await step();
      const rules = async (query: Partial<AlertQuery>): Promise<string[]> =>
        (await list(query)).map(({ rule, state }) => `${rule} ${state}`);
      expect(await rules({})).toEqual(['hotter firing', 'hotter resolved', 'hot firing', 'hot resolved']);
      expect(await rules({ state: 'firing', severity: 'alarm' })).toEqual(['hot firing']);
      expect(await rules({ state: 'open', rule: 'hotter' })).toEqual(['hotter firing']);
      expect(await rules({ key: 'nobody' })).toEqual([]);
      expect(await rules({ from: NOW + 2_000, to: NOW + 4_000 })).toEqual(['hotter firing', 'hot firing']);
      const first = await subject.store.alerts({ limit: 3 });
      const second = await subject.store.alerts({ limit: 3, cursor: first.nextCursor ?? undefined });
      expect([...first.items, ...second.items]).toEqual(await list());
      await expect(subject.store.alerts({ limit: 3, cursor: 'x' })).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
      expect(await subject.store.status('hot')).toEqual({
        name: 'hot',
        firing: 1,
        pending: 0,
        considered: 3,
        late: 0,
        historical: 0,
      });
    });

    it('says what changed, each alert as it is now', async () => {
      await subject.store.define(HOT, NOW);
      await say(90, 60);
      const { lastChange } = await step();
      const changes = await subject.store.changes(0, 100);
      expect(changes.map(({ alert: { state } }) => state)).toEqual(['resolved']);
      expect(changes.at(-1)?.change).toBe(lastChange);
      expect(await subject.store.changes(lastChange, 100)).toEqual([]);
    });

    it('forgets resolved alerts in time, and never open ones', async () => {
      await subject.store.define(HOT, NOW);
      await say(90, 60, 91);
      await step();
      expect(await subject.store.trim(NOW)).toBe(0);
      expect(await subject.store.trim(NOW + HOUR_MS)).toBe(1);
      expect((await list()).map(({ state }) => state)).toEqual(['firing']);
    });

    it('runs a rule over history without a trace', async () => {
      await say(90, 75, 60, 91);
      await step();
      const labels = [{ label: 'site' }];
      const preview = { rule: { ...HOT, labels }, from: NOW, to: NOW + HOUR_MS, limit: 1 };
      expect(await subject.store.preview(preview, [pump()], NOW + HOUR_MS)).toEqual({
        sentence: 'hot would have fired 2 times in the last hour.',
        count: 2,
        keyCount: 1,
        firings: [
          {
            key: deviceId,
            since: NOW + 1_000,
            firedAt: NOW + 1_000,
            resolvedAt: NOW + 3_000,
            value: 90,
            clockBad: false,
          },
        ],
        from: NOW,
        to: NOW + HOUR_MS,
        recordsRead: expect.any(Number),
        isComplete: true,
      });
      const gone = ruleOf({ name: 'gone', labels, on: { kind: 'absence', afterMs: 60_000 } });
      const absent = await subject.store.preview({ ...preview, rule: gone }, [pump()], NOW + HOUR_MS);
      expect(absent).toMatchObject({ count: 1, firings: [{ since: NOW + 4_040, resolvedAt: null }] });
      const quiet = ruleOf({ name: 'any', labels, on: { kind: 'events' }, quietMs: 60_000 });
      await subject.telemetry.append([batchOf('events', [event(900, NOW)], { deviceId, receivedAt: NOW })], []);
      const events = await subject.store.preview({ ...preview, rule: quiet }, [pump()], NOW + HOUR_MS);
      expect(events).toMatchObject({ count: 1, firings: [{ firedAt: NOW, resolvedAt: NOW + 60_000 }] });
      expect(await list()).toEqual([]);
    });
  });
};
