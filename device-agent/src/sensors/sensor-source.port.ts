/** Where samples come from: one source is one stream of named channels. */
import type { ValueMark } from '@shoal/protocol/wire';

export interface Sample {
  /** Integer milliseconds since the Unix epoch. */
  readonly observedAt: number;
  /** Channel → finite number, or null when there was none. */
  readonly values: Readonly<Record<string, number | null>>;
  /** Why a value is null or not to be trusted. */
  readonly marks?: Readonly<Record<string, ValueMark>>;
  /** Channels whose value is told and stored, but kept from models and rules: it is not to be trusted. */
  readonly withheld?: readonly string[];
}

export interface SourceReport {
  /** Rows or lines read so far, good and bad. */
  readonly rowsRead: number;
  /** What could not be used, by reason. */
  readonly bad: Readonly<Record<string, number>>;
  /** Milliseconds added to recorded times; null where there is no such thing, or not yet. */
  readonly timeShiftMs: number | null;
}

export interface SensorSource {
  readonly name: string;
  /** Empty until the source has told. */
  readonly channels: readonly string[];
  /** Whether the source can be held back without losing anything: a recording can, the world cannot. */
  readonly canWait: boolean;
  /** Channel → unit, where the source knows it. */
  readonly units?: Readonly<Record<string, string>>;
  /** Samples a second that the source means to give. */
  readonly nominalRateHz?: number;
  /**
   * In the order of observation by the source. Ends when the source has no more; throws AgentError when it fails, after
   * which it may be called again. Ends soon after `signal` aborts.
   */
  samples(signal: AbortSignal): AsyncIterable<Sample>;
  report(): SourceReport;
}
