/** What an agent says of itself: on its local API, on the command line, and to programs it is embedded in. */
import type { WindowCounters } from '@shoal/models';
import type { ClockState, HealthReason, ModelReference } from '@shoal/protocol/wire';
import type { FallbackReport } from './fallback/fallback-report.ts';
import type { ProcessFacts } from './health/process-gauge.ts';
import type { CalibrationReport } from './inference/calibration.ts';
import type { DriftReport } from './inference/drift-monitor.ts';
import type { InferenceCounters } from './inference/inference-loop.ts';
import type { SlotState } from './inference/model-slot-runner.port.ts';
import type { OutboxState } from './outbox/outbox.port.ts';
import type { RuleStatus } from './rules/rule-engine.ts';
import type { SensorStatus } from './sensors/sensor-feed.ts';
import type { SignalCounters } from './sensors/signal-health.ts';
import type { TwinStatus } from './twin/twin-synchronizer.ts';
import type { UplinkStatus } from './uplink/fleet-uplink.ts';

export interface ModelStatus extends SlotState {
  readonly model: ModelReference;
  /** What rules and other models call its predictions, and what it looks at. */
  readonly stream: string;
  readonly sources: readonly string[];
  readonly thresholds: Readonly<Record<string, number>>;
  /** Null for a model that needs none. */
  readonly calibration: CalibrationReport | null;
  readonly drift: DriftReport;
  readonly engineResidentBytes: number | null;
  readonly windows: WindowCounters;
  readonly inference: InferenceCounters;
  /** Null for a model that asks nobody. */
  readonly fallback: FallbackReport | null;
}

/** Records made by this process and given to the outbox. */
export interface AgentCounters {
  readonly samples: number;
  readonly readings: number;
  /** Samples that were not sent because only every n-th is. */
  readonly readingsSkipped: number;
  readonly predictions: number;
  readonly events: number;
}

export interface AgentStatus {
  readonly deviceId: string;
  readonly agentVersion: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly uptimeMs: number;
  readonly health: { readonly state: 'ok' | 'degraded'; readonly reasons: readonly HealthReason[] };
  readonly sensors: readonly (SensorStatus & { readonly signal: SignalCounters })[];
  readonly models: readonly ModelStatus[];
  readonly rules: readonly RuleStatus[];
  readonly outbox: OutboxState;
  readonly uplink: UplinkStatus & { readonly inFlight: number; readonly highestInFlight: number };
  readonly clock: ClockState;
  readonly twin: TwinStatus;
  readonly counters: AgentCounters;
  readonly process: ProcessFacts;
}
