/** `npm start`: the server and a fleet of simulated pumps, until Ctrl-C or for a while, then the ledger. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { ScoringSchedule } from '@shoal/protocol';
import { SimulatorError } from '../errors.ts';
import { smallDiskObstacle } from '../faults/disk.ts';
import { FullFleet } from '../full-fleet.ts';
import { Ledger } from '../ledger.ts';
import { addFindings, agrees, type Findings } from '../ledger/findings.ts';
import { findingsReport } from '../ledger/report.ts';
import { LightFleet } from '../light-fleet.ts';
import { roughWeather } from '../rough-weather.ts';
import { playScenario } from '../scenario-player.ts';
import { readScenario, type Scenario } from '../scenario.ts';
import { seededRandom } from '../seeded-random.ts';
import { Testbed } from '../testbed.ts';
import { fleetTable, summaryLine, viewFleet, type FleetMember } from './fleet-view.ts';
import { describeDisturbance } from './describe-disturbance.ts';
import { defineNightly } from './nightly-scores.ts';
import type { StartOptions } from './options.ts';
import type { RunSurroundings } from './run-surroundings.ts';
import type { Terminal } from './terminal.ts';
import { welcome } from './welcome.ts';

const SMALL_DISK_BYTES = 512 * 1_048_576;
const REDRAW_MS = 1_000;
const LINE_EVERY_MS = 5_000;
const DRAIN_PATIENCE_MS = 60_000;
const DEFAULT_DEVICES = 25;
const DEFAULT_FULL = 3;
/** Lines of a live screen that are not devices. */
const FRAME_LINES = 14;

/** @throws SimulatorError SCENARIO_INVALID */
const scenarioOf = (options: StartOptions): Scenario => {
  if (options.scenario === undefined) {
    const total = options.devices ?? DEFAULT_DEVICES;
    const size = { total, full: Math.min(total, options.full ?? DEFAULT_FULL) };
    return roughWeather(size, options.faults, options.duration, options.seed);
  }
  try {
    return readScenario(JSON.parse(readFileSync(options.scenario, 'utf8')));
  } catch (cause) {
    if (cause instanceof SimulatorError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SimulatorError('SCENARIO_INVALID', `Cannot read the scenario ${options.scenario}: ${why}.`, { cause });
  }
};

/** When the people who watch are asleep. */
const localNight = (): ScoringSchedule => ({
  cron: '30 2 * * *',
  zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  misfire: 'once',
  jitterS: 0,
  overlap: 'skip',
  blackout: [],
});

const nameOf = (scenario: Scenario) => {
  const digits = Math.max(2, String(scenario.devices.total).length);
  return (index: number): string => `pump-${String(index + 1).padStart(digits, '0')}`;
};

const membersOf = (light: LightFleet, full: FullFleet): FleetMember[] => [
  ...full.members,
  ...light.pumps.map(({ device }): FleetMember => ({
    deviceId: device.deviceId,
    kind: 'light',
    link: () => device.state,
    sent: () => device.counters.sentMessages,
    outbox: () => device.outbox.depth,
  })),
];

const showUntil = async (
  members: readonly FleetMember[],
  bed: Testbed,
  around: RunSurroundings,
  heading: () => string,
) => {
  const { terminal, signal } = around;
  while (!signal.aborted) {
    const view = await viewFleet(bed.httpUrl, members);
    if (signal.aborted) return;
    if (terminal.isLive)
      terminal.redraw(`${heading()}\n${fleetTable(view, Math.max(5, terminal.height - FRAME_LINES))}`);
    else terminal.say(summaryLine(view));
    const waitMs = terminal.isLive ? REDRAW_MS : LINE_EVERY_MS;
    await pause(waitMs, undefined, { signal }).catch(() => undefined);
  }
};

/** Resolves when both fleets have nothing left to send, or patience is over: the ledger then says what is missing. */
const drained = async (light: LightFleet, full: FullFleet): Promise<void> => {
  const patience = AbortSignal.timeout(DRAIN_PATIENCE_MS);
  await full.finished(patience).catch(() => undefined);
  while (!patience.aborted && !light.isDrained) await pause(50);
};

/** @returns the exit code: 1 when a ledger was compared and disagrees */
export const runFleet = async (options: StartOptions, around: RunSurroundings): Promise<number> => {
  const { terminal, dataDir, environment, ports, signal } = around;
  const scenario = scenarioOf(options);
  const durationS = options.duration ?? scenario.durationS;
  const needsDisk = scenario.disk.length > 0;
  const obstacle = needsDisk ? smallDiskObstacle() : undefined;
  if (obstacle !== undefined)
    throw new SimulatorError('PROGRAM_MISSING', `The fault "disk" is impossible: ${obstacle}.`);
  const bed = new Testbed({
    dataDir: `${dataDir}/server`,
    ...ports,
    environment,
    random: seededRandom(`${scenario.seed}/network`),
    badNetwork: scenario.network.length + scenario.resetsAtS.length > 0,
    ...(needsDisk && { smallDiskBytes: SMALL_DISK_BYTES }),
  });
  const places = { ...(await bed.start()), dataDir: needsDisk ? 'in memory, as --faults disk wants it' : dataDir };
  await defineNightly(bed.httpUrl, localNight());
  terminal.say(welcome(places));
  const ledger = new Ledger();
  const keepsLedger = durationS !== undefined;
  const run = {
    host: '127.0.0.1',
    port: bed.devicePort,
    scenario,
    deviceId: nameOf(scenario),
    trueNow: Date.now,
    runId: randomBytes(8).toString('hex'),
  };
  const light = new LightFleet({ ...run, ...(keepsLedger && { onProduced: (production) => ledger.note(production) }) });
  const full = new FullFleet({ ...run, dataDir: `${dataDir}/agents`, keepsLedger });
  const end = new AbortController();
  const until = AbortSignal.any([
    signal,
    end.signal,
    ...(durationS === undefined ? [] : [AbortSignal.timeout(durationS * 1_000)]),
  ]);
  let lastFault = '';
  try {
    light.start(end.signal);
    await full.start(end.signal);
    const weather = playScenario(scenario, bed, until, (disturbance) => {
      lastFault = `fault: ${describeDisturbance(disturbance)}`;
      if (!terminal.isLive) terminal.say(lastFault);
    });
    const heading = (): string => [welcome(places), lastFault].filter(Boolean).join('\n');
    await showUntil(membersOf(light, full), bed, { ...around, signal: until }, heading);
    await weather;
    light.fallSilent();
    full.fallSilent();
    if (!keepsLedger || signal.aborted) return 0;
    terminal.say('waiting until everything is stored …');
    await drained(light, full);
    const findings = addFindings(await ledger.compare(bed.httpUrl), await full.compare(bed.httpUrl));
    return report(findings, options, terminal);
  } finally {
    await Promise.allSettled([light.stop(), full.stop()]);
    end.abort();
    await bed.stop();
  }
};

const report = (findings: Findings, options: StartOptions, terminal: Terminal): number => {
  terminal.say(findingsReport('Ledger', findings));
  if (options.json) terminal.print(JSON.stringify(findings));
  return agrees(findings) ? 0 : 1;
};
