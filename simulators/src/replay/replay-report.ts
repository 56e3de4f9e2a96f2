/** What a replay ends with: a table of every file and the total, and the same as one JSON object. */
import Table from 'cli-table3';
import { addFindings, agrees, NOTHING_FOUND } from '../ledger/findings.ts';
import type { UnreadableRecording } from './recordings.ts';
import type { ReplayOutcome } from './replayed-device.ts';

interface ReplayFigures {
  readonly rows_read: number;
  /** Rows and cells that could not be used. */
  readonly bad_rows: number;
  readonly readings_stored: number;
  readonly windows_expected: number;
  readonly predictions_stored: number;
  readonly lost: number;
  readonly duplicated: number;
}

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

const figuresOf = ({ rowsRead, badRows, readings, predictions, all }: ReplayOutcome): ReplayFigures => ({
  rows_read: rowsRead,
  bad_rows: sum(badRows),
  readings_stored: readings.stored,
  windows_expected: predictions.produced,
  predictions_stored: predictions.stored,
  lost: all.lost,
  duplicated: all.duplicated,
});

const totalOf = (figures: readonly ReplayFigures[]): ReplayFigures => {
  const total = (name: keyof ReplayFigures): number => figures.reduce((value, entry) => value + entry[name], 0);
  return {
    rows_read: total('rows_read'),
    bad_rows: total('bad_rows'),
    readings_stored: total('readings_stored'),
    windows_expected: total('windows_expected'),
    predictions_stored: total('predictions_stored'),
    lost: total('lost'),
    duplicated: total('duplicated'),
  };
};

export interface ReplayReport {
  readonly text: string;
  readonly json: object;
  /** Ledger and server tell the same story. */
  readonly agrees: boolean;
}

const columns = [
  'rows read',
  'bad',
  'readings stored',
  'windows expected',
  'predictions stored',
  'lost',
  'duplicated',
] as const;

export const replayReport = (
  outcomes: readonly ReplayOutcome[],
  unreadable: readonly UnreadableRecording[],
): ReplayReport => {
  const findings = outcomes.reduce((all, outcome) => addFindings(all, outcome.all), NOTHING_FOUND);
  const figures = outcomes.map(figuresOf);
  const total = totalOf(figures);
  const table = new Table({
    head: ['device', ...columns],
    colAligns: ['left', ...columns.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const [index, { recording }] of outcomes.entries()) {
    table.push([recording.deviceId, ...Object.values(figures[index] ?? {})]);
  }
  table.push(['total', ...Object.values(total)]);
  const isSame = agrees(findings);
  const verdict = isSame ? 'The server holds exactly what was read.' : 'LEDGER AND SERVER DISAGREE:';
  const skipped = unreadable.map(({ file, why }) => `not replayed: ${file}: ${why}`);
  const examples = findings.examples.map((example) => `  ${example}`);
  const { altered, unexpected, misordered, rangesDisagree } = findings;
  return {
    text: [table.toString(), ...skipped, verdict, ...examples].join('\n'),
    agrees: isSame,
    json: {
      ...total,
      altered,
      unexpected,
      misordered,
      ranges_disagree: rangesDisagree,
      files: outcomes.map(({ recording: { file, deviceId }, hasModel }, index) => ({
        file,
        device_id: deviceId,
        has_model: hasModel,
        ...figures[index],
      })),
      not_replayed: unreadable,
    },
  };
};
