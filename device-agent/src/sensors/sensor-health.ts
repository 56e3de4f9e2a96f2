/** What state a sensor source is in, and which event each change is worth: a table, without effects. */
import type { EventKind, Severity } from '@shoal/protocol/wire';

/** `silent`: running, and nothing came for longer than it should. `ended`: it has no more, in good order. */
export type SensorState = 'starting' | 'running' | 'silent' | 'ended' | 'failed' | 'disabled';

export interface SensorTransition {
  readonly event: { readonly kind: EventKind; readonly severity: Severity } | null;
  /** Whether the device is in worse health in the new state. */
  readonly degraded: boolean;
}

const stopped = (severity: Severity): SensorTransition['event'] => ({ kind: 'sensor.stopped', severity });
const RECOVERED: SensorTransition['event'] = { kind: 'sensor.recovered', severity: 'info' };
const wasBroken = (state: SensorState): boolean => state === 'silent' || state === 'failed';

/** What going from one state to another means. */
export const sensorTransition = (from: SensorState, to: SensorState): SensorTransition => {
  if (from === to) return { event: null, degraded: wasBroken(to) };
  switch (to) {
    case 'silent':
    case 'failed':
      return { event: wasBroken(from) ? null : stopped('error'), degraded: true };
    case 'ended':
      return { event: stopped('info'), degraded: false };
    case 'running':
      return { event: wasBroken(from) ? RECOVERED : null, degraded: false };
    case 'starting':
      return { event: null, degraded: wasBroken(from) };
    case 'disabled':
      return { event: null, degraded: false };
  }
};
