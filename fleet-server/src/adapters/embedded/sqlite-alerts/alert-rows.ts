/** Rows of alerts, as they are stored and as the API shows them. */
import type { Alert, AlertState, Scalar, Severity } from '@shoal/protocol';

export interface AlertRow {
  readonly alert_no: number;
  readonly rule_no: number;
  readonly rule: string;
  readonly severity: string;
  readonly key: string;
  readonly device_id: string | null;
  readonly state: AlertState;
  readonly since: number;
  readonly fired_at: number | null;
  readonly resolved_at: number | null;
  readonly resolution: string | null;
  /** JSON. */
  readonly value: string;
  readonly acknowledged_by: string | null;
  readonly acknowledged_at: number | null;
  readonly notified_at: number | null;
  /** How often it was told. */
  readonly notices: number;
  readonly clock_bad: number;
  readonly historical: number;
  readonly revision: number;
  readonly updated_at: number;
}

export const alertIdOf = (mark: string, alertNo: number): string => `a-${mark}-${alertNo}`;

/** Undefined for an id of another file. */
export const alertNoOf = (mark: string, alertId: string): number | undefined => {
  const prefix = `a-${mark}-`;
  return alertId.startsWith(prefix) ? Number(alertId.slice(prefix.length)) : undefined;
};

export const asAlert = (mark: string, row: AlertRow): Alert => ({
  alertId: alertIdOf(mark, row.alert_no),
  rule: row.rule,
  severity: row.severity as Severity,
  key: row.key,
  deviceId: row.device_id,
  state: row.state,
  since: row.since,
  firedAt: row.fired_at,
  resolvedAt: row.resolved_at,
  resolution: row.resolution,
  value: JSON.parse(row.value) as Scalar,
  acknowledgedBy: row.acknowledged_by,
  acknowledgedAt: row.acknowledged_at,
  notifiedAt: row.notified_at,
  clockBad: row.clock_bad === 1,
  historical: row.historical === 1,
  revision: row.revision,
  updatedAt: row.updated_at,
});
