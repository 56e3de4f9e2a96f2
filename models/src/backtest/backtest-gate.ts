/** Whether a finished backtest is what a rollout asks for. */
import type { BacktestFigures, BacktestGate } from '@shoal/protocol';

const HOUR_MS = 3_600_000;

/** A limit, what was measured (null: it could not be), and which way it points. */
type Limit = readonly [what: string, limit: number | undefined, found: number | null, side: 'most' | 'least'];

const costRatio = ({ champion, candidate }: BacktestFigures): number | null =>
  champion.usPerRow === null || candidate.usPerRow === null || champion.usPerRow === 0
    ? null
    : candidate.usPerRow / champion.usPerRow;

const limitsOf = (gate: BacktestGate, figures: BacktestFigures, ageMs: number): readonly Limit[] => {
  const { alarms, candidate } = figures;
  return [
    ['rows', gate.minRows, figures.rows, 'least'],
    ['hours since it finished', gate.maxAgeHours, ageMs / HOUR_MS, 'most'],
    ['agreement', gate.minAgreement, figures.agreement, 'least'],
    ['population stability index', gate.maxPsi, figures.maxPsi, 'most'],
    ['extra alarms', gate.maxExtraAlarms, alarms.extra, 'most'],
    ['missed alarms', gate.maxMissedAlarms, alarms.missed, 'most'],
    ['missed incidents', gate.maxMissedIncidents, candidate.incidents?.missed ?? null, 'most'],
    ['false alarms', gate.maxFalseAlarms, candidate.incidents?.falseAlarms ?? null, 'most'],
    ['cost ratio', gate.maxCostRatio, costRatio(figures), 'most'],
  ];
};

/** One sentence part for each limit that does not hold; none when all do. */
export const backtestFaults = (gate: BacktestGate, figures: BacktestFigures, ageMs: number): string[] =>
  limitsOf(gate, figures, ageMs).flatMap(([what, limit, found, side]) => {
    if (limit === undefined) return [];
    const holds = found !== null && (side === 'most' ? found <= limit : found >= limit);
    if (holds) return [];
    const measured = found === null ? 'could not be measured' : `${Number(found.toPrecision(4))}`;
    return [`${what}: ${measured}, at ${side} ${limit} is asked for`];
  });
