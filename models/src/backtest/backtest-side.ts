/** What a backtest counts of one of its two models, over all entities. */
import type { BacktestSide } from '@shoal/protocol';
import { QuantileSketch } from '../sketch/quantiles.ts';
import type { IncidentVerdict } from './alarm-episodes.ts';
import type { ReplayCounters } from './window-replay.ts';

const US_PER_MS = 1_000;
const MS_PER_S = 1_000;

export class SideCounts {
  /** By output, in the order of their first value. */
  readonly outputs = new Map<string, QuantileSketch>();
  readonly #version: string;
  readonly #unanswered = new Map<string, number>();
  readonly #delays: number[] = [];
  readonly #counts = { scored: 0, calibrating: 0, incomplete: 0, uncalibrated: 0, alarms: 0 };
  readonly #incidents = { found: 0, missed: 0, falseAlarms: 0 };
  #engineMs = 0;
  #engineRows = 0;

  constructor(version: string) {
    this.#version = version;
  }

  /** Of one call or several. */
  engine(rows: number, ms: number): void {
    this.#engineRows += rows;
    this.#engineMs += ms;
  }

  scored(rows: number): void {
    this.#counts.scored += rows;
  }

  output(name: string, value: number): void {
    let sketch = this.outputs.get(name);
    if (sketch === undefined) this.outputs.set(name, (sketch = new QuantileSketch('bounded')));
    sketch.add(value);
  }

  unanswered(code: string, rows: number): void {
    this.#unanswered.set(code, (this.#unanswered.get(code) ?? 0) + rows);
  }

  replayed({ calibrating, incomplete, unanswered, isUncalibrated }: ReplayCounters): void {
    this.#counts.calibrating += calibrating;
    this.#counts.incomplete += incomplete;
    this.#counts.uncalibrated += isUncalibrated ? 1 : 0;
    for (const [code, rows] of unanswered) this.unanswered(code, rows);
  }

  alarms(raised: number, verdict: IncidentVerdict | undefined): void {
    this.#counts.alarms += raised;
    if (verdict === undefined) return;
    this.#incidents.found += verdict.found;
    this.#incidents.missed += verdict.missed;
    this.#incidents.falseAlarms += verdict.falseAlarms;
    this.#delays.push(...verdict.delaysMs);
  }

  figures(hasIncidents: boolean): BacktestSide {
    const middle = this.#delays.toSorted((a, b) => a - b)[this.#delays.length >> 1];
    return {
      version: this.#version,
      ...this.#counts,
      unanswered: Object.fromEntries(this.#unanswered),
      engineMs: this.#engineMs,
      usPerRow: this.#engineRows === 0 ? null : (this.#engineMs / this.#engineRows) * US_PER_MS,
      incidents: hasIncidents
        ? { ...this.#incidents, medianDelayS: middle === undefined ? null : middle / MS_PER_S }
        : null,
    };
  }
}
