/**
 * Rules over the real telemetry log and the real file of alerts, against an oracle that searches all samples at once:
 * whatever the disorder, however late, and wherever the process is killed, each alert fires once and is told once.
 */
import { describe, expect, it } from '@jest/globals';
import type { AlertRule } from '@shoal/protocol';
import { eventOf, predictionOf, reading } from '../sqlite-windows/stream-oracle.ts';
import { scenarioOf, type Scenario } from '../sqlite-windows/stream-scenario.ts';
import { firingsOf, type Sample } from './alert-oracle.ts';
import { AlertsRun, type LoggedRecord } from './alerts-run.ts';
import { RULES } from './test-rules.ts';

const SEEDS = 120;
const PARTS = 4;

type Verdict = Sample['verdict'];

/** What a record says to each rule, written out by hand; undefined: nothing. */
const SAYS: Readonly<Record<keyof typeof RULES, (record: LoggedRecord) => [Verdict, Sample['value']] | undefined>> = {
  high: (record) => {
    const { source, values } = reading(record);
    const a = values['a'] ?? null;
    if (source !== 'pump' || a === null) return undefined;
    return [a > 120 ? 'holds' : a <= 60 ? 'over' : 'between', a];
  },
  held: (record) => {
    const { a = null, 'b c': bc = null } = reading(record).values;
    if (a === null || bc === null || bc <= 3) return undefined;
    return [a - 10 < 60 ? 'holds' : 'over', a - 10];
  },
  anomaly: (record) => {
    const { model, outputs } = predictionOf(record);
    const score = outputs['score'] ?? 0;
    if (model.name !== 'pump-anomaly') return undefined;
    return [score > 0.5 ? 'holds' : score < 0.3 ? 'over' : 'between', score];
  },
  warning: (record) => {
    const { kind, severity } = eventOf(record);
    if (severity === 'warning') return ['holds', null];
    return kind === 'agent.started' ? ['over', null] : undefined;
  },
};

const KINDS = { high: 'readings', held: 'readings', anomaly: 'predictions', warning: 'events' } as const;

const samplesOf = (run: AlertsRun, name: keyof typeof RULES, deviceId: string): Sample[] =>
  run.logged
    .filter((record) => record.deviceId === deviceId && record.kind === KINDS[name])
    .flatMap((record) => {
      const said = SAYS[name](record);
      if (said === undefined) return [];
      const [verdict, value] = said;
      const { eventAt: at, receivedAt } = record;
      return [{ at, sequence: record.record.sequence, receivedAt, verdict, value }];
    });

/** As JSON: what comes out of SQLite is of another realm than what the test makes. */
const same = (actual: unknown, expected: unknown): void => {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
  }
};

const verify = async (run: AlertsRun, { labels }: Scenario): Promise<number> => {
  let fired = 0;
  const told: string[] = [];
  for (const [name, rule] of Object.entries(RULES) as [keyof typeof RULES, AlertRule][]) {
    const { firings } = await run.preview(rule);
    for (const [deviceId, own] of labels) {
      const isWatched = name !== 'anomaly' || own['site'] === 'north';
      const expected = isWatched ? firingsOf(samplesOf(run, name, deviceId), rule) : [];
      const alerts = run.alerts(name, deviceId).filter(({ state }) => state !== 'pending');
      same(
        alerts.map(({ since, firedAt, resolvedAt }) => ({ since, firedAt, resolvedAt })),
        expected.map(({ since, firedAt, resolvedAt }) => ({ since, firedAt, resolvedAt })),
      );
      // A dry run is the same reducer over the same log.
      same(
        firings.filter(({ key }) => key === deviceId).map(({ firedAt, resolvedAt }) => ({ firedAt, resolvedAt })),
        expected.map(({ firedAt, resolvedAt }) => ({ firedAt, resolvedAt })).toSorted((a, b) => a.firedAt - b.firedAt),
      );
      fired += expected.length;
      for (const { alertId, state } of alerts) {
        told.push(`${alertId}.1.0 alert.fired`, ...(state === 'resolved' ? [`${alertId}.2.0 alert.resolved`] : []));
      }
    }
  }
  const handed = [...run.handed.values()].map(({ id, subject }) => `${id} ${subject}`);
  same(handed.toSorted(), told.toSorted());
  return fired;
};

const play = async (seed: number): Promise<{ kills: number; fired: number }> => {
  const scenario = scenarioOf(seed);
  const run = new AlertsRun(seed, scenario);
  try {
    run.play(scenario);
    return { kills: run.kills, fired: await verify(run, scenario) };
  } catch (cause) {
    throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  } finally {
    run.close();
  }
};

describe('alerts equal an oracle that searches all samples', () => {
  const inPart = SEEDS / PARTS;
  it.each(Array.from({ length: PARTS }, (_, part) => [part * inPart + 1, (part + 1) * inPart] as const))(
    'with seeds %d to %d',
    async (first, last) => {
      const total = { kills: 0, fired: 0 };
      for (let seed = first; seed <= last; seed += 1) {
        const { kills, fired } = await play(seed);
        total.kills += kills;
        total.fired += fired;
      }
      expect(total.kills).toBeGreaterThan(inPart);
      expect(total.fired).toBeGreaterThan(inPart);
    },
    60_000,
  );
});
