/** `shoal-agent bench`: how fast this machine runs the models. */
import { cpus } from 'node:os';
import type { AgentConfig } from '../config.ts';
import { benchModels, type BenchRow } from '../inference/bench-models.ts';
import { AGENT_VERSION } from '../version.ts';

export interface BenchReport {
  readonly agentVersion: string;
  readonly machine: string;
  readonly models: readonly BenchRow[];
}

export const benchReport = async (
  config: AgentConfig,
  seconds: number,
  onProgress: (what: string) => void,
): Promise<BenchReport> => {
  const models = await benchModels(config, { durationMs: seconds * 1_000, onProgress });
  return {
    agentVersion: AGENT_VERSION,
    machine: `${process.arch}, ${cpus()[0]?.model ?? 'unknown processor'}`,
    models,
  };
};

const COLUMNS = ['model', 'engine', 'p50 ms', 'p95 ms', 'p99 ms', 'in runtime', 'cold load', 'resident'];

const cells = ({ model, version, engine, ...figures }: BenchRow): string[] => {
  const { problem, p50Ms = 0, p95Ms = 0, p99Ms = 0, runtimeP50Ms = 0, coldLoadMs = 0, residentBytes } = figures;
  const name = [`${model} ${version}`, engine];
  if (problem !== null) return [...name, problem];
  const resident = residentBytes == null ? 'unknown' : `${Math.round(residentBytes / 1e6)} MB`;
  const times = [p50Ms, p95Ms, p99Ms, runtimeP50Ms].map((ms) => ms.toFixed(3));
  return [...name, ...times, `${Math.round(coldLoadMs)} ms`, resident];
};

/** A table for people. */
export const describeBench = ({ machine, models }: BenchReport): string => {
  const lines = [COLUMNS, ...models.map(cells)];
  const widths = COLUMNS.map((_, column) =>
    Math.max(...lines.filter((line) => line.length === COLUMNS.length).map((line) => line[column]?.length ?? 0)),
  );
  const shown = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [machine, ...shown].join('\n');
};
