/** What clients fetch and report of their actions: stored before it is answered, so that what was told is never forgotten. */
import { Injectable } from '@nestjs/common';
import type { DdiFeedback } from '@shoal/protocol';
import { AuditService } from '../../audit/audit.service.ts';
import {
  ControlDatabase,
  type Connection,
  type SystemActionRow,
  type SystemImageRow,
  type Transaction,
} from '../../db/database.ts';
import { FleetError } from '../../errors.ts';
import { afterCancelReport, afterReport, isFinal, type StoredState } from './action-state.ts';
import { subjectOf } from './actions.service.ts';
import { ActionsStore } from './actions.store.ts';
import { ImagesStore } from './images.store.ts';
import { Surroundings } from './surroundings.service.ts';
import { actorOfTarget } from './targets.service.ts';
import { TargetsStore } from './targets.store.ts';

/** A target's own words are cut, never refused: what it reports of its update must not be lost for its length. */
const MESSAGES = 50;
const MESSAGE_CHARACTERS = 1_000;

/** An action as a client names it. */
export interface ActionOfClient {
  readonly targetId: string;
  readonly actionId: number;
}

export interface Deployment {
  readonly action: SystemActionRow;
  readonly image: SystemImageRow;
}

@Injectable()
export class ClientWork {
  private readonly actions = new ActionsStore();
  private readonly images = new ImagesStore();
  private readonly targets = new TargetsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, audit: AuditService, around: Surroundings) {
    this.database = database;
    this.audit = audit;
    this.around = around;
  }

  /** What a poll is answered with: the oldest that is open. */
  async next(targetId: string): Promise<SystemActionRow | undefined> {
    const [oldest] = await this.actions.open(this.database, targetId);
    return oldest;
  }

  /** From here on the target may have begun: before, it is canceled without asking. @throws FleetError SYSTEM_ACTION_NOT_FOUND */
  async deployment(asked: ActionOfClient): Promise<Deployment> {
    return this.database.transaction().execute(async (transaction) => {
      const found = await this.required(transaction, asked);
      if (found.state === 'canceling' || found.state === 'canceled') throw missing(asked);
      const image = await this.imageOf(transaction, found);
      if (found.state !== 'pending') return { action: found, image };
      const now = this.around.clock.now();
      const event = { at: now, what: 'offered', messages: '[]' };
      const action = await this.actions.note(transaction, found, { state: 'offered', ...heard(now) }, event);
      return { action, image };
    });
  }

  /** @throws FleetError SYSTEM_ACTION_NOT_FOUND */
  async installed(asked: ActionOfClient): Promise<Deployment> {
    const action = await this.required(this.database, asked);
    if (!isFinal(action.state)) throw missing(asked);
    return { action, image: await this.imageOf(this.database, action) };
  }

  /** @throws FleetError SYSTEM_ACTION_NOT_FOUND */
  async cancellation(asked: ActionOfClient): Promise<SystemActionRow> {
    const action = await this.required(this.database, asked);
    if (action.state !== 'canceling' && action.state !== 'canceled') throw missing(asked);
    return action;
  }

  /** Newest first. */
  async messages(actionId: number): Promise<string[]> {
    const events = await this.actions.events(this.database, actionId);
    return events.toReversed().flatMap(({ messages }) => JSON.parse(messages) as string[]);
  }

  /**
   * What comes after the end is noted, and refused where it says another end; an answer that was lost is given again.
   * @throws FleetError SYSTEM_ACTION_NOT_FOUND | SYSTEM_ACTION_CLOSED
   */
  async report(asked: ActionOfClient, feedback: DdiFeedback, about: 'deployment' | 'cancel'): Promise<void> {
    const contradicts = await this.audit.change(async (transaction, record) => {
      const row = await this.required(transaction, asked);
      const before = row.state as StoredState;
      const decide = about === 'deployment' ? afterReport : afterCancelReport;
      const state = decide(before, feedback.status);
      const now = this.around.clock.now();
      const ends = isFinal(state) && !isFinal(before);
      await this.actions.note(
        transaction,
        row,
        {
          state,
          ...heard(now),
          ...(ends && { finished_at: now }),
          ...(!isFinal(before) && progressOf(feedback)),
        },
        { at: now, what: wordOf(feedback, about), messages: JSON.stringify(messagesOf(feedback)) },
      );
      if (!ends) return isFinal(before) && decide('proceeding', feedback.status) !== before && about === 'deployment';
      if (state === 'finished') await this.noteInstalled(transaction, row);
      await record({
        actor: actorOfTarget(asked.targetId, null),
        action: `system-action.${state}`,
        subject: subjectOf(row),
        before: { state: before },
        after: { state },
      });
      return false;
    });
    if (contradicts)
      throw new FleetError('SYSTEM_ACTION_CLOSED', `Action ${asked.actionId} is over; the report is in its history.`);
  }

  /** The image of a number, when the target was given it. @throws FleetError SYSTEM_IMAGE_NOT_FOUND */
  async given(targetId: string, imageNumber: number): Promise<SystemImageRow> {
    const image = await this.images.ofNumber(this.database, imageNumber);
    if (image !== undefined && (await this.actions.isGiven(this.database, targetId, image.image))) return image;
    throw new FleetError('SYSTEM_IMAGE_NOT_FOUND', `No image ${imageNumber} is there for ${targetId}.`);
  }

  /** A download began, or goes on after it was cut. */
  async downloads(targetId: string, image: SystemImageRow, fromByte: number): Promise<void> {
    await this.database.transaction().execute(async (transaction) => {
      const open = await this.actions.open(transaction, targetId);
      const row = open.find((candidate) => candidate.image === image.image && candidate.state !== 'pending');
      if (row === undefined) return;
      const now = this.around.clock.now();
      const state = row.state === 'offered' ? 'downloading' : row.state;
      const messages = JSON.stringify(fromByte === 0 ? [] : [`from byte ${fromByte} on`]);
      await this.actions.note(transaction, row, { state, ...heard(now) }, { at: now, what: 'download', messages });
    });
  }

  /** The target is asked anew what it is: it is another system now. */
  private async noteInstalled(
    transaction: Transaction,
    { target_id, action_id, image }: SystemActionRow,
  ): Promise<void> {
    const installed = { installed_action: action_id, installed_image: image, asks_attributes: 1 };
    await this.targets.change(transaction, target_id, installed);
  }

  private async required(db: Connection, asked: ActionOfClient): Promise<SystemActionRow> {
    const row = await this.actions.find(db, asked.actionId);
    if (row?.target_id === asked.targetId) return row;
    throw missing(asked);
  }

  private async imageOf(db: Connection, { image }: SystemActionRow): Promise<SystemImageRow> {
    const row = await this.images.find(db, image);
    if (row !== undefined) return row;
    throw new FleetError('SYSTEM_IMAGE_NOT_FOUND', `The image ${image} was removed.`);
  }
}

/** It owes the next report from now on. */
const heard = (now: number) => ({ heard_at: now, quiet_since: now });

const missing = ({ targetId, actionId }: ActionOfClient): FleetError =>
  new FleetError('SYSTEM_ACTION_NOT_FOUND', `No action ${actionId} of ${targetId} that could be asked for so.`);

const messagesOf = ({ status: { details, code } }: DdiFeedback): string[] =>
  [...(details ?? []), ...(typeof code === 'number' ? [`status code ${code}`] : [])]
    .filter((text) => text.trim() !== '')
    .slice(0, MESSAGES)
    .map((text) => text.slice(0, MESSAGE_CHARACTERS));

const wordOf = ({ status: { execution, result } }: DdiFeedback, about: 'deployment' | 'cancel'): string =>
  `${about === 'cancel' ? 'cancel ' : ''}${execution}${result.finished === 'none' ? '' : ` ${result.finished}`}`;

/** SWUpdate counts from nothing to nothing when it has nothing to count. */
const progressOf = ({ status }: DdiFeedback): Pick<SystemActionRow, 'progress_done' | 'progress_of'> | undefined => {
  const { cnt, of } = status.result.progress ?? {};
  if (typeof cnt !== 'number' || typeof of !== 'number' || of === 0) return undefined;
  return { progress_done: cnt, progress_of: of };
};
