/** What a rule can do: a named action that is given the facts, and ends within its time. */

/** What happened, as an action is told: on standard input or as payload, in JSON. */
export interface RuleFacts {
  readonly rule: string;
  readonly transition: 'fired' | 'cleared';
  readonly deviceId: string;
  /** Event time in milliseconds since the epoch. */
  readonly observedAt: number;
  readonly stream: string;
  readonly value: number | string | null;
  readonly severity: string;
  readonly message: string;
}

export interface RuleAction {
  /** Resolves when it is done. Throws AgentError RULE_ACTION_FAILED; also soon after `signal` aborts. */
  run(facts: RuleFacts, signal: AbortSignal): Promise<void>;
}
