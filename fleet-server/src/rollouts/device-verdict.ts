/** What has become of one device of a rollout, from what it reports and, above all, from the digest it says it runs. */
import { UPDATE_HELD, type RolloutCause, type UpdateReport } from '@shoal/protocol';
import { CONTROL, deploymentOf, type Evidence, type RolloutDevice, type RolloutRecord } from './rollout.ts';

/** What the registry and the twin say of a device now. */
export interface Observation {
  /** `unclear`: away for so short, or the server up for so short, that it may be back at once. */
  readonly presence: 'online' | 'away' | 'unclear';
  /** Since when this server has been there to hear: no device is to blame for the time before. */
  readonly watchedSince: number;
  /** Degraded, or its connection was lost: what control is compared by. */
  readonly isUnwell: boolean;
  /** When its agent started; null before its first birth. */
  readonly startedAt: number | null;
  /** What it says it runs of this model. */
  readonly running: { readonly version: string; readonly digest: string | null } | null;
  /** Its last report of an update of this model. */
  readonly report: UpdateReport | null;
  /** The deployment of this model that the director assigned last. */
  readonly assigned: string | null;
  /** That deployment is of a rollout that started later. */
  readonly isTaken: boolean;
}

/** A device reports the end of its update and its models in two messages: this long they may differ. */
export const SETTLE_MS = 15_000;

const evidenceOf = ({ selfTest, shadow }: UpdateReport): Evidence => ({
  ...(selfTest !== undefined && { p95Ms: selfTest.p95Ms }),
  ...(shadow !== undefined && { windows: shadow.windows, agreementPpm: shadow.agreementPpm }),
});

const ended = (
  device: RolloutDevice,
  state: RolloutDevice['state'],
  cause: RolloutCause | null,
  now: number,
): RolloutDevice => ({ ...device, state, cause, executedAt: now });

const timedOut = (
  device: RolloutDevice,
  report: UpdateReport | null,
  timeoutMs: number,
  now: number,
): RolloutDevice => {
  const why = report?.cause === undefined ? '' : ` ${report.cause.code}: ${report.cause.message}`;
  const message = `Not through within ${timeoutMs} ms; last it was ${report?.state ?? 'silent'}.${why}`.slice(0, 512);
  return ended(device, 'failed', { code: 'TIMED_OUT', message }, now);
};

const runsOther = ({ running }: Observation, digest: string): RolloutCause => ({
  code: 'DRIFT',
  message:
    running === null
      ? 'It reported success and runs no such model.'
      : `It reported success and runs version ${running.version}, digest ${running.digest?.slice(0, 12) ?? 'unknown'} and not ${digest.slice(0, 12)}.`,
});

/** The update was committed: only the digest that runs makes it a success. */
const committed = (rollout: RolloutRecord, device: RolloutDevice, seen: Observation, now: number): RolloutDevice => {
  if (seen.running?.digest === rollout.release.digest) return ended(device, 'succeeded', null, now);
  const since = device.executedAt ?? now;
  if (seen.presence !== 'online' || now - since < SETTLE_MS) return { ...device, executedAt: since };
  return ended(device, 'drifted', runsOther(seen, rollout.release.digest), now);
};

const OVER = new Set<UpdateReport['state']>(['committed', 'rolled-back', 'rejected', 'canceled', 'superseded']);
const isOver = ({ state }: UpdateReport): boolean => OVER.has(state);

const FAILED = new Set<UpdateReport['state']>(['rolled-back', 'rejected']);

/** Somebody on its machine said "not now". */
export const isHeld = (report: UpdateReport | null): boolean =>
  report !== null && !isOver(report) && report.cause?.code === UPDATE_HELD;

/** Its time begins when it is released, or back. */
const heldBack = (device: RolloutDevice, { report, presence }: Observation): RolloutDevice => {
  const waiting = { ...device, hasBegun: false, clockAt: null };
  const isAway = presence === 'away' || (presence === 'unclear' && device.state === 'late');
  if (isAway) return { ...waiting, state: 'late', cause: null };
  return { ...waiting, state: 'held', cause: heldCause(report) };
};

const unheld = (device: RolloutDevice): RolloutDevice =>
  device.cause?.code === UPDATE_HELD ? { ...device, cause: null } : device;

const heldCause = (report: UpdateReport | null): RolloutCause => {
  const { message = 'The device gave no reason.', until } = report?.cause ?? {};
  return { code: UPDATE_HELD, message, ...(until !== undefined && { until }) };
};

/** `late` while it is away and has not begun; its time runs only while it could work. */
const underWay = (rollout: RolloutRecord, before: RolloutDevice, seen: Observation, now: number): RolloutDevice => {
  const report =
    seen.report?.deploymentId === deploymentOf(rollout.rolloutId, before.attempt, false) ? seen.report : null;
  if (isHeld(report)) return heldBack(before, seen);
  const device = unheld(before);
  const { timeoutMs } = rollout.definition;
  if (report !== null && FAILED.has(report.state)) {
    const cause = report.cause ?? { code: report.state.toUpperCase(), message: 'The device gave no reason.' };
    return ended(device, 'failed', { code: cause.code, message: cause.message }, now);
  }
  if (report?.state === 'canceled') {
    return ended(device, 'failed', { code: 'CANCELED', message: 'The update was canceled on the device.' }, now);
  }
  if (report?.state === 'superseded') return { ...device, state: 'superseded' };
  if (report?.state === 'committed' && report.confirmed !== false) return committed(rollout, device, seen, now);
  if (report?.state === 'wait-window') return { ...device, state: 'assigned', hasBegun: false, clockAt: null };
  const hasBegun = device.hasBegun || report !== null;
  const clockAt =
    device.state === 'late' || device.clockAt === null ? now : Math.max(device.clockAt, seen.watchedSince);
  if (seen.presence === 'away' && !hasBegun) return { ...device, state: 'late' };
  if (device.state === 'late' && seen.presence === 'unclear') return device;
  if (seen.presence !== 'unclear' && now - clockAt > timeoutMs) return timedOut(device, report, timeoutMs, now);
  return { ...device, state: 'assigned', hasBegun, clockAt };
};

const isInProgress = (report: UpdateReport | null): boolean => report !== null && !isOver(report);

/** Runs what it ran before, and is not about to change that. */
export const isBack = (rollout: RolloutRecord, device: RolloutDevice, seen: Observation): boolean => {
  if (isInProgress(seen.report)) return false;
  if (device.before?.digest != null) return seen.running?.digest === device.before.digest;
  // What it ran before is not known by digest, or was nothing: then only the new release must be gone.
  return seen.running?.digest !== rollout.release.digest;
};

const goingBack = (rollout: RolloutRecord, before: RolloutDevice, seen: Observation, now: number): RolloutDevice => {
  if (isBack(rollout, before, seen)) return { ...before, state: 'rolled-back', cause: null };
  if (isHeld(seen.report)) return { ...before, clockAt: null, cause: heldCause(seen.report) };
  const device = unheld(before);
  const clockAt = Math.max(device.clockAt ?? now, seen.watchedSince);
  if (seen.presence !== 'online') return { ...device, clockAt: null };
  if (now - clockAt <= rollout.definition.timeoutMs) return { ...device, clockAt };
  const message = `It runs version ${seen.running?.version ?? 'unknown'} and did not come back in time.`;
  return { ...device, state: 'rollback-failed', cause: { code: 'ROLLBACK_TIMED_OUT', message } };
};

/** A device that succeeded and says that it runs something else has drifted, until it runs the release again. */
const settled = (rollout: RolloutRecord, device: RolloutDevice, seen: Observation, now: number): RolloutDevice => {
  const { digest } = rollout.release;
  const runs = seen.running?.digest;
  if (runs === digest) {
    const isRecovered = device.state === 'drifted' || device.cause?.code === 'TIMED_OUT';
    return isRecovered ? { ...device, state: 'succeeded', cause: null } : device;
  }
  if (device.state !== 'succeeded' || seen.presence !== 'online') return device;
  return { ...device, state: 'drifted', cause: runsOther(seen, digest), executedAt: device.executedAt ?? now };
};

const isOverruled = ({ rolloutId }: RolloutRecord, { assignedAt }: RolloutDevice, { assigned }: Observation): boolean =>
  assignedAt !== null && assigned !== null && !assigned.startsWith(`${rolloutId}.`);

/** @returns the same object when nothing changed */
export const judgeDevice = (
  rollout: RolloutRecord,
  device: RolloutDevice,
  seen: Observation,
  now: number,
): RolloutDevice => {
  if (device.stage === CONTROL) return device;
  const next = decide(rollout, device, seen, now);
  const evidence =
    seen.report?.deploymentId === deploymentOf(rollout.rolloutId, device.attempt, false)
      ? evidenceOf(seen.report)
      : device.evidence;
  const judged = { ...next, evidence };
  return isSame(judged, device) ? device : judged;
};

/** Field by field; a cause and evidence are compared by what they say. */
const isSame = (a: RolloutDevice, b: RolloutDevice): boolean =>
  a.state === b.state &&
  a.clockAt === b.clockAt &&
  a.hasBegun === b.hasBegun &&
  a.executedAt === b.executedAt &&
  a.cause?.code === b.cause?.code &&
  a.cause?.message === b.cause?.message &&
  a.cause?.until === b.cause?.until &&
  a.evidence.p95Ms === b.evidence.p95Ms &&
  a.evidence.windows === b.evidence.windows &&
  a.evidence.agreementPpm === b.evidence.agreementPpm;

const decide = (rollout: RolloutRecord, device: RolloutDevice, seen: Observation, now: number): RolloutDevice => {
  switch (device.state) {
    case 'pending':
      if (seen.isTaken) return { ...device, state: 'superseded' };
      return seen.presence === 'away' ? { ...device, state: 'late' } : device;
    case 'late':
      if (device.assignedAt === null && seen.isTaken) return { ...device, state: 'superseded' };
      if (device.assignedAt === null) return seen.presence === 'online' ? { ...device, state: 'pending' } : device;
      return isOverruled(rollout, device, seen)
        ? { ...device, state: 'superseded' }
        : underWay(rollout, device, seen, now);
    case 'assigned':
    case 'held':
      return isOverruled(rollout, device, seen)
        ? { ...unheld(device), state: 'superseded' }
        : underWay(rollout, device, seen, now);
    case 'succeeded':
    case 'failed':
    case 'drifted':
      return isOverruled(rollout, device, seen) ? device : settled(rollout, device, seen, now);
    case 'rolling-back':
      return isOverruled(rollout, device, seen)
        ? { ...device, state: 'superseded' }
        : goingBack(rollout, device, seen, now);
    case 'canceled':
      // It had activated before it heard that it should not.
      return seen.running?.digest === rollout.release.digest
        ? { ...device, state: 'succeeded', executedAt: now }
        : device;
    case 'rolled-back': {
      // It took the release before it heard that it should not: it is to be brought back once more.
      const isThere = seen.running?.digest === rollout.release.digest && !isInProgress(seen.report);
      const isLost = isThere && device.before?.digest !== rollout.release.digest && !isOverruled(rollout, device, seen);
      return isLost ? { ...device, state: 'drifted', cause: runsOther(seen, device.before?.digest ?? '') } : device;
    }
    case 'superseded':
    case 'rollback-failed':
    case 'control':
      return device;
  }
};
