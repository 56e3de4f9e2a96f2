/** What a rollout does next, from all that is known of it now: a pure step, the same however often it is taken. */
import type { RolloutCause, RolloutGate } from '@shoal/protocol';
import { refill } from './assignment-rate.ts';
import { isBack, isHeld, judgeDevice, type Observation } from './device-verdict.ts';
import { stageOfJoiner, type Candidate } from './cohort-draw.ts';
import {
  CONTROL,
  deploymentOf,
  newDevice,
  UNOPENED,
  type RolloutDevice,
  type RolloutRecord,
  type TimelineEntry,
} from './rollout.ts';
import { judgeFailures, judgeStage, type GateVerdict } from './stage-gate.ts';

export interface RolloutView {
  readonly rollout: RolloutRecord;
  readonly devices: ReadonlyMap<string, RolloutDevice>;
}

export interface Step {
  /** The same object when the rollout itself did not change. */
  readonly rollout: RolloutRecord;
  /** Changed ones. */
  readonly devices: readonly RolloutDevice[];
  /** Who is assigned the release, brought back, or has its assignment taken back; each is among `devices`. */
  readonly assign: readonly string[];
  readonly bringBack: readonly string[];
  readonly withdraw: readonly string[];
  readonly events: readonly TimelineEntry[];
}

export interface Now {
  readonly now: number;
  readonly observe: (deviceId: string) => Observation;
  /** Who matches an open cohort and is not among the devices yet. */
  readonly joiners: readonly Candidate[];
  /** Assignments of one transaction. */
  readonly most: number;
}

const TOLD = new Set<RolloutDevice['state']>([
  'held',
  'succeeded',
  'failed',
  'drifted',
  'superseded',
  'rolled-back',
  'rollback-failed',
]);

const happened = (
  kind: string,
  stage: number,
  cause: RolloutCause | null = null,
  deviceId: string | null = null,
): TimelineEntry => ({ kind, stage, deviceId, cause });

/** A change under way: devices looked up here are as they will be. */
class Draft {
  readonly changed = new Map<string, RolloutDevice>();
  readonly events: TimelineEntry[] = [];
  rollout: RolloutRecord;
  private readonly current: Map<string, RolloutDevice>;

  constructor({ rollout, devices }: RolloutView) {
    this.rollout = rollout;
    this.current = new Map(devices);
  }

  all(): RolloutDevice[] {
    return [...this.current.values()];
  }

  put(device: RolloutDevice): void {
    this.changed.set(device.deviceId, device);
    this.current.set(device.deviceId, device);
  }

  set(change: Partial<RolloutRecord>): void {
    this.rollout = { ...this.rollout, ...change };
  }
}

/** Everybody is looked at: a step costs a few hundred nanoseconds per device. */
const observe = (draft: Draft, { observe: look, now }: Now): void => {
  for (const device of draft.all()) {
    const next = judgeDevice(draft.rollout, device, look(device.deviceId), now);
    if (next === device) continue;
    draft.put(next);
    if (next.state !== device.state && TOLD.has(next.state)) {
      draft.events.push(happened(`device.${next.state}`, next.stage + 1, next.cause, next.deviceId));
    }
  }
};

const gateOf = ({ definition }: RolloutRecord, stage: number): RolloutGate =>
  definition.stages[stage]?.gate as RolloutGate;

const isUnwellSince = (seen: Observation, since: number): boolean =>
  seen.isUnwell || (seen.startedAt !== null && seen.startedAt > since);

const factsOf = (draft: Draft, stage: number, { observe: look }: Now) => {
  const openedAt = draft.rollout.stages[stage]?.openedAt ?? 0;
  const control = draft.all().filter((device) => device.stage === CONTROL);
  return {
    progress: draft.rollout.stages[stage] ?? UNOPENED,
    devices: draft.all().filter((device) => device.stage === stage),
    isUnwell: (device: RolloutDevice) => isUnwellSince(look(device.deviceId), device.executedAt ?? openedAt),
    control: {
      devices: control.length,
      unwell: control.filter(({ deviceId }) => isUnwellSince(look(deviceId), openedAt)).length,
    },
  };
};

/** Devices of stages that are through are watched on: late ones fail there too. */
const judge = (draft: Draft, at: Now): GateVerdict => {
  const { stage } = draft.rollout;
  for (let earlier = 0; earlier < stage; earlier += 1) {
    const devices = draft.all().filter((device) => device.stage === earlier);
    const progress = draft.rollout.stages[earlier] ?? UNOPENED;
    const failure = judgeFailures(gateOf(draft.rollout, earlier), { devices, progress });
    if (failure) return failure;
  }
  return judgeStage(gateOf(draft.rollout, stage), factsOf(draft, stage, at));
};

const withProgress = (draft: Draft, stage: number, change: Partial<RolloutRecord['stages'][number]>): void => {
  draft.set({
    stages: draft.rollout.stages.map((progress, index) => (index === stage ? { ...progress, ...change } : progress)),
  });
};

const openStage = (draft: Draft, stage: number, now: number): void => {
  draft.set({ stage });
  withProgress(draft, stage, { openedAt: now, soakingSince: null, passedAt: null });
  draft.events.push(happened('stage.opened', stage + 1));
};

const passStage = (draft: Draft, now: number): void => {
  const { stage, definition } = draft.rollout;
  withProgress(draft, stage, { passedAt: now });
  draft.events.push(happened('stage.passed', stage + 1));
  if (stage + 1 < definition.stages.length) {
    openStage(draft, stage + 1, now);
    return;
  }
  draft.set({ state: 'completed', finishedAt: now });
  draft.events.push(happened('completed', 0));
};

const stopAt = (draft: Draft, cause: RolloutCause): void => {
  const { stage } = draft.rollout;
  const { onFailure } = gateOf(draft.rollout, stage);
  withProgress(draft, stage, { soakingSince: null });
  draft.events.push(happened('gate.failed', stage + 1, cause));
  if (onFailure === 'pause') {
    draft.set({ state: 'paused', cause });
    draft.events.push(happened('paused', stage + 1, cause));
    return;
  }
  draft.set({ state: 'rolling-back', cause, rollback: { scope: onFailure === 'rollback-all' ? 'all' : 'stage' } });
  draft.events.push(happened('rolling-back', stage + 1, cause));
};

/** A stage without devices has nothing to show and is passed over, but not the last: a rollout to nobody waits. */
const advance = (draft: Draft, at: Now): void => {
  const { stage, stages, definition } = draft.rollout;
  const isEmpty = draft.all().every((device) => device.stage !== stage);
  if (isEmpty && stage + 1 < definition.stages.length) return passStage(draft, at.now);
  const verdict = judge(draft, at);
  const soakingSince = stages[stage]?.soakingSince ?? null;
  if (verdict.kind === 'failed') return stopAt(draft, verdict.cause);
  if (verdict.kind === 'waiting')
    return soakingSince === null ? undefined : withProgress(draft, stage, { soakingSince: null });
  if (soakingSince === null) withProgress(draft, stage, { soakingSince: at.now });
  if (at.now - (soakingSince ?? at.now) >= gateOf(draft.rollout, stage).soakMs) passStage(draft, at.now);
};

/** Only who is there is assigned: what is away stays late, and costs no rate, until it is back. */
const assign = (draft: Draft, { now, most, observe: look }: Now): string[] => {
  const { rollout } = draft;
  const waiting = draft
    .all()
    .filter(
      ({ deviceId, state, stage }) =>
        state === 'pending' && stage <= rollout.stage && look(deviceId).presence === 'online',
    );
  let count = Math.min(most, waiting.length);
  if (rollout.definition.rate !== undefined && count > 0) {
    const succeeded = draft.all().filter(({ state }) => state === 'succeeded').length;
    const rate = refill(rollout.definition.rate, rollout.rate, succeeded, now);
    count = Math.min(count, Math.floor(rate.tokens));
    // What only filled up is not worth a write: the next step counts from the same instant.
    if (count > 0 || rollout.rate === null) draft.set({ rate: { tokens: rate.tokens - count, at: rate.at } });
  }
  const chosen = waiting.slice(0, count);
  for (const device of chosen) {
    const before = device.attempt === 0 ? look(device.deviceId).running : device.before;
    draft.put({
      ...device,
      state: 'assigned',
      before,
      attempt: device.attempt + 1,
      assignedAt: now,
      clockAt: now,
      hasBegun: false,
      executedAt: null,
      cause: null,
      evidence: {},
    });
  }
  return chosen.map(({ deviceId }) => deviceId);
};

/** Assigned and not through. */
const UNDER_WAY = new Set<RolloutDevice['state']>(['assigned', 'late', 'held']);
const ACTIVATED = new Set<string>(['activating', 'probation', 'committed']);

/** Taken back from whoever has not activated it; asked again for it, it is a new attempt. */
const withdraw = (draft: Draft, { observe: look, most }: Now): string[] => {
  const { rolloutId } = draft.rollout;
  const open = draft.all().filter(({ state, assignedAt, attempt, deviceId }) => {
    if (!UNDER_WAY.has(state) || assignedAt === null) return false;
    const { report } = look(deviceId);
    return report?.deploymentId !== deploymentOf(rolloutId, attempt, false) || !ACTIVATED.has(report.state);
  });
  const chosen = open.slice(0, most);
  for (const device of chosen) draft.put({ ...device, state: 'canceled', clockAt: null, hasBegun: false, cause: null });
  return chosen.map(({ deviceId }) => deviceId);
};

const RETURNABLE = new Set<RolloutDevice['state']>([...UNDER_WAY, 'succeeded', 'failed', 'drifted', 'canceled']);

/**
 * Brings back who was assigned, in the scope; when everybody who is there is back, the rollout is rolled back, or paused. Who
 * runs what it ran before has only its assignment taken back.
 */
const bringBack = (draft: Draft, { now, most, observe: look }: Now): Pick<Step, 'bringBack' | 'withdraw'> => {
  const { rollout } = draft;
  const scope = rollout.rollback?.scope ?? 'all';
  const inScope = draft.all().filter(({ stage }) => stage !== CONTROL && (scope === 'all' || stage === rollout.stage));
  const open = inScope.filter(({ state, assignedAt }) => RETURNABLE.has(state) && assignedAt !== null);
  const chosen = open.slice(0, most);
  const back = chosen.map((device) => returned(rollout, device, look(device.deviceId), now));
  for (const device of back) draft.put(device);
  const isUnderWay = ({ state, deviceId }: RolloutDevice): boolean => {
    const { presence, report } = look(deviceId);
    return state === 'rolling-back' && presence !== 'away' && !isHeld(report);
  };
  if (open.length === 0 && rollout.state === 'rolling-back' && !inScope.some(isUnderWay))
    finishRollback(draft, scope, now);
  const idsIn = (state: RolloutDevice['state']): string[] =>
    back.filter((device) => device.state === state).map(({ deviceId }) => deviceId);
  return { bringBack: idsIn('rolling-back'), withdraw: idsIn('rolled-back') };
};

const returned = (rollout: RolloutRecord, device: RolloutDevice, seen: Observation, now: number): RolloutDevice => {
  if (isBack(rollout, device, seen)) return { ...device, state: 'rolled-back', cause: null };
  if (device.before !== null) return { ...device, state: 'rolling-back', clockAt: now };
  const cause = { code: 'NOTHING_BEFORE', message: 'It ran no version of this model before.' };
  return { ...device, state: 'rollback-failed', cause };
};

const finishRollback = (draft: Draft, scope: 'stage' | 'all', now: number): void => {
  const { rollout } = draft;
  if (scope === 'all') {
    draft.set({ state: 'rolled-back', finishedAt: now });
    draft.events.push(happened('rolled-back', 0, rollout.cause));
    return;
  }
  const cause = rollout.cause ?? { code: 'ROLLED_BACK', message: 'The stage was rolled back.' };
  draft.set({ state: 'paused', rollback: null, cause });
  draft.events.push(happened('stage.rolled-back', rollout.stage + 1, cause));
};

/** Where a joiner belongs hangs on the stage that runs now, and is decided once. */
const join = (draft: Draft, { joiners }: Now): void => {
  const { rolloutId, definition, stage } = draft.rollout;
  for (const joiner of joiners) {
    draft.put(newDevice(joiner, stageOfJoiner(rolloutId, joiner.deviceId, definition, stage)));
    draft.events.push(happened('device.joined', 0, null, joiner.deviceId));
  }
};

export const decideStep = (view: RolloutView, at: Now): Step => {
  const draft = new Draft(view);
  join(draft, at);
  observe(draft, at);
  const { state } = draft.rollout;
  if (state === 'running') advance(draft, at);
  const after = draft.rollout;
  const isOpen = after.state === 'running' || after.state === 'completed';
  const assigned = isOpen ? assign(draft, at) : [];
  const isTaken = after.state === 'paused' && after.cause?.code !== 'PAUSED';
  const withdrawn = isTaken || after.state === 'aborted' ? withdraw(draft, at) : [];
  const isGoing = after.state === 'rolling-back' || after.state === 'rolled-back';
  const going = isGoing ? bringBack(draft, at) : { bringBack: [], withdraw: [] };
  return {
    rollout: draft.rollout,
    devices: [...draft.changed.values()],
    assign: assigned,
    withdraw: [...withdrawn, ...going.withdraw],
    bringBack: going.bringBack,
    events: draft.events,
  };
};

/** What its gate still wants, for people; null where no stage runs. */
export const waitsFor = (view: RolloutView, at: Omit<Now, 'joiners'>): string | null => {
  if (view.rollout.state !== 'running') return null;
  const draft = new Draft(view);
  const verdict = judge(draft, { ...at, joiners: [] });
  if (verdict.kind === 'waiting') return verdict.why;
  return verdict.kind === 'holds' ? 'the soak time' : verdict.cause.message;
};
