/** Absences in stored history: gaps between what a device sent, by the clock of the server. Whether it was connected is not stored. */
import type { RulePlan, Transition } from '@shoal/models/alerts';

export interface AbsencePreview {
  heard(deviceId: string, receivedAt: number): Transition[];
  /** Those that are absent at the end. */
  end(now: number): [deviceId: string, transitions: Transition[]][];
}

const transition = (key: string, change: 'fired' | 'resolved', at: number, since: number): Transition => ({
  key,
  change,
  at,
  since,
  value: Math.round((at - since) / 1_000),
  isClockBad: false,
  isHistorical: false,
  reason: change === 'resolved' ? 'heard' : null,
});

/** Undefined for rules about anything else. */
export const absencesIn = ({ rule: { on } }: RulePlan): AbsencePreview | undefined => {
  if (on.kind !== 'absence') return undefined;
  const { afterMs } = on;
  const lastAt = new Map<string, number>();
  return {
    heard: (deviceId, receivedAt) => {
      const last = lastAt.get(deviceId) ?? receivedAt;
      lastAt.set(deviceId, Math.max(last, receivedAt));
      if (receivedAt - last < afterMs) return [];
      return [transition(deviceId, 'fired', last + afterMs, last), transition(deviceId, 'resolved', receivedAt, last)];
    },
    end: (now) =>
      [...lastAt]
        .filter(([, last]) => now - last >= afterMs)
        .map(([deviceId, last]) => [deviceId, [transition(deviceId, 'fired', last + afterMs, last)]]),
  };
};
