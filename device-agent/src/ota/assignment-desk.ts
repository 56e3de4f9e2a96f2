/** Takes what the fleet assigns, and lets through only what the director and the repository both signed; what cannot be looked up yet is tried again. */
import type { AssignedModel, SignedAssignment } from '@shoal/protocol/wire';
import type { Random } from '../runtime.ts';
import type { MetadataView } from './metadata-store.ts';
import type { RecordKeeper } from './record-keeper.ts';
import { faultOf, type Fault } from './update-fault.ts';
import type { UpdateEvent } from './update-plan.ts';
import { isTerminal } from './update-table.ts';
import { checkDirector, checkTarget, type DeviceFacts } from './verify.ts';

export interface AssignmentDeskOptions extends DeviceFacts {
  readonly deviceId: string;
  readonly keeper: RecordKeeper;
  readonly look: (targets: readonly string[], nowAt: number, signal: AbortSignal) => Promise<MetadataView>;
  /** Milliseconds since the epoch; null while nobody knows. */
  readonly knownNow: () => number | null;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: Random;
  readonly retryFirstMs: number;
  /** The records of these models may have changed. */
  readonly onFollowed: (names: readonly string[]) => void;
  /** Of a model that cannot be updated as assigned; undefined when nothing speaks against it any more. */
  readonly onRefused: (model: AssignedModel, refusal: Refusal | undefined) => void;
}

export interface Refusal {
  readonly cause: Fault['cause'];
  /** Nobody looks again before the fleet says something new. */
  readonly isFinal: boolean;
}

type Named = { readonly name: string; readonly event: UpdateEvent };

const RETRY_MAX_MS = 300_000;
/** Another look may find what was published just now, or a server that is well again; after these the fleet is told. */
const MOST_LOOKS = 3;

const isOffline = ({ cause }: Fault): boolean =>
  cause.code === 'UPDATE_OFFLINE' || cause.code === 'UPDATE_METADATA_FAILED';

export class AssignmentDesk {
  readonly #options: AssignmentDeskOptions;
  #pending: SignedAssignment | undefined;
  #working: Promise<void> | undefined;
  #callOff = new AbortController();

  constructor(options: AssignmentDeskOptions) {
    this.#options = options;
  }

  /** The newest counts; one that is looked up is called off by it. */
  take(envelope: SignedAssignment, signal: AbortSignal): void {
    if (this.#pending === envelope) return;
    this.#pending = envelope;
    this.#callOff.abort();
    this.#working ??= this.#work(signal).finally(() => {
      this.#working = undefined;
      const late = this.#pending;
      this.#pending = undefined;
      if (late !== undefined && !signal.aborted) this.take(late, signal);
    });
  }

  async settled(): Promise<void> {
    await this.#working;
  }

  async #work(outer: AbortSignal): Promise<void> {
    let [looks, tries] = [0, 0];
    while (this.#pending !== undefined && !outer.aborted) {
      const envelope: SignedAssignment = this.#pending;
      this.#callOff = new AbortController();
      const signal = AbortSignal.any([outer, this.#callOff.signal]);
      const fault = await this.#follow(envelope, signal);
      // Called off is not followed, whatever came in its place.
      if (signal.aborted || this.#pending !== envelope) {
        [looks, tries] = [0, 0];
      } else if (fault === undefined) {
        this.#pending = undefined;
      } else {
        tries += 1;
        looks += isOffline(fault) ? 0 : 1;
        const isFinal = looks >= MOST_LOOKS || !(fault.retryable || isLate(fault));
        this.#tell(envelope, { cause: fault.cause, isFinal });
        if (isFinal) this.#pending = undefined;
        else await this.#rest(tries, signal);
      }
    }
  }

  /** @returns what stands against it, of the whole or of one of its models */
  async #follow(envelope: SignedAssignment, signal: AbortSignal): Promise<Fault | undefined> {
    const { keeper, look, knownNow, deviceId, onFollowed } = this.#options;
    if (this.#isFollowed(envelope)) return undefined;
    try {
      const { assignmentCounter, notBeforeAt } = keeper.record;
      const known = knownNow();
      const nowAt = Math.max(known ?? 0, notBeforeAt);
      const view = await look(
        envelope.signed.models.map(({ target }) => target),
        nowAt,
        signal,
      );
      const terms = { deviceId, lastCounter: assignmentCounter, nowAt: known === null ? undefined : nowAt };
      const assignment = checkDirector(envelope, view, terms);
      const { events, fault } = this.#judge(assignment.models, view);
      const floors = Object.entries(assignment.floors).map(([name, floor]): Named => ({
        name,
        event: { type: 'floor', floor },
      }));
      const named = new Set(assignment.models.map(({ name }) => name));
      const gone = Object.keys(keeper.record.models).filter((name) => !named.has(name));
      const withdrawn = gone.map((name): Named => ({ name, event: { type: 'withdrawn' } }));
      signal.throwIfAborted();
      await keeper.applyAll([...floors, ...withdrawn, ...events], (record) => ({
        assignmentCounter: Math.max(record.assignmentCounter, assignment.counter),
        notBeforeAt: Math.max(record.notBeforeAt, assignment.issuedAt),
      }));
      onFollowed([...new Set([...Object.keys(keeper.record.models), ...named])]);
      return fault;
    } catch (error) {
      return signal.aborted ? undefined : faultOf(error);
    }
  }

  /** One model that cannot be keeps no other from its update. */
  #judge(
    models: readonly AssignedModel[],
    view: MetadataView,
  ): { readonly events: Named[]; readonly fault: Fault | undefined } {
    const events: Named[] = [];
    let worst: Fault | undefined;
    for (const [index, model] of models.entries()) {
      try {
        const signed = checkTarget(model, view.targets[index] ?? null, this.#options);
        events.push({ name: model.name, event: { type: 'assigned', model, signed } });
        this.#options.onRefused(model, undefined);
      } catch (error) {
        worst = faultOf(error);
        this.#options.onRefused(model, { cause: worst.cause, isFinal: !isLate(worst) });
      }
    }
    return { events, fault: worst };
  }

  /** Everything it says is in the record already: no need to ask anybody. */
  #isFollowed({ signed }: SignedAssignment): boolean {
    const { keeper } = this.#options;
    const { assignmentCounter, models } = keeper.record;
    const isKnown = ({ name, deploymentId, sha256 }: AssignedModel): boolean => {
      const assigned = models[name]?.update?.assigned;
      return assigned?.deploymentId === deploymentId && assigned.sha256 === sha256;
    };
    const isNamed = (name: string): boolean => signed.models.some((model) => model.name === name);
    const isOver = (name: string): boolean => isTerminal(models[name]?.update?.state ?? 'committed');
    return (
      signed.counter === assignmentCounter &&
      signed.models.every(isKnown) &&
      Object.keys(models).every((name) => isNamed(name) || isOver(name)) &&
      Object.entries(signed.floors).every(([name, floor]) => keeper.model(name).floor >= floor)
    );
  }

  /** Of an assignment as a whole every model is meant. */
  #tell({ signed }: SignedAssignment, refusal: Refusal): void {
    if (!isOfOneModel(refusal)) for (const model of signed.models) this.#options.onRefused(model, refusal);
    else if (refusal.isFinal && isLate(refusal)) this.#lateOnes(signed, refusal);
  }

  #lateOnes({ models }: SignedAssignment['signed'], refusal: Refusal): void {
    const { keeper, onRefused } = this.#options;
    const isBegun = ({ name, deploymentId }: AssignedModel): boolean =>
      keeper.model(name).update?.assigned.deploymentId === deploymentId;
    for (const model of models) if (!isBegun(model)) onRefused(model, refusal);
  }

  async #rest(tries: number, signal: AbortSignal): Promise<void> {
    const { pause, random, retryFirstMs } = this.#options;
    const most = Math.min(RETRY_MAX_MS, retryFirstMs * 2 ** Math.min(tries - 1, 20));
    await pause(most * (0.5 + random() / 2), signal).catch(() => undefined);
  }
}

/** The director may be quicker than the repository. */
const isLate = ({ cause }: { readonly cause: Fault['cause'] }): boolean => cause.code === 'UPDATE_NOT_IN_REPOSITORY';

const OF_ONE_MODEL: ReadonlySet<string> = new Set([
  'UPDATE_NOT_IN_REPOSITORY',
  'UPDATE_CONTRADICTED',
  'UPDATE_INCOMPATIBLE',
  'RELEASE_TARGET_INVALID',
]);
const isOfOneModel = ({ cause }: Refusal): boolean => OF_ONE_MODEL.has(cause.code);
