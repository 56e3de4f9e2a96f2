/** A device that acts out an update the way the agent's updater does, one state at a time, as a profile says. */
import type { AssignedModel, ReportedTwin, SignedAssignment, UpdateReport, UpdateState } from '@shoal/protocol';

/** `good` commits; the others end as their name says. */
export type Profile = 'good' | 'fails-self-test' | 'silent' | 'lies' | 'rolls-back' | 'waits';

const PATHS: Readonly<Record<Profile, readonly UpdateState[]>> = {
  good: ['downloading', 'self-test', 'activating', 'probation', 'committed'],
  'fails-self-test': ['downloading', 'self-test', 'rejected'],
  silent: ['downloading'],
  waits: ['wait-window', 'downloading', 'self-test', 'activating', 'probation', 'committed'],
  // It says that it committed and goes on running what it ran.
  lies: ['downloading', 'self-test', 'activating', 'probation', 'committed'],
  'rolls-back': ['downloading', 'self-test', 'activating', 'probation', 'rolled-back'],
};
const OVER = new Set<UpdateState>(['committed', 'rejected', 'rolled-back', 'canceled', 'superseded']);
const MAY_LEAVE = new Set<UpdateState>(['assigned', 'wait-window', 'downloading', 'self-test']);

export interface Running {
  readonly version: string;
  readonly digest: string;
}

export class ActingDevice {
  readonly deviceId: string;
  readonly profile: Profile;
  isOnline = true;
  /** Somebody on its machine says "not now". */
  isHeld = false;
  running: Running;
  /** Every version it has run, in order. */
  readonly ran: string[];
  private readonly model: string;
  private readonly digests: ReadonlyMap<string, string>;
  private counter = 0;
  private appliedVersion = 0;
  private assigned: AssignedModel | undefined;
  private report: UpdateReport | undefined;
  private isTold = true;

  /** `digests`: version → digest of what it would run. */
  constructor(deviceId: string, profile: Profile, model: string, digests: ReadonlyMap<string, string>) {
    this.deviceId = deviceId;
    this.profile = profile;
    this.model = model;
    this.digests = digests;
    this.running = { version: '1.0.0', digest: digests.get('1.0.0') ?? '' };
    this.ran = ['1.0.0'];
  }

  /** The whole desired state. An older assignment, and one that says the same, changes nothing. */
  desire(version: number, updates: SignedAssignment | undefined): void {
    if (version <= this.appliedVersion || updates === undefined) return;
    this.appliedVersion = version;
    if (updates.signed.counter <= this.counter)
      throw new Error(`Counter ${updates.signed.counter} is not after ${this.counter}.`);
    this.counter = updates.signed.counter;
    const next = updates.signed.models.find(({ name }) => name === this.model);
    const state = this.report?.state ?? 'committed';
    const mayLeave = OVER.has(state) || MAY_LEAVE.has(state);
    if (next === undefined) {
      if (this.report !== undefined && MAY_LEAVE.has(state)) this.enter('canceled');
      return;
    }
    if (next.deploymentId === this.assigned?.deploymentId) return;
    this.assigned = next;
    if (mayLeave) this.begin(next);
  }

  /** One state further. */
  act(): void {
    const { report, assigned } = this;
    if (report === undefined || assigned === undefined) return;
    if (OVER.has(report.state)) {
      if (assigned.deploymentId !== report.deploymentId) this.begin(assigned);
      return;
    }
    const path = this.pathOf(report.version);
    const next = path[path.indexOf(report.state) + 1];
    if (this.isHeld) this.hold(report);
    else if (next !== undefined) this.enter(next);
  }

  /** What it has to tell; undefined when nothing is new. After a new connection it tells all. */
  speak(isNew: boolean): ReportedTwin | undefined {
    if (this.isTold && !isNew) return undefined;
    this.isTold = true;
    const { version, digest } = this.running;
    const models = { [this.model]: { version, digest, state: 'ready' } };
    const updates = this.report === undefined ? {} : { updates: { [this.model]: this.report } };
    return {
      v: 1,
      appliedVersion: this.appliedVersion,
      mode: 'whole',
      reported: { models, ...updates } as ReportedTwin['reported'],
    };
  }

  /** Version 1.0.0 is what every device came with: going back to it works for all. */
  private pathOf(version: string): readonly UpdateState[] {
    return version === '1.0.0' ? PATHS.good : PATHS[this.profile];
  }

  private begin(assigned: AssignedModel): void {
    const { deploymentId, version, sha256 } = assigned;
    this.report = { deploymentId, version, sha256, state: 'assigned', since: 0, confirmed: true };
    this.isTold = false;
    if (this.running.digest === this.digests.get(version)) this.enter('committed');
  }

  private hold(report: UpdateReport): void {
    if (report.cause !== undefined) return;
    const cause = { code: 'UPDATE_HELD', message: 'Updates are held on this device.', until: 1_760_003_600_000 };
    this.report = { ...report, state: report.state === 'assigned' ? 'wait-window' : report.state, cause };
    this.isTold = false;
  }

  private enter(state: UpdateState): void {
    if (this.report === undefined) return;
    const { cause: _before, ...report } = this.report;
    const failed = state === 'rejected' || state === 'rolled-back';
    this.report = {
      ...report,
      state,
      ...(failed && { cause: { code: 'SELF_TEST_FAILED', message: 'Wrong on purpose.' } }),
    };
    this.isTold = false;
    const isLie = this.profile === 'lies' && report.version !== '1.0.0';
    if (state === 'probation' && !isLie) this.run(report.version);
    if (state === 'rolled-back') this.run('1.0.0');
  }

  private run(version: string): void {
    if (this.running.version === version) return;
    this.running = { version, digest: this.digests.get(version) ?? '' };
    this.ran.push(version);
  }
}
