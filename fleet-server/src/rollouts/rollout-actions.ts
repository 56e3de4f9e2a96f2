/** What an action of a person makes of a rollout and its devices; whether it is allowed stands in the table of states. */
import type { RolloutCause } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import type { RolloutDevice, RolloutRecord, TimelineEntry } from './rollout.ts';
import { allowedActions, nextState, type RolloutAction } from './rollout-states.ts';
import type { RolloutView } from './rollout-step.ts';

export interface Deed {
  readonly action: RolloutAction;
  readonly principal: string;
  readonly note: string;
  /** Of a rollback. */
  readonly scope: 'stage' | 'all';
}

export interface Acted {
  readonly rollout: RolloutRecord;
  readonly devices: readonly RolloutDevice[];
  readonly events: readonly TimelineEntry[];
}

const CODES: Readonly<Partial<Record<RolloutAction, string>>> = {
  pause: 'PAUSED',
  halt: 'HALTED',
  rollback: 'ROLLED_BACK',
  abort: 'ABORTED',
};

const causeOf = ({ action, principal, note }: Deed): RolloutCause | null => {
  const code = CODES[action];
  return code === undefined ? null : { code, message: `By ${principal}${note === '' ? '.' : `: ${note}`}` };
};

/** What stopped it was seen: it counts no more, and what was taken or brought back may be assigned again. */
const resume = ({ rollout, devices }: RolloutView): Pick<Acted, 'rollout' | 'devices'> => {
  const all = [...devices.values()];
  const again = all.filter(
    ({ state, stage }) => state === 'canceled' || (state === 'rolled-back' && stage === rollout.stage),
  );
  const failures = (stage: number): number =>
    all.filter((device) => device.stage === stage && (device.state === 'failed' || device.state === 'drifted')).length;
  const stages = rollout.stages.map((progress, stage) =>
    stage > rollout.stage
      ? progress
      : { ...progress, forgiven: failures(stage), isOverruled: progress.isOverruled || stage === rollout.stage },
  );
  // A rollout that was paused before its time is scheduled again, not run.
  const state = rollout.startedAt === null ? 'scheduled' : 'running';
  return {
    rollout: { ...rollout, state, stages, cause: null },
    devices: again.map((device) => ({ ...device, state: 'pending', assignedAt: null, clockAt: null })),
  };
};

/** @throws FleetError ROLLOUT_STATE | APPROVAL_OWN */
export const actOn = (view: RolloutView, deed: Deed): Acted => {
  const { rollout } = view;
  const { action, principal } = deed;
  const state = nextState(rollout.state, action);
  if (state === undefined) {
    const allowed = allowedActions(rollout.state).join(', ') || 'nothing';
    throw new FleetError('ROLLOUT_STATE', `Rollout ${rollout.rolloutId} is ${rollout.state}; it allows ${allowed}.`);
  }
  if (action === 'approve' && principal === rollout.createdBy) {
    throw new FleetError(
      'APPROVAL_OWN',
      `${principal} made rollout ${rollout.rolloutId}; somebody else has to approve it.`,
    );
  }
  const cause = causeOf(deed);
  const events = [{ kind: action, stage: rollout.startedAt === null ? 0 : rollout.stage + 1, deviceId: null, cause }];
  if (action === 'resume') return { ...resume(view), events };
  const needsApproval = action === 'start' && rollout.definition.approval === 'required';
  return {
    rollout: {
      ...rollout,
      state: needsApproval ? 'pending-approval' : state,
      cause: cause ?? rollout.cause,
      ...(action === 'approve' && { approvedBy: principal }),
      ...(action === 'rollback' && { rollback: { scope: deed.scope }, finishedAt: null }),
    },
    devices: [],
    events,
  };
};
