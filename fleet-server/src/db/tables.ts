/** What a row of each table of the control database is. */
import type { ModelAliasRow, ModelReleaseRow, TufFileRow, TufRoleRow, TufTargetRow } from './registry-tables.ts';
import type { SystemActionEventRow, SystemActionRow, SystemImageRow, SystemTargetRow } from './system-update-tables.ts';

export type * from './registry-tables.ts';
export type * from './system-update-tables.ts';

/** Columns named `*_at` are milliseconds since the Unix epoch; columns of JSON are text on both dialects. */
export interface Tables {
  audit_entries: AuditEntryRow;
  audit_head: { id: number; last_id: number; hash: string };
  devices: DeviceRow;
  device_last_seen: { device_id: string; last_seen_at: number };
  twins: TwinRow;
  device_commands: DeviceCommandRow;
  contexts: ContextRow;
  feature_views: FeatureViewRow;
  feature_view_versions: FeatureViewVersionRow;
  streams: StreamRow;
  deliveries: DeliveryRow;
  delivery_attempts: DeliveryAttemptRow;
  alert_rules: AlertRuleRow;
  home_assistant_devices: HomeAssistantDeviceRow;
  model_releases: ModelReleaseRow;
  model_aliases: ModelAliasRow;
  tuf_files: TufFileRow;
  tuf_roles: TufRoleRow;
  tuf_targets: TufTargetRow;
  rollouts: RolloutRow;
  rollout_devices: RolloutDeviceRow;
  rollout_events: RolloutEventRow;
  director_assignments: DirectorAssignmentRow;
  scoring_jobs: ScoringJobRow;
  scoring_schedules: ScoringScheduleRow;
  scoring_occurrences: ScoringOccurrenceRow;
  backtests: BacktestRow;
  system_numbers: { kind: string; last: number };
  system_images: SystemImageRow;
  system_targets: SystemTargetRow;
  system_actions: SystemActionRow;
  system_action_events: SystemActionEventRow;
}

export interface AuditEntryRow {
  id: number;
  at: number;
  principal: string;
  from_address: string | null;
  action: string;
  subject: string;
  /** JSON text, hashed as it stands. */
  before_state: string | null;
  after_state: string | null;
  hash: string;
}

export interface DeviceRow {
  device_id: string;
  /** JSON of `Labels`. */
  labels: string;
  revision: number;
  registered_at: number;
  first_seen_at: number | null;
  /** JSON of the last `Birth`; null until the device was born once. */
  birth: string | null;
  /** JSON `[Idempotency-Key, labels]` of the request that registered it; null when that had no key, or was a birth. */
  creation_request: string | null;
}

export interface TwinRow {
  device_id: string;
  version: number;
  /** JSON objects. */
  desired: string;
  reported: string;
  reported_at: number | null;
  applied_version: number;
  /** JSON of the few reported facts that the registry shows, so that a start need not read every document. */
  facts: string;
}

export interface DeviceCommandRow {
  command_id: string;
  device_id: string;
  name: string;
  state: string;
  parameters: string | null;
  created_at: number;
  created_by: string;
  expires_at: number;
  sent_at: number | null;
  acknowledged_at: number | null;
  finished_at: number | null;
  result: string | null;
  error: string | null;
  idempotency_key: string | null;
  /** sha256 of the request that came with the key. */
  request_hash: string | null;
}

export interface ContextRow {
  /** `fleet` or `device:{deviceId}`. */
  scope: string;
  /** Set for a device's own context, so that it goes when the device goes. */
  device_id: string | null;
  /** JSON object. */
  document: string;
  revision: number;
  updated_at: number;
}

export interface FeatureViewRow {
  name: string;
  hash: string;
  revision: number;
  updated_at: number;
}

export interface FeatureViewVersionRow {
  name: string;
  hash: string;
  /** JSON of an `EntityView`. */
  definition: string;
  created_at: number;
}

export interface StreamRow {
  name: string;
  /** JSON of a `StreamDefinition`. */
  definition: string;
  hash: string;
  revision: number;
  updated_at: number;
}

export interface ScoringJobRow {
  name: string;
  /** JSON of a `ScoringJob`. */
  definition: string;
  revision: number;
  updated_at: number;
}

export interface DeliveryRow {
  id: string;
  channel_type: string;
  /** JSON of a `DeliveryChannel`. */
  channel: string;
  /** What attempts share a limit by: host of a webhook, else the type of the channel. */
  destination: string;
  subject: string;
  source_kind: string;
  source_id: string;
  /** JSON text as it is sent. */
  body: string;
  state: string;
  created_at: number;
  /** Since when it is tried without a break: its creation, or when it was sent again. */
  round_started_at: number;
  attempts: number;
  round_attempts: number;
  next_attempt_at: number | null;
  finished_at: number | null;
  error_code: string | null;
  error_message: string | null;
}

export interface DeliveryAttemptRow {
  delivery_id: string;
  attempt: number;
  at: number;
  duration_ms: number;
  outcome: string;
  status: number | null;
  error_code: string | null;
  error_message: string | null;
  answer: string | null;
}

export interface AlertRuleRow {
  name: string;
  /** JSON of an `AlertRule`. */
  definition: string;
  revision: number;
  updated_at: number;
}

export interface HomeAssistantDeviceRow {
  device_id: string;
  /** JSON of the values that are sensors there. */
  shown_values: string;
  /** The discovery message as it was published last. */
  config: string;
  /** Since when it is not shown any more; null while it is. */
  withdrawn_at: number | null;
}

export interface ScoringScheduleRow {
  job: string;
  /** JSON of a `ScoringSchedule`: another one begins anew. */
  schedule: string;
  /** Occurrences up to then are decided, and stored. */
  decided_until: number;
}

export interface ScoringOccurrenceRow {
  job: string;
  due_at: number;
  begins_at: number;
  /** `start`, `queue`, `replace` or `skip`. */
  action: string;
  /** Why it was skipped: `missed`, `overlap`, or the code of the error that refused its run. */
  reason: string | null;
  /** Null with null `reason`: decided, and not submitted yet. */
  run_id: string | null;
  decided_at: number;
}

export interface RolloutRow {
  rollout_id: string;
  /** Order of creation. */
  number: number;
  model: string;
  state: string;
  /** Order of starts; 0 before. */
  ordinal: number;
  revision: number;
  /** JSON of a `RolloutRecord`. */
  document: string;
  /** JSON `[Idempotency-Key, definition]` of the request that made it; null when that had no key. */
  creation_request: string | null;
}

export interface RolloutDeviceRow {
  rollout_id: string;
  device_id: string;
  /** Index; -1 for control. */
  stage: number;
  state: string;
  /** JSON of a `RolloutDevice`. */
  document: string;
}

export interface RolloutEventRow {
  rollout_id: string;
  number: number;
  at: number;
  principal: string;
  /** JSON of a `TimelineEntry`. */
  entry: string;
}

export interface DirectorAssignmentRow {
  device_id: string;
  counter: number;
  /** JSON of `AssignedModel[]`. */
  models: string;
  /** JSON: model → lowest release counter. */
  floors: string;
}

export interface BacktestRow {
  backtest_id: string;
  /** Order of creation. */
  number: number;
  model: string;
  candidate_digest: string;
  champion_digest: string;
  state: string;
  /** JSON of a `BacktestRecord`. */
  document: string;
  /** JSON of `BacktestIncident[]`; null when there are no labels. */
  incidents: string | null;
  /** JSON of `BacktestPlot[]`; null before it is finished. */
  plots: string | null;
  /** Idempotency-Key of the request that made it. */
  creation_request: string | null;
}
