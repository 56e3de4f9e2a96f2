/** When a download may begin: not before its instant, in the maintenance window of the day, later by a share of the jitter. Pure. */
import { createHash } from 'node:crypto';
import type { AssignedModel } from '@shoal/protocol/wire';
import { causeOf } from './update-fault.ts';
import type { Cause } from './update-record.ts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;

export interface Wait {
  readonly ms: number;
  readonly cause: Cause;
}

/** The same for a device and a deployment however often it is asked: [0, 1). */
const shareOf = (deviceId: string, deploymentId: string): number =>
  createHash('sha256').update(`${deviceId} ${deploymentId}`).digest().readUInt32BE() / 2 ** 32;

/** Minutes until the window of every day opens; 0 within it, which may reach over midnight. */
const minutesToWindow = ({ fromMinute, minutes }: NonNullable<AssignedModel['window']>, nowAt: number): number => {
  const minute = Math.floor(nowAt / MINUTE_MS) % DAY_MINUTES;
  const since = (minute - fromMinute + DAY_MINUTES) % DAY_MINUTES;
  return since < minutes ? 0 : DAY_MINUTES - since;
};

/** Null when it may begin. `waitedMs`: for how long it has waited by a clock that does not step, which the jitter counts in. */
export const waitFor = (assigned: AssignedModel, deviceId: string, nowAt: number, waitedMs: number): Wait | null => {
  const { notBefore = 0, window, jitterSeconds, deploymentId } = assigned;
  if (nowAt < notBefore)
    return {
      ms: notBefore - nowAt,
      cause: causeOf('UPDATE_NOT_YET', `Not before ${new Date(notBefore).toISOString()}.`),
    };
  const minutes = window === undefined ? 0 : minutesToWindow(window, nowAt);
  if (minutes > 0)
    return {
      ms: minutes * MINUTE_MS,
      cause: causeOf('UPDATE_NOT_YET', `The maintenance window opens in ${minutes} min.`),
    };
  const ms = shareOf(deviceId, deploymentId) * jitterSeconds * 1_000 - waitedMs;
  return ms > 0
    ? { ms, cause: causeOf('UPDATE_NOT_YET', 'Its turn in the jitter of the deployment comes later.') }
    : null;
};
