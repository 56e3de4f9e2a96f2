/** Acts out the update of a model as a script says, for fleets that are too large for real updaters: states and times, no bytes. */
import type { AssignedModel, SignedAssignment, UpdateReport, UpdateState } from '@shoal/protocol';

/** What a light device says it runs. */
export interface LightModel {
  readonly name: string;
  readonly version: string;
  /** sha256 of the bundle's manifest. */
  readonly digest: string;
}

/** How its updates go; `drops-offline` loses its connection in the middle and goes on when it is back. */
export type UpdateProfile = 'good' | 'slow' | 'drops-offline' | 'fails-self-test';

export interface LightUpdateOptions {
  readonly model: LightModel;
  readonly profile: UpdateProfile;
  /** sha256 of a packed bundle → sha256 of its manifest: what a device finds inside. */
  readonly digestOf: (sha256: string) => string | undefined;
  readonly now: () => number;
  /** Of one state. */
  readonly stepMs: () => number;
  /** There is something to tell: what runs, or how far the update is. */
  readonly onNews: () => void;
  readonly onDrop: () => void;
}

const STATES: readonly UpdateState[] = [
  'assigned',
  'downloading',
  'verifying',
  'staged',
  'self-test',
  'activating',
  'probation',
  'committed',
];
const MAY_LEAVE: ReadonlySet<UpdateState> = new Set(STATES.slice(0, 5));
const OVER: ReadonlySet<UpdateState> = new Set(['committed', 'rejected', 'canceled']);
const SLOW = 10;
const SELF_TEST = { p50Ms: 2, p95Ms: 4, rssMb: 60, engine: 'light' };

export class LightUpdate {
  private readonly options: LightUpdateOptions;
  private running: LightModel;
  private assigned: AssignedModel | undefined;
  private told: UpdateReport | undefined;
  private counter = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: LightUpdateOptions) {
    this.options = options;
    this.running = options.model;
  }

  get model(): LightModel {
    return this.running;
  }

  get report(): UpdateReport | undefined {
    return this.told;
  }

  /** An assignment that is not newer, or says the same, changes nothing. */
  take({ signed: { counter, models } }: SignedAssignment): void {
    if (counter <= this.counter) return;
    this.counter = counter;
    const next = models.find(({ name }) => name === this.running.name);
    const isOpen = this.told !== undefined && !OVER.has(this.told.state);
    if (next === undefined) {
      if (this.told !== undefined && MAY_LEAVE.has(this.told.state)) this.enter('canceled');
      this.assigned = undefined;
      return;
    }
    if (next.deploymentId === this.assigned?.deploymentId) return;
    this.assigned = next;
    if (!isOpen || MAY_LEAVE.has(this.told?.state ?? 'assigned')) this.begin(next);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private begin({ deploymentId, version, sha256 }: AssignedModel): void {
    this.told = { deploymentId, version, sha256, state: 'assigned', since: this.options.now() };
    const isThere = this.options.digestOf(sha256) === this.running.digest;
    this.enter(isThere ? 'committed' : 'assigned');
  }

  private enter(state: UpdateState): void {
    const { told, options } = this;
    if (told === undefined) return;
    const { name } = this.running;
    if (state === 'probation') {
      this.running = { name, version: told.version, digest: options.digestOf(told.sha256) ?? told.sha256 };
    }
    this.told = {
      ...told,
      state,
      since: options.now(),
      ...(state === 'activating' && { selfTest: SELF_TEST }),
      ...(state === 'committed' && { confirmed: true }),
      ...(state === 'rejected' && { cause: { code: 'GOLDEN_MISMATCH', message: 'The scripted self-test fails.' } }),
    };
    options.onNews();
    this.stop();
    if (!OVER.has(state)) this.timer = setTimeout(() => this.goOn(), options.stepMs() * (this.isSlow ? SLOW : 1));
    else if (this.assigned !== undefined && this.assigned.deploymentId !== told.deploymentId) this.begin(this.assigned);
  }

  private goOn(): void {
    const state = this.told?.state ?? 'assigned';
    const { profile, onDrop } = this.options;
    if (state === 'downloading' && profile === 'drops-offline') onDrop();
    const isOwn = this.assigned !== undefined && this.told?.deploymentId === this.assigned.deploymentId;
    const fails = state === 'self-test' && profile === 'fails-self-test' && isOwn && !this.isReturn;
    this.enter(fails ? 'rejected' : (STATES[STATES.indexOf(state) + 1] ?? 'committed'));
  }

  private get isSlow(): boolean {
    return this.options.profile === 'slow';
  }

  /** Going back to what it came with works for every profile. */
  private get isReturn(): boolean {
    return this.told?.version === this.options.model.version;
  }
}
