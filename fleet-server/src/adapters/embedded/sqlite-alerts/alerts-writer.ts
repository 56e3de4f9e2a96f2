/** Runs rules over log, windows and clock: every step is one transaction, and the positions are part of it. */
import {
  decisionHash,
  emptyTally,
  endOf,
  runRecords,
  runWindow,
  type KeyState,
  type Resolution,
  type Run,
} from '@shoal/models/alerts';
import type { RecordColumns } from '@shoal/models/streams';
import type { Alert, AlertRule, Silence } from '@shoal/protocol';
import type { AlertStep, Deed, WatchedDevice } from '../../../ports/alert-store.ts';
import type { WindowChange } from '../../../ports/window-store.ts';
import { breathe } from '../../../give-way.ts';
import type { LogSource } from '../sqlite-windows/windows-writer.ts';
import type { WindowSource } from './followed-windows.ts';
import { AlertBook } from './alert-book.ts';
import { AlertFacts } from './alert-facts.ts';
import type { Sqlite } from './alerts-file.ts';
import { runClock } from './clock-sweep.ts';
import { performDeed } from './deeds.ts';
import { readRules, runRule, stateOf, type RunningRule } from './running-rule.ts';
import { KnownDevices } from './known-devices.ts';
import { prepareRules, type RuleStatements } from './rule-statements.ts';
import { SilenceRows } from './silence-rows.ts';

/** Time between two looks at the clock: absence, quiet, reminders. */
const SWEEP_MS = 250;
const WINDOWS_PER_STEP = 2_000;
/** Of resolved ones; a rule that flaps fills no disk. */
const ALERTS_KEPT = 1_000_000;

export class AlertsWriter {
  readonly #db: Sqlite;
  readonly #log: LogSource;
  readonly #windows: WindowSource;
  readonly #sql: RuleStatements;
  readonly #facts: AlertFacts;
  readonly #devices = new KnownDevices();
  readonly #silences: SilenceRows;
  readonly #book: AlertBook;
  #rules: RunningRule[] = [];
  #sweepAt = 0;

  constructor(db: Sqlite, log: LogSource, windows: WindowSource) {
    this.#db = db;
    this.#log = log;
    this.#windows = windows;
    this.#sql = prepareRules(db);
    this.#facts = new AlertFacts(db);
    this.#silences = new SilenceRows(db);
    this.#book = new AlertBook(db, {
      mark: this.#facts.mark,
      labelsOf: (key) => this.#devices.labelsOf(key),
      isDevice: (key) => this.#devices.has(key),
    });
    this.#load();
  }

  adopt(rules: readonly AlertRule[], now: number): null {
    const names = new Set(rules.map(({ name }) => name));
    for (const { name } of this.#rules) if (!names.has(name)) this.drop(name, now);
    for (const rule of rules) this.#define(rule, now);
    this.#load();
    return null;
  }

  define(rule: AlertRule, now: number): null {
    this.#define(rule, now);
    this.#load();
    return null;
  }
  drop(name: string, now: number): null {
    return this.#end(name, now, 'rule-removed');
  }

  setDevices(devices: readonly WatchedDevice[], now: number): null {
    const gone = this.#devices.set(devices, now);
    if (gone.length > 0) {
      this.#atomically(() => {
        for (const rule of this.#rules) for (const key of gone) this.#endKey(rule, key, now, 'device-removed');
      });
    }
    return null;
  }

  step(now: number, records: number): Omit<AlertStep, 'seconds'> {
    const head = this.#log.head();
    const known = this.#facts.position('log') ?? head;
    // A log that begins anew was set aside as corrupt: what it holds now was never read.
    const from = known > head ? 0 : known;
    const part = this.#log.read({ afterBatchId: from, records });
    const windows = this.#windows.read(this.#windowPosition(), WINDOWS_PER_STEP);
    const isSweep = part.isEnd && (now >= this.#sweepAt || now < this.#sweepAt - SWEEP_MS);
    if (isSweep) this.#sweepAt = now + SWEEP_MS;
    const count = { fired: 0, resolved: 0, late: 0, historical: 0 };
    this.#atomically(() => {
      for (const rule of this.#rules) {
        const before = { ...rule.tally };
        for (const columns of part.batches) this.#records(rule, columns, now, count);
        for (const change of windows.changes) this.#window(rule, change, now, count);
        count.late += rule.tally.late - before.late;
        count.historical += rule.tally.historical - before.historical;
        const isChanged = JSON.stringify(before) !== JSON.stringify(rule.tally);
        if (isChanged) this.#sql.setTally.run(JSON.stringify(rule.tally), rule.ruleNo);
      }
      for (const { deviceId, receivedAt } of part.batches) this.#devices.heard(deviceId, receivedAt);
      if (isSweep) {
        this.#book.setSilences(this.#silences.all());
        for (const { rule, key, run } of runClock(this.#rules, this.#devices, now))
          this.#take(rule, key, run, { now, count });
        this.#book.remind(this.#rules, now);
      }
      if (part.lastBatchId !== this.#facts.position('log')) this.#facts.setPosition('log', part.lastBatchId);
      if (windows.position !== this.#facts.position('windows')) this.#facts.setPosition('windows', windows.position);
    });
    return {
      records: part.records,
      windows: windows.changes.length,
      ...count,
      intents: this.#sql.intentCount.get() ?? 0,
      firing: this.#book.firingCount(),
      lastChange: this.#sql.lastChange.get() ?? 0,
      position: part.lastBatchId,
      isCaughtUp: part.isEnd && windows.isEnd,
    };
  }

  handedOn(upToIntent: number): null {
    this.#sql.handedOn.run(upToIntent);
    return null;
  }

  act(deed: Deed, now: number): Alert {
    return this.#atomically(() =>
      performDeed({ book: this.#book, mark: this.#facts.mark }, deed, now, (row) => {
        const rule = this.#rules.find(({ ruleNo }) => ruleNo === row.rule_no);
        if (rule !== undefined) this.#endKey(rule, row.key, now, 'by-hand');
      }),
    );
  }

  silence(silence: Silence): null {
    this.#silences.put(silence);
    this.#book.setSilences(this.#silences.all());
    return null;
  }

  /** @returns whether there was one */
  endSilence(silenceId: string): boolean {
    const wasThere = this.#silences.remove(silenceId);
    this.#book.setSilences(this.#silences.all());
    return wasThere;
  }

  trim(before: number, limit: number): number {
    return this.#atomically(() => {
      this.#silences.removeEnded(before);
      return this.#sql.trim({ since: before, newest: ALERTS_KEPT }, limit);
    });
  }

  /** Rules are not loaded anew by it. */
  #define(rule: AlertRule, now: number): void {
    const running = this.#rules.find(({ name }) => name === rule.name);
    const decision = decisionHash(rule);
    const text = JSON.stringify(rule);
    if (rule.isEnabled && running?.decision === decision) {
      this.#sql.setDefinition.run(text, running.ruleNo);
      return;
    }
    this.#end(rule.name, now, 'rule-changed');
    if (rule.isEnabled) this.#sql.add.run(rule.name, decision, text, JSON.stringify(emptyTally()));
  }

  #windowPosition(): number {
    const head = this.#windows.head();
    const known = this.#facts.position('windows') ?? head;
    return known > head ? 0 : known;
  }

  #records(rule: RunningRule, columns: RecordColumns, now: number, count: StepCount): void {
    if (columns.kind !== rule.plan.kind || !this.#devices.carries(columns.deviceId, rule.plan.rule.labels)) return;
    const run = runRecords(rule.plan, columns, stateOf(rule, columns.deviceId), rule.tally);
    this.#take(rule, columns.deviceId, run, { now, count });
    breathe();
  }

  #window(rule: RunningRule, { result, isBackfill }: WindowChange, now: number, count: StepCount): void {
    const { labels, historical } = rule.plan.rule;
    if ((isBackfill && !historical) || !this.#devices.carries(result.key, labels)) return;
    this.#take(rule, result.key, runWindow(rule.plan, result, stateOf(rule, result.key), rule.tally), { now, count });
  }

  #take(
    rule: RunningRule,
    key: string,
    { state, transitions }: Run,
    { now, count }: { readonly now: number; readonly count: StepCount },
  ): void {
    for (const transition of transitions) {
      this.#book.apply(rule, transition, now);
      if (transition.change === 'fired') count.fired += 1;
      if (transition.change === 'resolved') count.resolved += 1;
    }
    if (state !== stateOf(rule, key)) this.#keep(rule, key, state);
  }

  #keep(rule: RunningRule, key: string, state: KeyState): void {
    rule.keys.set(key, state);
    this.#sql.keep.run(rule.ruleNo, key, JSON.stringify(state));
  }

  #endKey(rule: RunningRule, key: string, now: number, reason: Resolution): void {
    const known = rule.keys.get(key);
    if (known === undefined) return;
    const { state, transitions } = endOf(key, known, now, reason);
    for (const transition of transitions) this.#book.apply(rule, transition, now);
    if (reason === 'by-hand') return this.#keep(rule, key, state);
    rule.keys.delete(key);
    this.#sql.forgetKey.run(rule.ruleNo, key);
  }

  #end(name: string, now: number, reason: Resolution): null {
    const rule = this.#rules.find((each) => each.name === name);
    if (rule === undefined) return null;
    this.#atomically(() => {
      for (const key of rule.keys.keys()) this.#endKey(rule, key, now, reason);
      this.#sql.drop.run(rule.ruleNo);
    });
    this.#rules = this.#rules.filter((each) => each !== rule);
    return null;
  }

  #load(): void {
    this.#rules = readRules(this.#db).map((row) => runRule(this.#db, row));
    this.#book.setSilences(this.#silences.all());
  }

  /** What memory says about a transaction that failed may not be so: everything is read anew. */
  #atomically<T>(work: () => T): T {
    try {
      return this.#db.transaction(work).immediate();
    } catch (error) {
      this.#load();
      throw error;
    }
  }
}

export interface StepCount {
  fired: number;
  resolved: number;
  late: number;
  historical: number;
}
