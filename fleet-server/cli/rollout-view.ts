/** Rollouts on the terminal: tables, one rollout with its stages as bars, and plans. */
import type { Rollout, RolloutDevice, RolloutEvent, RolloutPlan, RolloutStage } from '@shoal/protocol';
import type { CommandContext } from './command-context.ts';
import { ageText, instantText } from './moments.ts';
import { factsOf, tableOf, type Cell } from './table.ts';
import type { Terminal } from './terminal.ts';

const BAR = 24;
/** Marks of a bar, in this order. */
const MARKS = [
  { mark: '█', colour: 'green', states: ['succeeded'] },
  { mark: 'x', colour: 'red', states: ['failed', 'drifted', 'rollback-failed'] },
  { mark: '▒', colour: 'cyan', states: ['assigned', 'rolling-back'] },
  { mark: '~', colour: 'gray', states: ['late', 'held', 'canceled', 'superseded', 'rolled-back'] },
] as const;

const shareOf = ({ counts, devices }: RolloutStage, states: readonly (keyof RolloutStage['counts'])[]): number =>
  states.reduce((sum, state) => sum + (counts[state] ?? 0), 0) / Math.max(1, devices);

/** What is there shows at least one mark. */
const bar = (terminal: Terminal, stage: RolloutStage): string => {
  let free = BAR;
  const parts = MARKS.map(({ mark, colour, states }) => {
    const share = shareOf(stage, states);
    const width = Math.min(free, share === 0 ? 0 : Math.max(1, Math.round(share * BAR)));
    free -= width;
    return width === 0 ? '' : terminal.paint(colour, mark.repeat(width));
  });
  return `${parts.join('')}${'·'.repeat(free)}`;
};

const countsText = ({ counts }: RolloutStage): string =>
  Object.entries(counts)
    .map(([state, devices]) => `${devices} ${state}`)
    .join(', ');

const stageText = ({ openedAt, passedAt, soakingSince, waitsFor }: RolloutStage): string => {
  if (passedAt !== null) return 'passed';
  if (openedAt === null) return 'not open';
  return soakingSince === null ? `waits for ${waitsFor ?? 'its gate'}` : 'soaks';
};

export const stageLines = (terminal: Terminal, { stages }: Rollout): string =>
  tableOf(
    terminal,
    ['STAGE', 'DEVICES', 'PROGRESS', 'COUNTS', 'GATE'],
    stages.map((stage) => [stage.stage, stage.devices, bar(terminal, stage), countsText(stage), stageText(stage)]),
  );

const stateText = ({ state, cause }: Rollout): string => (cause === null ? state : `${state}: ${cause.message}`);

export const headLine = (rollout: Rollout): string => {
  const { rolloutId, name, model, version } = rollout;
  return `${rolloutId}  ${name}  (${model} ${version})  ${stateText(rollout)}`;
};

export const showRollout = ({ terminal, json }: CommandContext, rollout: Rollout): void => {
  if (json) return terminal.json(rollout);
  const facts: (readonly [string, Cell])[] = [
    ['rollout', rollout.rolloutId],
    ['name', rollout.name],
    ['release', `${rollout.model} ${rollout.version}`],
    ['digest', rollout.digest],
    ['state', rollout.state],
    ['cause', rollout.cause === null ? null : `${rollout.cause.code}: ${rollout.cause.message}`],
    ['made', `${instantText(rollout.createdAt)} by ${rollout.createdBy}`],
    ['approved by', rollout.approvedBy],
    ['started', instantText(rollout.startedAt)],
    ['finished', instantText(rollout.finishedAt)],
    ['control', rollout.control],
  ];
  terminal.data(factsOf(terminal, facts));
  terminal.data(`\n${stageLines(terminal, rollout)}`);
};

export const showTimeline = ({ terminal }: CommandContext, events: readonly RolloutEvent[]): void => {
  const rows = events.map(({ at, kind, stage, deviceId, by, cause }) => [
    instantText(at),
    kind,
    stage === 0 ? null : stage,
    deviceId,
    by,
    cause === null ? null : `${cause.code}: ${cause.message}`,
  ]);
  terminal.data(`\n${tableOf(terminal, ['AT', 'WHAT', 'STAGE', 'DEVICE', 'BY', 'CAUSE'], rows)}`);
};

export const showDevices = ({ terminal, json }: CommandContext, devices: readonly RolloutDevice[]): void => {
  if (json) return terminal.json(devices);
  if (devices.length === 0) return terminal.talk('No device matches.');
  const rows = devices.map((device) => [
    device.deviceId,
    device.stage === 0 ? 'control' : device.stage,
    device.state,
    device.updateState,
    device.ranBefore,
    device.runs,
    device.hardwareClass,
    device.cause === null ? null : `${device.cause.code}: ${device.cause.message}`,
  ]);
  terminal.data(tableOf(terminal, ['DEVICE', 'STAGE', 'STATE', 'UPDATE', 'BEFORE', 'RUNS', 'CLASS', 'CAUSE'], rows));
};

export const showRollouts = ({ terminal, json, now }: CommandContext, rollouts: readonly Rollout[]): void => {
  if (json) return terminal.json(rollouts);
  if (rollouts.length === 0) return terminal.talk('No rollout matches.');
  const rows = rollouts.map((rollout) => [
    rollout.rolloutId,
    rollout.state,
    `${rollout.stage}/${rollout.stages.length}`,
    rollout.model,
    rollout.version,
    rollout.stages.reduce((sum, { devices }) => sum + devices, 0),
    ageText(rollout.createdAt, now()),
    rollout.cause?.code,
    rollout.name,
  ]);
  const heads = ['ROLLOUT', 'STATE', 'STAGE', 'MODEL', 'VERSION', 'DEVICES', 'MADE', 'CAUSE', 'NAME'];
  terminal.data(tableOf(terminal, heads, rows));
};

const listOf = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

export const showPlan = ({ terminal, json }: CommandContext, plan: RolloutPlan): void => {
  if (json) return terminal.json(plan);
  const rows = plan.stages.map(({ stage, devices, offline, byHardwareClass }) => [
    stage,
    devices,
    offline,
    listOf(byHardwareClass),
  ]);
  terminal.data(tableOf(terminal, ['STAGE', 'DEVICES', 'OFFLINE', 'CLASSES'], rows));
  const facts: (readonly [string, Cell])[] = [
    ['release', `${plan.release.version}, counter ${plan.release.releaseCounter}, ${plan.release.lengthBytes} bytes`],
    ['matching', plan.matching],
    ['control', plan.control],
    ['in no stage', plan.notReached],
    ['left out', listOf(plan.excludedBy) || null],
    ['takes over from', plan.supersedes.join(' ') || null],
  ];
  terminal.data(`\n${factsOf(terminal, facts)}`);
};
