/** Watches the streams of the device for its rules, and does what they say: events, and named actions. Needs no network. */
import type { DesiredRule, LocalRule } from '@shoal/protocol/wire';
import { z } from 'zod';
import { sentenceOf } from '../errors.ts';
import type { EventRecorder } from '../outbox/event-recorder.port.ts';
import type { Logger } from '../runtime.ts';
import type { StateFile } from '../state-file.ts';
import { ActionQueue } from './action-queue.ts';
import { IDLE, stepRule, type RulePhase, type RuleState } from './local-rule.ts';
import type { RuleAction, RuleFacts } from './rule-actions.port.ts';
import { rulesInForce, type RuleList, type RuleSurroundings } from './rule-set.ts';

/** What outlives a restart: a rule that was active is not fired again for what it told before. */
export const ruleMemorySchema = z.record(
  z.string(),
  z.strictObject({ condition: z.string(), isActive: z.boolean(), since: z.int(), lastFiredAt: z.int().nullable() }),
);
export type RuleMemory = z.infer<typeof ruleMemorySchema>;

export interface RuleStatus {
  readonly name: string;
  readonly state: RulePhase | 'disabled';
  /** Event time; null while it is not active. */
  readonly activeSince: number | null;
  readonly lastFiredAt: number | null;
  /** Since the agent started. */
  readonly fired: number;
  readonly cleared: number;
  /** Runs that a later transition replaced while they waited. */
  readonly coalesced: number;
  readonly failedActions: number;
  readonly lastFailure: string | null;
}

/** What a stream says at an instant: the values of a sample, or the outputs and label of a prediction. */
export interface RuleInput {
  /** A sensor, or `model:` and what a model is called. */
  readonly stream: string;
  readonly observedAt: number;
  readonly values: Readonly<Record<string, number | null>>;
  readonly label?: string | undefined;
}

export interface RuleEngineOptions {
  readonly deviceId: string;
  readonly rules: RuleList;
  /** Defined by the device's own configuration: neither a rule nor the fleet can add one. */
  readonly actions: ReadonlyMap<string, RuleAction>;
  readonly streams: Omit<RuleSurroundings, 'actions'>;
  readonly file: StateFile<RuleMemory>;
  readonly events: EventRecorder;
  readonly logger: Logger;
  /** Something worth reporting changed. */
  readonly onChange: () => void;
}

class WatchedRule {
  readonly name: string;
  readonly rule: LocalRule;
  readonly queue: ActionQueue;
  /** Tells whether a rule is still the same one after a change of configuration or a restart. */
  readonly condition: string;
  state: RuleState = IDLE;
  fired = 0;
  cleared = 0;
  failedActions = 0;
  lastFailure: string | null = null;

  constructor(name: string, rule: LocalRule, queue: ActionQueue) {
    this.name = name;
    this.rule = rule;
    this.queue = queue;
    this.condition = JSON.stringify(rule.when);
  }

  get stream(): string {
    const { sensor, model } = this.rule.when;
    return sensor ?? `model:${model ?? ''}`;
  }

  get isActive(): boolean {
    return this.state.phase === 'active' || this.state.phase === 'clearing';
  }

  /** The value or label the condition is about. */
  valueOf({ values, label }: RuleInput): number | string | null {
    const { value, equals } = this.rule.when;
    return equals === undefined ? (values[value ?? ''] ?? null) : (label ?? null);
  }
}

export class RuleEngine {
  readonly #options: RuleEngineOptions;
  #memory: RuleMemory = {};
  #watched: readonly WatchedRule[] = [];
  #byStream = new Map<string, WatchedRule[]>();
  #retired: readonly ActionQueue[] = [];
  #saving: Promise<void> | undefined;
  #isUnsaved = false;

  constructor(options: RuleEngineOptions) {
    this.#options = options;
  }

  /** Remembers which rules were active. The rules of the configuration are in force from now on. */
  async start(): Promise<void> {
    this.#memory = (await this.#options.file.read()) ?? {};
    this.setDesired({});
  }

  /** In place of what was desired before. Throws DESIRED_INVALID; then everything stays as it was. */
  setDesired(desired: Readonly<Record<string, DesiredRule>>): void {
    const { rules, actions, streams } = this.#options;
    const inForce = rulesInForce(rules, desired, { ...streams, actions: [...actions.keys()] });
    const before = new Map(this.#watched.map((watched) => [watched.name, watched]));
    this.#watched = Object.entries(inForce).map(([name, rule]) => this.#takeOver(name, rule, before.get(name)));
    for (const gone of before.values()) if (!this.#watched.includes(gone)) this.#retire(gone);
    this.#byStream = Map.groupBy(
      this.#watched.filter(({ rule }) => rule.enabled),
      ({ stream }) => stream,
    );
  }

  /** Returns at once: actions run beside. */
  observe(input: RuleInput): void {
    for (const watched of this.#byStream.get(input.stream) ?? []) {
      const value = watched.valueOf(input);
      const { state, transition } = stepRule(watched.rule.when, watched.state, { at: input.observedAt, value });
      watched.state = state;
      if (transition !== null) this.#tell(watched, transition, input.observedAt, value);
    }
  }

  status(): RuleStatus[] {
    return this.#watched.map((watched) => {
      const { name, rule, state, fired, cleared, failedActions, lastFailure, queue, isActive } = watched;
      return {
        name,
        state: rule.enabled ? state.phase : 'disabled',
        activeSince: isActive ? (state.lastFiredAt ?? state.since) : null,
        lastFiredAt: state.lastFiredAt,
        fired,
        cleared,
        coalesced: queue.counters.coalesced,
        failedActions,
        lastFailure,
      };
    });
  }

  /** Resolves when no action runs or waits, and what must be remembered is on disk. */
  async settled(): Promise<void> {
    await Promise.all([...this.#watched.map(({ queue }) => queue), ...this.#retired].map((queue) => queue.settled()));
    while (this.#saving !== undefined) await this.#saving;
  }

  /** Ends the actions that run. */
  async stop(): Promise<void> {
    await Promise.all([...this.#watched.map(({ queue }) => queue), ...this.#retired].map((queue) => queue.stop()));
    while (this.#saving !== undefined) await this.#saving;
  }

  /** The same rule goes on as it was; one with another condition begins anew; one this process has not seen yet is remembered. */
  #takeOver(name: string, rule: LocalRule, before: WatchedRule | undefined): WatchedRule {
    if (before !== undefined && JSON.stringify(before.rule) === JSON.stringify(rule)) return before;
    const watched: WatchedRule = new WatchedRule(
      name,
      rule,
      new ActionQueue({ onFailure: (action, facts, error) => this.#onFailure(watched, action, facts, error) }),
    );
    const known = this.#memory[name];
    // What is desired is applied after the configuration, and before the first sample.
    const isNew = before === undefined || before.state.lastAt === null;
    if (isNew && rule.enabled && known?.condition === watched.condition) {
      const { isActive, since, lastFiredAt } = known;
      watched.state = { phase: isActive ? 'active' : 'idle', since, lastFiredAt, lastAt: null };
    }
    return watched;
  }

  /** What a rule switched on, it switches off when it goes. */
  #retire(watched: WatchedRule): void {
    if (watched.isActive) this.#tell(watched, 'cleared', watched.state.lastAt ?? watched.state.since, null);
    this.#retired = [...this.#retired, watched.queue];
    void watched.queue.settled().then(() => {
      this.#retired = this.#retired.filter((queue) => queue !== watched.queue);
    });
  }

  #tell(
    watched: WatchedRule,
    transition: 'fired' | 'cleared',
    observedAt: number,
    value: number | string | null,
  ): void {
    const { deviceId, events, actions, onChange } = this.#options;
    const { name, rule, stream, queue } = watched;
    watched[transition] += 1;
    const subject = `${stream}.${rule.when.value ?? 'label'}`;
    const told = transition === 'fired' ? (rule.message ?? `Rule ${name}: ${subject} is ${value}.`) : '';
    const message = told === '' ? `Rule ${name} is over: ${subject} is ${value ?? 'no longer watched'}.` : told;
    const severity = transition === 'fired' ? rule.severity : 'info';
    events.record(`rule.${transition}`, severity, message, { rule: name, stream, value, eventAt: observedAt });
    const facts: RuleFacts = { rule: name, transition, deviceId, observedAt, stream, value, severity, message };
    const named = transition === 'fired' ? rule.actions : rule.clearActions;
    const found = named.flatMap((action) => {
      const run = actions.get(action);
      return run === undefined ? [] : [[action, run] as const];
    });
    // At once, and beside the saving: after a crash in between an action may be run again, never be missing.
    queue.put({ facts, actions: found });
    this.#save();
    onChange();
  }

  #onFailure(watched: WatchedRule, action: string, { rule, transition }: RuleFacts, error: unknown): void {
    watched.failedActions += 1;
    watched.lastFailure = sentenceOf(error).slice(0, 512);
    const message = `Rule ${rule}: the action ${action} failed. ${watched.lastFailure}`;
    this.#options.events.record('rule.action-failed', 'warning', message, { rule, action, transition });
    this.#options.onChange();
  }

  /** One write at a time; changes during it make one more. */
  #save(): void {
    this.#isUnsaved = true;
    this.#saving ??= this.#saveAll().finally(() => {
      this.#saving = undefined;
    });
  }

  async #saveAll(): Promise<void> {
    while (this.#isUnsaved) {
      this.#isUnsaved = false;
      this.#memory = Object.fromEntries(
        this.#watched.map(({ name, condition, isActive, state: { since, lastFiredAt } }) => [
          name,
          { condition, isActive, since, lastFiredAt },
        ]),
      );
      await this.#options.file
        .write(this.#memory)
        .catch((error: unknown) => this.#options.logger.error({ why: sentenceOf(error) }, 'rules are not remembered'));
    }
  }
}
