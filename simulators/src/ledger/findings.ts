/** What a ledger found: counts, and the first examples of every disagreement. */

export interface Findings {
  /** Records the devices made. */
  readonly produced: number;
  /** Different records the server holds of them. */
  readonly stored: number;
  readonly lost: number;
  /** Copies beyond the first. */
  readonly duplicated: number;
  /** Same key, other content. */
  readonly altered: number;
  /** Stored and never made. */
  readonly unexpected: number;
  /** Stored earlier than a predecessor of the same class and lane. */
  readonly misordered: number;
  /** Keys the ranges claim and the records lack, or the other way round. */
  readonly rangesDisagree: number;
  /** At most `EXAMPLES` sentences. */
  readonly examples: readonly string[];
}

export const EXAMPLES = 10;

export const NOTHING_FOUND: Findings = Object.freeze({
  produced: 0,
  stored: 0,
  lost: 0,
  duplicated: 0,
  altered: 0,
  unexpected: 0,
  misordered: 0,
  rangesDisagree: 0,
  examples: [],
});

export const addFindings = (a: Findings, b: Findings): Findings => ({
  produced: a.produced + b.produced,
  stored: a.stored + b.stored,
  lost: a.lost + b.lost,
  duplicated: a.duplicated + b.duplicated,
  altered: a.altered + b.altered,
  unexpected: a.unexpected + b.unexpected,
  misordered: a.misordered + b.misordered,
  rangesDisagree: a.rangesDisagree + b.rangesDisagree,
  examples: [...a.examples, ...b.examples].slice(0, EXAMPLES),
});

/** Whether ledger and server tell the same story. */
export const agrees = (findings: Findings): boolean =>
  findings.lost + findings.duplicated + findings.altered + findings.unexpected === 0 &&
  findings.misordered + findings.rangesDisagree === 0;
