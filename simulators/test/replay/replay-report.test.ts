/** The closing table agrees when the ledger does, and says what is wrong when it does not. */
import { expect, test } from '@jest/globals';
import { NOTHING_FOUND } from '../../src/ledger/findings.ts';
import { replayReport } from '../../src/replay/replay-report.ts';
import type { ReplayOutcome } from '../../src/replay/replayed-device.ts';

const outcome = (lost: number): ReplayOutcome => {
  const readings = { ...NOTHING_FOUND, produced: 100, stored: 100 - lost, lost };
  const predictions = { ...NOTHING_FOUND, produced: 7, stored: 7 };
  return {
    recording: { file: 'hall/1.csv', deviceId: 'hall-1', rows: [], channels: [], disorderMs: 0 },
    rowsRead: 103,
    badRows: { 'malformed-row': 2, 'unparseable-time': 1 },
    hasModel: true,
    readings,
    predictions,
    all: { ...readings, produced: 107, stored: 107 - lost, examples: lost > 0 ? ['reading lost: 17'] : [] },
  };
};

test('figures are added over files and named as in the JSON', () => {
  const report = replayReport([outcome(0), outcome(0)], []);
  expect(report.agrees).toBe(true);
  expect(report.text).toContain('The server holds exactly what was read.');
  expect(report.json).toMatchObject({
    rows_read: 206,
    bad_rows: 6,
    readings_stored: 200,
    windows_expected: 14,
    predictions_stored: 14,
    lost: 0,
    duplicated: 0,
    files: [{ device_id: 'hall-1', rows_read: 103 }, { device_id: 'hall-1' }],
  });
});

test('one lost reading is a disagreement with its example', () => {
  const report = replayReport([outcome(0), outcome(1)], [{ file: 'hall/x.csv', why: 'SENSOR_FILE_EMPTY: no rows' }]);
  expect(report.agrees).toBe(false);
  expect(report.json).toMatchObject({ lost: 1, readings_stored: 199 });
  expect(report.text).toContain('LEDGER AND SERVER DISAGREE:');
  expect(report.text).toContain('reading lost: 17');
  expect(report.text).toContain('not replayed: hall/x.csv: SENSOR_FILE_EMPTY');
});
