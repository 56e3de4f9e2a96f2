/** Draws who belongs to which stage: by a hash of rollout and device, every hardware class in proportion. */
import { hash53 } from '@shoal/models';
import type { RolloutDefinition } from '@shoal/protocol';
import { CONTROL } from './rollout.ts';

export interface Candidate {
  readonly deviceId: string;
  readonly hardwareClass: string;
}

/** Devices that a stage ends with, all stages before it included; never less than the stage before. */
export const stageEnds = (stages: RolloutDefinition['stages'], total: number): readonly number[] => {
  let reached = 0;
  return stages.map(({ to }) => {
    const end = 'percent' in to ? Math.ceil((to.percent / 100) * total) : to.devices;
    reached = Math.min(total, Math.max(reached, end));
    return reached;
  });
};

const drawn = (rolloutId: string, deviceId: string): number => hash53(`${rolloutId}/${deviceId}`);

/**
 * An order whose every beginning has each class in proportion, rounded up: a class has its k-th of n devices at k/n, so one
 * of each comes before the second of any. The same devices give the same order whatever order they came in.
 */
const stratified = (rolloutId: string, candidates: readonly Candidate[]): string[] => {
  const classes = new Map<string, { readonly deviceId: string; readonly hash: number }[]>();
  for (const { deviceId, hardwareClass } of candidates) {
    const members = classes.get(hardwareClass) ?? [];
    members.push({ deviceId, hash: drawn(rolloutId, deviceId) });
    classes.set(hardwareClass, members);
  }
  const placed = [...classes.values()].flatMap((members) =>
    members
      .toSorted((a, b) => a.hash - b.hash || (a.deviceId < b.deviceId ? -1 : 1))
      .map((member, rank) => ({ ...member, at: rank / members.length })),
  );
  return placed
    .toSorted((a, b) => a.at - b.at || a.hash - b.hash || (a.deviceId < b.deviceId ? -1 : 1))
    .map(({ deviceId }) => deviceId);
};

/** Device → index of its stage, or CONTROL; who is in no stage is left out. Control is drawn from the far end. */
export const drawCohort = (
  rolloutId: string,
  candidates: readonly Candidate[],
  { stages, cohort }: Pick<RolloutDefinition, 'stages' | 'cohort'>,
): ReadonlyMap<string, number> => {
  const order = stratified(rolloutId, candidates);
  const control = Math.ceil((cohort.controlPercent / 100) * order.length);
  const treated = order.slice(0, order.length - control);
  const ends = stageEnds(stages, treated.length);
  const stageOf = new Map<string, number>();
  treated.forEach((deviceId, index) => {
    const stage = ends.findIndex((end) => index < end);
    if (stage >= 0) stageOf.set(deviceId, stage);
  });
  for (const deviceId of order.slice(order.length - control)) stageOf.set(deviceId, CONTROL);
  return stageOf;
};

const DRAW_RANGE = 2 ** 53;

/**
 * Where somebody who comes later belongs: drawn by the same hash against the shares of the stages, and never into a stage
 * that is through.
 */
export const stageOfJoiner = (
  rolloutId: string,
  deviceId: string,
  { stages }: Pick<RolloutDefinition, 'stages'>,
  current: number,
): number => {
  const share = drawn(rolloutId, deviceId) / DRAW_RANGE;
  const drawnStage = stages.findIndex(({ to }) => 'percent' in to && share * 100 < to.percent);
  return Math.max(current, drawnStage < 0 ? stages.length - 1 : drawnStage);
};
