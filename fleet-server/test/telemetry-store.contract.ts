/** What every telemetry store must do, whatever it is built on. */
import { entriesOf } from '../src/ports/log-columns.ts';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordKind } from '@shoal/protocol';
import type { HistoryQuery, LogQuery, TelemetryStore } from '../src/ports/telemetry-store.ts';
import { EPOCH, OTHER_EPOCH, batchOf, event, prediction, reading } from './telemetry-records.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 4, 20, 12);

/** Every commit, for one channel and one output. */
const ALL_OF_THE_LOG: LogQuery = {
  afterBatchId: 0,
  upToBatchId: Infinity,
  commits: 10,
  records: 1_000,
  sources: [
    { kind: 'readings', channel: 'a', aggregate: 'mean', windowMs: 60_000, panes: 1 },
    { kind: 'predictions', output: 'score', aggregate: 'mean', windowMs: 60_000, panes: 1 },
  ],
};

const query = <K extends RecordKind>(kind: K, part: Partial<HistoryQuery<K>> = {}): HistoryQuery<K> => ({
  kind,
  deviceId: 'pump-1',
  from: undefined,
  to: undefined,
  order: 'asc',
  limit: 1_000,
  cursor: undefined,
  ...part,
});

interface Subject {
  readonly store: TelemetryStore;
  remove(): Promise<void>;
}

export const telemetryStoreContract = (open: () => Promise<Subject>): void => {
  describe('a telemetry store', () => {
    let subject: Subject;
    let store: TelemetryStore;
    beforeEach(async () => {
      subject = await open();
      store = subject.store;
    });
    afterEach(() => subject.remove());

    it('gives records of every kind back as they came, with when and how they were received', async () => {
      const readings = [
        reading(1, NOW, { Pressure: 0.1, Current: null, tiny: -5e-324 }),
        { ...reading(2, NOW + 1, { Pressure: null }), marks: { Pressure: 'gap' as const } },
        reading(3, NOW + 2, {}),
      ];
      const late = { eventAt: [NOW + 9], clock: ['adjusted' as const], receivedAt: NOW + 50 };
      await store.append([batchOf('readings', readings), batchOf('predictions', [prediction(4, NOW)])], []);
      await store.append([batchOf('events', [event(5, NOW)], late)], []);
      const stored = { deviceId: 'pump-1', epoch: EPOCH, clock: 'good' };
      expect((await store.history(query('readings'))).items).toEqual(
        readings.map((record) => ({ ...record, ...stored, eventAt: record.observedAt, receivedAt: NOW + 42 })),
      );
      expect((await store.history(query('predictions'))).items).toEqual([
        { ...prediction(4, NOW), ...stored, eventAt: NOW, receivedAt: NOW + 40 },
      ]);
      expect((await store.history(query('events'))).items).toEqual([
        { ...event(5, NOW), ...stored, clock: 'adjusted', eventAt: NOW + 9, receivedAt: NOW + 50 },
      ]);
    });

    it('stores a redelivery once and says what was new', async () => {
      await store.append([batchOf('readings', [reading(1, NOW), reading(2, NOW + 1)])], []);
      const again = batchOf('readings', [reading(2, NOW + 1), reading(3, NOW + 2)]);
      const result = await store.append([again], []);
      expect(result).toMatchObject({ duplicates: 1, conflicts: 0 });
      expect(result.appended.map((batch) => batch.records)).toEqual([[reading(3, NOW + 2)]]);
      expect(await store.totals()).toEqual({ records: 3, duplicates: 1, deadLetters: 0 });
    });

    it('takes the same content in another order of keys, or placed at another time, for the same', async () => {
      await store.append([batchOf('readings', [reading(1, NOW, { a: 1, b: 2 })])], []);
      const shuffled = batchOf('readings', [reading(1, NOW, { b: 2, a: 1 })]);
      const later = batchOf('readings', [reading(1, NOW, { a: 1, b: 2 })], { eventAt: [NOW + 77], clock: ['bad'] });
      expect(await store.append([shuffled, later], [])).toMatchObject({ duplicates: 2, conflicts: 0, appended: [] });
    });

    it('sets a taken key with other content aside, and keeps what was first', async () => {
      await store.append([batchOf('readings', [reading(1, NOW, { a: 1 })])], []);
      const other = batchOf('readings', [reading(1, NOW, { a: 2 })]);
      const otherTime = batchOf('readings', [reading(1, NOW + 5, { a: 1 })]);
      const otherKind = batchOf('events', [event(1, NOW)]);
      const result = await store.append([other, otherTime, otherKind], []);
      expect(result).toMatchObject({ conflicts: 3, duplicates: 0, appended: [] });
      expect((await store.history(query('readings'))).items).toMatchObject([{ values: { a: 1 }, observedAt: NOW }]);
      const letters = await store.deadLetters({ deviceId: 'pump-1', reason: undefined, limit: 10, cursor: undefined });
      expect(letters.items.map(({ reason, topic }) => [reason, topic])).toEqual([
        ['SEQUENCE_CONFLICT', 'shoal/v1/devices/pump-1/up/events'],
        ['SEQUENCE_CONFLICT', 'shoal/v1/devices/pump-1/up/readings'],
        ['SEQUENCE_CONFLICT', 'shoal/v1/devices/pump-1/up/readings'],
      ]);
    });

    it('keeps epochs and devices apart', async () => {
      const record = [reading(1, NOW)];
      const batches = [
        batchOf('readings', record),
        batchOf('readings', record, { epoch: OTHER_EPOCH }),
        batchOf('readings', record, { deviceId: 'pump-2' }),
      ];
      expect(await store.append(batches, [])).toMatchObject({ duplicates: 0, conflicts: 0 });
      expect(await store.ranges('pump-1')).toEqual({
        deviceId: 'pump-1',
        epochs: [
          { epoch: EPOCH, ranges: [[1, 1]], count: 1 },
          { epoch: OTHER_EPOCH, ranges: [[1, 1]], count: 1 },
        ],
      });
    });

    it('knows the exact ranges and the highest sequence', async () => {
      await store.append(
        [
          batchOf(
            'readings',
            [1, 2, 3, 7, 9].map((sequence) => reading(sequence, NOW + sequence)),
          ),
        ],
        [],
      );
      await store.append([batchOf('readings', [reading(8, NOW + 8)], { lane: 'backlog' })], []);
      expect((await store.ranges('pump-1')).epochs).toEqual([
        {
          epoch: EPOCH,
          ranges: [
            [1, 3],
            [7, 9],
          ],
          count: 6,
        },
      ]);
      expect(await store.highestSequence('pump-1', EPOCH)).toBe(9);
      expect(await store.highestSequence('pump-1', OTHER_EPOCH)).toBe(0);
      expect(await store.highestSequence('nobody', EPOCH)).toBe(0);
    });

    it('pages through history in order, in both directions, over days of receipt, while data arrives', async () => {
      const old = [1, 2, 3, 4, 5].map((sequence) => reading(sequence, NOW + sequence * 10));
      await store.append([batchOf('readings', old, { receivedAt: NOW })], []);
      const backlog = [6, 7, 8].map((sequence) => reading(sequence, NOW + sequence));
      await store.append([batchOf('readings', backlog, { receivedAt: NOW + DAY, lane: 'backlog' })], []);
      for (const order of ['asc', 'desc'] as const) {
        const seen: number[] = [];
        let cursor: string | undefined;
        do {
          const page = await store.history(query('readings', { order, limit: 3, cursor }));
          seen.push(...page.items.map((item) => item.sequence));
          cursor = page.nextCursor ?? undefined;
          // What arrives behind the cursor changes nothing on the pages to come.
          const behind = order === 'asc' ? NOW - 1_000 : NOW + 1_000_000;
          const next = (await store.highestSequence('pump-1', OTHER_EPOCH)) + 1;
          await store.append([batchOf('readings', [reading(next, behind)], { epoch: OTHER_EPOCH })], []);
        } while (cursor !== undefined);
        const expected = [6, 7, 8, 1, 2, 3, 4, 5];
        const own = (await store.history(query('readings'))).items.filter((item) => item.epoch === EPOCH);
        expect(own.map((item) => item.sequence)).toEqual(expected);
        expect(seen.slice(0, expected.length)).toEqual(order === 'asc' ? expected : expected.toReversed());
      }
    });

    it('reads half-open spans of event time', async () => {
      await store.append(
        [
          batchOf(
            'readings',
            [0, 1, 2, 3].map((n) => reading(n + 1, NOW + n)),
          ),
        ],
        [],
      );
      const page = await store.history(query('readings', { from: NOW + 1, to: NOW + 3 }));
      expect(page.items.map((item) => item.eventAt)).toEqual([NOW + 1, NOW + 2]);
    });

    it('refuses a cursor it did not hand out', async () => {
      await store.append([batchOf('readings', [reading(1, NOW)])], []);
      const answer = store.history(query('readings', { cursor: 'bm9uc2Vuc2U' }));
      await expect(answer).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
    });

    it('finds events across devices, by severity and kind', async () => {
      const other = { deviceId: 'pump-2' };
      await store.append([batchOf('events', [event(1, NOW, 'error'), event(2, NOW + 2)])], []);
      await store.append([batchOf('events', [event(1, NOW + 1, 'error')], other)], []);
      const everywhere = query('events', { deviceId: undefined });
      expect((await store.history(everywhere)).items.map((item) => item.eventAt)).toEqual([NOW, NOW + 1, NOW + 2]);
      const errors = await store.history({ ...everywhere, severity: 'error' });
      expect(errors.items.map((item) => item.deviceId)).toEqual(['pump-1', 'pump-2']);
      expect((await store.history({ ...everywhere, eventKind: 'drift.detected' })).items).toEqual([]);
    });

    it('draws a series that keeps its extremes', async () => {
      const wave = Array.from({ length: 500 }, (_, n) => reading(n + 1, NOW + n, { a: n === 321 ? 99 : 0, b: n }));
      await store.append([batchOf('readings', wave)], []);
      const span = { deviceId: 'pump-1', kind: 'readings', from: NOW, to: NOW + 500 } as const;
      const series = await store.series({ ...span, channels: ['a'], points: 20 });
      expect(Object.keys(series.channels)).toEqual(['a']);
      expect(series.channels['a']).toContainEqual([NOW + 321, 99]);
      expect(series.channels['a']?.length).toBeLessThanOrEqual(20);
      expect(series).toMatchObject({ recordCount: 500, downsampled: true });
      const whole = await store.series({ ...span, channels: undefined, points: 1_000 });
      expect(whole.channels['b']).toEqual(wave.map((record) => [record.observedAt, record.sequence - 1]));
      expect(whole.downsampled).toBe(false);
    });

    it('reads its log again, commit by commit, exactly what each added', async () => {
      const first = batchOf('readings', [reading(1, NOW), reading(2, NOW + 1)]);
      const second = batchOf('predictions', [prediction(3, NOW + 2)], { class: 'prediction', lane: 'backlog' });
      const { batchId: one } = await store.append([first], []);
      await store.append([first], []);
      const { batchId: two } = await store.append(
        [second, batchOf('readings', [reading(2, NOW + 1), reading(4, NOW)])],
        [],
      );
      expect(two).toBeGreaterThan(one);
      const log = await store.readLog(ALL_OF_THE_LOG);
      expect(log).toMatchObject({ lastBatchId: two, records: 4 });
      expect(entriesOf(log.said).map(({ source, receivedAt, eventAt }) => [source, receivedAt, [...eventAt]])).toEqual([
        [0, first.receivedAt, [NOW, NOW + 1]],
        [1, second.receivedAt, [NOW + 2]],
        [0, NOW + 41, [NOW]],
      ]);
      expect(entriesOf(log.said).map(({ values }) => [...values])).toEqual([[1, 2], [0.5], [4]]);
      expect(await store.readLog({ ...ALL_OF_THE_LOG, commits: 1 })).toMatchObject({ lastBatchId: one, records: 2 });
      expect(await store.readLog({ ...ALL_OF_THE_LOG, records: 1 })).toMatchObject({ lastBatchId: one });
      expect(await store.readLog({ ...ALL_OF_THE_LOG, upToBatchId: one })).toMatchObject({ lastBatchId: one });
      expect(await store.readLog({ ...ALL_OF_THE_LOG, afterBatchId: one })).toMatchObject({ lastBatchId: two });
      expect(await store.readLog({ ...ALL_OF_THE_LOG, afterBatchId: two })).toMatchObject({ lastBatchId: undefined });
    });

    it('keeps dead letters, newest first, with a sample of the payload', async () => {
      const letter = {
        deviceId: 'pump-1',
        topic: 'shoal/v1/devices/pump-1/up/readings',
        receivedAt: NOW,
        reason: 'PAYLOAD_NOT_JSON',
        detail: 'no',
        payload: Buffer.alloc(5_000, 'x'),
      };
      await store.append([], [letter, { ...letter, reason: 'SCHEMA_INVALID' }]);
      const all = await store.deadLetters({ deviceId: undefined, reason: undefined, limit: 1, cursor: undefined });
      expect(all.items).toMatchObject([{ reason: 'SCHEMA_INVALID', sizeBytes: 5_000 }]);
      const next = { deviceId: 'pump-1', reason: undefined, limit: 1, cursor: all.nextCursor ?? '' };
      const rest = await store.deadLetters(next);
      expect(rest).toMatchObject({ items: [{ reason: 'PAYLOAD_NOT_JSON' }], nextCursor: null });
      expect(Buffer.from(rest.items[0]?.sample ?? '', 'base64').toString()).toMatch(/^x{100,}$/);
    });

    it('drops whole receipt days and still knows what it received', async () => {
      const old = batchOf('readings', [reading(1, NOW - 9 * DAY)]);
      await store.append([old, batchOf('readings', [reading(2, NOW)])], []);
      expect(await store.dropExpired(NOW)).toEqual(['2026-05-11']);
      expect(await store.dropExpired(NOW)).toEqual([]);
      expect((await store.history(query('readings'))).items.map((item) => item.sequence)).toEqual([2]);
      expect(await store.append([old], [])).toMatchObject({ duplicates: 1, appended: [] });
    });

    it('removes every trace of one device and of no other', async () => {
      const two = batchOf('readings', [reading(1, NOW)], { deviceId: 'pump-2' });
      await store.append([batchOf('readings', [reading(1, NOW)]), batchOf('events', [event(2, NOW)]), two], []);
      await store.deleteDevice('pump-1');
      expect((await store.history(query('readings'))).items).toEqual([]);
      expect((await store.ranges('pump-1')).epochs).toEqual([]);
      expect(await store.highestSequence('pump-2', EPOCH)).toBe(1);
      expect((await store.readLog(ALL_OF_THE_LOG)).said.devices).toEqual(['pump-2']);
      expect(await store.append([batchOf('readings', [reading(1, NOW)])], [])).toMatchObject({ duplicates: 0 });
    });

    it('removes a device of many records while others send live records and a backlog', async () => {
      const many = Array.from({ length: 20_000 }, (_, index) => reading(index + 1, NOW));
      await store.append([batchOf('readings', many)], []);
      let isRemoved = false;
      const removal = store.deleteDevice('pump-1').finally(() => {
        isRemoved = true;
      });
      let sent = 0;
      const send = (deviceId: string, mayWait: boolean): Promise<unknown> =>
        store.append([batchOf('readings', [reading(sent, NOW)], { deviceId })], [], mayWait);
      while (!isRemoved) {
        sent += 1;
        await Promise.all([send('live', false), send('away', true)]);
        await send('late', true);
      }
      await removal;
      expect(sent).toBeGreaterThan(0);
      for (const deviceId of ['live', 'away', 'late']) {
        expect((await store.ranges(deviceId)).epochs).toMatchObject([{ ranges: [[1, sent]] }]);
      }
      expect((await store.ranges('pump-1')).epochs).toEqual([]);
    });
  });
};
