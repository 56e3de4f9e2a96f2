/** Finds the labelled recordings of a folder and reads them whole. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { readRecording, scanRecording } from '@shoal/device-agent';

const LABEL = 'anomaly';

export interface ExperimentRow {
  /** Milliseconds, in recorded time. */
  readonly observedAt: number;
  readonly values: Readonly<Record<string, number | null>>;
  readonly isAnomaly: boolean;
}

export interface Experiment {
  readonly file: string;
  /** Path below the folder that was searched, without its ending. */
  readonly name: string;
  /** Name of the folder it lies in. */
  readonly family: string;
  /** In file order. */
  readonly rows: readonly ExperimentRow[];
}

const csvFiles = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.toLowerCase().endsWith('.csv'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
};

const readRows = async (file: string): Promise<ExperimentRow[]> => {
  const rows: ExperimentRow[] = [];
  for await (const { observedAt, values } of readRecording({ file, ignoreColumns: [] }, () => undefined)) {
    rows.push({ observedAt, values, isAnomaly: (values[LABEL] ?? 0) > 0 });
  }
  return rows;
};

/** Every recording below `folder` that has labels, in natural order; none when there is no such folder. */
export const findExperiments = async (folder: string): Promise<Experiment[]> => {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() !== true) return [];
  const experiments: Experiment[] = [];
  for (const file of await csvFiles(folder)) {
    const { channels } = await scanRecording({ file, ignoreColumns: [] });
    if (!channels.includes(LABEL)) continue;
    const name = relative(folder, file).replace(/\.csv$/i, '');
    experiments.push({ file, name, family: basename(dirname(file)), rows: await readRows(file) });
  }
  return experiments;
};
