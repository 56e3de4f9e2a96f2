/** A rule as the writing thread runs it, with the states of its keys in memory and on disk. */
import { NEW_KEY, planRule, type KeyState, type RulePlan, type RuleTally } from '@shoal/models/alerts';
import type { AlertRule } from '@shoal/protocol';
import type { Sqlite } from './alerts-file.ts';

export interface RuleRow {
  readonly rule_no: number;
  readonly name: string;
  readonly decision: string;
  /** JSON of an `AlertRule`. */
  readonly definition: string;
  readonly tally: string;
}

export interface RunningRule {
  readonly ruleNo: number;
  readonly name: string;
  readonly decision: string;
  readonly plan: RulePlan;
  readonly tally: RuleTally;
  readonly keys: Map<string, KeyState>;
}

export const readRules = (db: Sqlite): RuleRow[] =>
  db.prepare<[], RuleRow>('SELECT * FROM rules WHERE is_dropped = 0 ORDER BY rule_no').all();

export const runRule = (db: Sqlite, row: RuleRow): RunningRule => {
  const states = db
    .prepare<[number], { key: string; state: string }>('SELECT key, state FROM key_states WHERE rule_no = ?')
    .all(row.rule_no);
  return {
    ruleNo: row.rule_no,
    name: row.name,
    decision: row.decision,
    plan: planRule(JSON.parse(row.definition) as AlertRule),
    tally: JSON.parse(row.tally) as RuleTally,
    keys: new Map(states.map(({ key, state }) => [key, JSON.parse(state) as KeyState])),
  };
};

export const stateOf = ({ keys }: RunningRule, key: string): KeyState => keys.get(key) ?? NEW_KEY;
