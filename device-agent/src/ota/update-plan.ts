/** What becomes of the update of one model with every event: a crash, a deadline, a hold, a new assignment, by the table of its states. Pure. */
import { UPDATE_HELD, type AssignedModel, type UpdateHold, type UpdateState } from '@shoal/protocol/wire';
import { EMPTY_MODEL, type Cause, type Installed, type ModelRecord, type Update } from './update-record.ts';
import { isTerminal, UPDATE_TABLE } from './update-table.ts';

/** When an event happens. */
export interface Moment {
  readonly now: number;
  /** Null while nobody holds updates. */
  readonly hold: UpdateHold | null;
}

export type UpdateEvent =
  /** Both signatures hold. */
  | { readonly type: 'assigned'; readonly model: AssignedModel; readonly signed: Update['signed'] }
  | { readonly type: 'withdrawn' }
  | { readonly type: 'floor'; readonly floor: number }
  /** The agent began. */
  | { readonly type: 'started' }
  /** It stops in good order. */
  | { readonly type: 'stopping' }
  | { readonly type: 'waiting'; readonly cause: Cause }
  | { readonly type: 'done'; readonly in: UpdateState; readonly facts?: Facts }
  /** `retryable`: the work is tried again from where it is, after a pause. */
  | {
      readonly type: 'failed';
      readonly in: UpdateState;
      readonly cause: Cause;
      readonly retryable: boolean;
      readonly facts?: Facts;
    }
  | { readonly type: 'progress'; readonly in: UpdateState; readonly elapsedMs: number; readonly facts?: Facts }
  /** What is packed is not what was signed: it is fetched anew. */
  | { readonly type: 'corrupt'; readonly cause: Cause }
  /** A version that was installed cannot be read any more. */
  | { readonly type: 'damaged'; readonly sha256: string; readonly cause: Cause }
  | { readonly type: 'confirmed' }
  /** A hold began, changed or is over: the moment says which. */
  | { readonly type: 'hold-changed' };

type Facts = Partial<Pick<Update, 'selfTest' | 'shadow' | 'probation'>>;

/** Downloads of one version that turned out to be corrupt before it is given up. */
const MOST_CORRUPT = 3;
const MOST_REFUSED = 64;

const candidateOf = ({ assigned, signed }: Update): Installed => ({
  version: assigned.version,
  sha256: assigned.sha256,
  digest: signed.digest,
  releaseCounter: assigned.releaseCounter,
  ...(assigned.source !== undefined && { source: assigned.source }),
});

const refuse = (record: ModelRecord, sha256: string, code: string): ModelRecord['refused'] =>
  [...record.refused.filter((entry) => entry.sha256 !== sha256), { sha256, code }].slice(-MOST_REFUSED);

/** Back to what ran before, as far as it may still run. */
const flippedBack = ({ previous, floor }: ModelRecord): Pick<ModelRecord, 'active' | 'previous'> => ({
  active: previous !== null && previous.releaseCounter >= floor ? previous : null,
  previous: null,
});

interface Entry {
  readonly state: UpdateState;
  readonly now: number;
  readonly cause?: Cause | undefined;
  readonly held?: boolean;
}

const enter = (record: ModelRecord, update: Update, { state, now, cause, held = false }: Entry): ModelRecord => {
  const { cause: _before, ...kept } = update;
  const entered: Update = {
    ...kept,
    state,
    sinceAt: now,
    elapsedMs: 0,
    crashes: 0,
    atRest: false,
    retries: 0,
    confirmed: false,
    held,
    ...(cause !== undefined && { cause }),
  };
  if (state === 'probation')
    return { ...record, update: entered, active: candidateOf(update), previous: record.active };
  if (state === 'rolling-back') return { ...record, update: entered, ...flippedBack(record) };
  return { ...record, update: entered };
};

/** Back to what ran before is a rollback, whoever wants it: nobody holds that. */
const isHeld = ({ previous }: ModelRecord, { assigned }: Update, hold: UpdateHold | null): hold is UpdateHold =>
  hold !== null && previous?.sha256 !== assigned.sha256;

const heldCause = ({ until, reason }: UpdateHold): Cause => {
  const why = reason === undefined ? '.' : `: ${reason}`;
  const message = `Updates are held on this device until ${new Date(until).toISOString()}${why}`;
  return { code: UPDATE_HELD, message, until };
};

/** What it has waited counts on. */
const waitIn = (record: ModelRecord, update: Update, { state, cause, now }: Entry): ModelRecord =>
  state === update.state
    ? { ...record, update: { ...update, held: true, cause } }
    : enter(record, update, { state, cause, now, held: true });

/** On to `state`, unless updates are held and its beginning would disturb the machine. */
const goOn = (record: ModelRecord, update: Update, to: Omit<Entry, 'now'>, { now, hold }: Moment): ModelRecord => {
  const { held } = UPDATE_TABLE[update.state];
  return held !== null && isHeld(record, update, hold)
    ? waitIn(record, update, { state: held, now, cause: heldCause(hold) })
    : enter(record, update, { ...to, now });
};

/** Who waits for its time is held at once, the others when they are through with what they began. */
const reconsider = (record: ModelRecord, update: Update, { now, hold }: Moment): ModelRecord => {
  const { work, done, held } = UPDATE_TABLE[update.state];
  if (held === null || !(update.held || work === 'wait')) return record;
  if (isHeld(record, update, hold)) {
    const cause = heldCause(hold);
    const isKnown = update.held && update.cause?.until === cause.until && update.cause?.message === cause.message;
    return isKnown ? record : waitIn(record, update, { state: held, now, cause });
  }
  if (!update.held) return record;
  if (work !== 'wait') return enter(record, update, { state: done, now });
  // A window may have closed meanwhile: the time is asked again.
  const { cause: _over, ...free } = update;
  return { ...record, update: { ...free, held: false } };
};

/** What is no fault of the bundle: it may be tried again by another deployment. */
const OF_THE_MOMENT: ReadonlySet<string> = new Set([
  'UPDATE_DEADLINE_PASSED',
  'UPDATE_FAILED',
  'UPDATE_CORRUPT',
  'UPDATE_NOT_COMPARABLE',
  'ENGINE_UNAVAILABLE',
  'ENGINE_CLOSED',
]);

const fail = (record: ModelRecord, update: Update, cause: Cause, now: number): ModelRecord => {
  const { sha256 } = update.assigned;
  const { failed } = UPDATE_TABLE[update.state];
  const refused = OF_THE_MOMENT.has(cause.code) ? record.refused : refuse(record, sha256, cause.code);
  return enter({ ...record, refused }, update, { state: failed, now, cause });
};

const begin = (
  record: ModelRecord,
  { model, signed }: Extract<UpdateEvent, { type: 'assigned' }>,
  now: number,
): ModelRecord => {
  const fresh: Update = {
    assigned: model,
    signed,
    state: 'assigned',
    sinceAt: now,
    elapsedMs: 0,
    crashes: 0,
    atRest: false,
    retries: 0,
    corrupted: 0,
    confirmed: false,
    held: false,
  };
  if (record.active?.sha256 === model.sha256) return enter(record, fresh, { state: 'committed', now });
  const refusal = record.refused.find(({ sha256 }) => sha256 === model.sha256);
  if (refusal !== undefined) {
    const cause = { code: 'UPDATE_REFUSED_BEFORE', message: `This device refused it before: ${refusal.code}.` };
    return enter(record, fresh, { state: 'rejected', now, cause });
  }
  if (model.releaseCounter < record.floor) {
    const message = `Release counter ${model.releaseCounter} is below the floor ${record.floor} of this device.`;
    return enter(record, fresh, { state: 'rejected', now, cause: { code: 'UPDATE_COUNTER_TOO_LOW', message } });
  }
  return { ...record, update: fresh };
};

const assign = (record: ModelRecord, event: Extract<UpdateEvent, { type: 'assigned' }>, now: number): ModelRecord => {
  const { update } = record;
  const isSame =
    update?.assigned.deploymentId === event.model.deploymentId && update.assigned.sha256 === event.model.sha256;
  if (isSame) return record;
  if (update !== null && !isTerminal(update.state) && !UPDATE_TABLE[update.state].mayLeave) return record;
  return begin(record, event, now);
};

/** The floor rose above what runs: it may not run any longer. */
const raise = (record: ModelRecord, floor: number, now: number): ModelRecord => {
  if (floor <= record.floor) return record;
  const raised = { ...record, floor };
  const { active, update } = raised;
  if (active === null || active.releaseCounter >= floor) return raised;
  const message = `${active.version} has release counter ${active.releaseCounter}, the floor is ${floor} now.`;
  const cause = { code: 'UPDATE_COUNTER_TOO_LOW', message };
  // What replaces an update under way is its own end; what is committed goes back as after a fault.
  const own = update?.assigned.sha256 === active.sha256 ? update : null;
  return own === null
    ? { ...raised, ...flippedBack(raised) }
    : enter(raised, own, { state: 'rolling-back', now, cause });
};

const damage = (record: ModelRecord, sha256: string, cause: Cause, now: number): ModelRecord => {
  const { active, previous, update } = record;
  if (previous?.sha256 === sha256 && active?.sha256 !== sha256) return { ...record, previous: null };
  if (active?.sha256 !== sha256) return record;
  const back = { ...record, ...flippedBack(record) };
  return update === null || update.assigned.sha256 !== sha256
    ? back
    : enter(back, update, { state: 'rolled-back', now, cause });
};

const begunAnew = (record: ModelRecord, update: Update, now: number): ModelRecord => {
  const rule = UPDATE_TABLE[update.state];
  if (rule.work === null) return record;
  if (update.atRest) return { ...record, update: { ...update, atRest: false } };
  if (update.held) return record;
  const crashes = update.crashes + 1;
  if (crashes <= rule.crashes)
    return rule.crashes === Infinity ? record : { ...record, update: { ...update, crashes } };
  const message = `The agent ended ${crashes} times while it was in ${update.state}.`;
  return fail(record, update, { code: 'UPDATE_CRASHED', message }, now);
};

const progress = (
  record: ModelRecord,
  update: Update,
  { elapsedMs, facts }: Extract<UpdateEvent, { type: 'progress' }>,
  now: number,
): ModelRecord => {
  const moved = { ...update, ...facts, elapsedMs };
  if (elapsedMs <= UPDATE_TABLE[update.state].deadlineMs(update.assigned)) return { ...record, update: moved };
  const waitedFor = update.cause === undefined ? '' : ` Last: ${update.cause.message}`;
  const message = `Not over ${update.state} within ${Math.round(elapsedMs / 1_000)} s.${waitedFor}`.slice(0, 512);
  return fail(record, moved, { code: 'UPDATE_DEADLINE_PASSED', message }, now);
};

/**
 * The record after `event`; the same one where the event says nothing new, so that any may come twice. What is to be done then is
 * the work of its state. Legal in every state: a late event of another state changes nothing.
 */
export const afterEvent = (record: ModelRecord | undefined, event: UpdateEvent, moment: Moment): ModelRecord => {
  const { now } = moment;
  const before = record ?? EMPTY_MODEL;
  if (event.type === 'assigned') return assign(before, event, now);
  if (event.type === 'floor') return raise(before, event.floor, now);
  if (event.type === 'damaged') return damage(before, event.sha256, event.cause, now);
  const { update } = before;
  if (update === null) return before;
  const rule = UPDATE_TABLE[update.state];
  switch (event.type) {
    case 'withdrawn':
      return rule.mayLeave ? enter(before, update, { state: 'canceled', now }) : before;
    case 'started':
      return begunAnew(before, update, now);
    case 'stopping':
      return rule.work === null || rule.crashes === Infinity
        ? before
        : { ...before, update: { ...update, atRest: true } };
    case 'waiting': {
      if (update.state !== 'assigned' && update.state !== 'wait-window') return before;
      return update.held || (update.state === 'wait-window' && update.cause?.code === event.cause.code)
        ? before
        : goOn(before, update, { state: 'wait-window', cause: event.cause }, moment);
    }
    case 'corrupt': {
      if (update.state !== 'verifying') return before;
      const corrupted = update.corrupted + 1;
      if (corrupted >= MOST_CORRUPT) return fail(before, update, event.cause, now);
      // It is fetched anew: a download that begins, as one that was just assigned.
      const again = { ...update, corrupted, state: 'assigned' } as const;
      return goOn(before, again, { state: 'downloading', cause: event.cause }, moment);
    }
    case 'confirmed':
      return update.state === 'committed' && !update.confirmed
        ? { ...before, update: { ...update, confirmed: true } }
        : before;
    case 'hold-changed':
      return reconsider(before, update, moment);
    case 'progress':
      return isAtWork(update, event.in) ? progress(before, update, event, now) : before;
    case 'failed':
      if (!isAtWork(update, event.in)) return before;
      return event.retryable
        ? { ...before, update: { ...update, cause: event.cause, retries: update.retries + 1 } }
        : fail(before, { ...update, ...event.facts }, event.cause, now);
    case 'done':
      if (!isAtWork(update, event.in)) return before;
      return goOn(before, { ...update, ...event.facts }, { state: rule.done, cause: keptCause(update) }, moment);
  }
};

/** Whether the work of `state` is what it does. */
const isAtWork = (update: Update, state: UpdateState): boolean =>
  state === update.state && !update.held && !isTerminal(state);

/** Why it was rolled back stays known once it is. */
const keptCause = ({ state, cause }: Update): Cause | undefined => (state === 'rolling-back' ? cause : undefined);
