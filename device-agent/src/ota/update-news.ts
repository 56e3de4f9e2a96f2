/** Tells the fleet and the health of the device how updates move on. */
import type { Severity, UpdateState } from '@shoal/protocol/wire';
import type { HealthBoard } from '../health/health-board.port.ts';
import type { EventRecorder } from '../outbox/event-recorder.port.ts';
import { isTerminal } from './update-table.ts';
import type { ModelRecord, Update } from './update-record.ts';

const SEVERITIES: Partial<Readonly<Record<UpdateState, Severity>>> = {
  rejected: 'error',
  'rolling-back': 'warning',
  'rolled-back': 'error',
};

/** One event for each change of state; an update that another took the place of gets its last word first. */
export const tellChange = (
  { events, health }: { readonly events: EventRecorder; readonly health: HealthBoard },
  name: string,
  { update: before }: ModelRecord,
  { update: after }: ModelRecord,
): void => {
  if (after === null) return;
  const isOther =
    before?.assigned.deploymentId !== after.assigned.deploymentId || before.assigned.sha256 !== after.assigned.sha256;
  if (before !== null && isOther && !isTerminal(before.state))
    tell(events, name, { ...before, state: 'superseded' }, before.state);
  if (!isOther && before.state === after.state && before.held === after.held) return;
  tell(events, name, after, isOther ? null : before.state);
  if (after.state === 'rolled-back' || after.state === 'rejected') {
    const sentence = `The update of ${name} to ${after.assigned.version} failed: ${after.cause?.message ?? 'no cause is known'}`;
    health.raise('UPDATE_FAILED', name, sentence);
  } else health.clear('UPDATE_FAILED', name);
};

const tell = (
  events: EventRecorder,
  model: string,
  { assigned, state, cause }: Update,
  from: UpdateState | null,
): void => {
  const { version, deploymentId, sha256 } = assigned;
  const facts = { model, version, deploymentId, sha256, state, from, code: cause?.code ?? null };
  const why = cause === undefined ? '' : ` ${cause.message}`;
  const message = `The update of ${model} to ${version} is ${state}.${why}`.slice(0, 512);
  events.record('model.update', SEVERITIES[state] ?? 'info', message, facts);
  if (state === 'rolled-back') {
    const sentence = `${model} ${version} does not serve any more; what ran before serves again.${why}`.slice(0, 512);
    events.record('model.rolled-back', 'warning', sentence, facts);
  }
};
