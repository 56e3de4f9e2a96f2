/** Kills agents under load again and again, with the server away for part of the time, and accounts for every sample. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AgentLedger } from '../agent/agent-ledger.ts';
import { AgentUnderFire, COMMIT_WINDOW_MS, SENSORS } from '../agent/agent-under-fire.ts';
import { readArrivals } from '../agent/arrivals.ts';
import { compareSamples } from '../agent/sample-ledger.ts';
import { ServerProgram } from '../processes/server-program.ts';
import { Tally } from './tally.ts';

export interface AgentKillOptions {
  /** Kills with samples in the commit window to reach. */
  readonly killsUnderLoad: number;
  readonly random: () => number;
  readonly log: (line: string) => void;
}

export interface AgentKillResult {
  readonly kills: number;
  /** Samples were produced within the commit window before the kill. */
  readonly killsUnderLoad: number;
  readonly produced: number;
  readonly accepted: number;
  readonly arrived: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly orderViolations: number;
  readonly lostInWindow: number;
  readonly lostBeyondWindow: number;
  /** From its making to its kill, of the oldest lost sample. */
  readonly worstLossMs: number;
  readonly integrityFailures: number;
  /** Sentences; each is a fault. */
  readonly faults: readonly string[];
}

const AGENTS = 4;
const UPTIME_MS = [300, 1_500] as const;
const RECOVERY_KILL_SHARE = 0.2;
const RECOVERY_MS = 500;
/** The server is away in the third and fourth of every four rounds. */
const ROUNDS_PER_TURN = 4;
const ROUNDS_WITH_SERVER = 2;
const SIGHT_EVERY_MS = 60;

interface Target {
  readonly agent: AgentUnderFire;
  readonly ledger: AgentLedger;
}

class AgentKills {
  private readonly options: AgentKillOptions;
  private readonly folder: string;
  private readonly tally = new Tally();
  private readonly server: ServerProgram;

  constructor(options: AgentKillOptions, folder: string) {
    this.options = options;
    this.folder = folder;
    this.server = new ServerProgram(join(folder, 'server'));
  }

  async run(): Promise<AgentKillResult> {
    await this.server.start();
    const targets = this.makeTargets();
    try {
      const underLoad = (): number => targets.reduce((sum, { agent }) => sum + killsUnderLoad(agent), 0);
      const { killsUnderLoad: target } = this.options;
      for (let round = 0; underLoad() < target && round < target; round += 1) {
        await this.setServer(round % ROUNDS_PER_TURN < ROUNDS_WITH_SERVER);
        await allDone(targets.map((victim) => this.strike(victim)));
        this.options.log(`agents killed ${this.tally.get('kills')} times`);
      }
      await this.setServer(true);
      await allDone(targets.map((target) => this.drain(target)));
      for (const target of targets) await this.account(target);
    } finally {
      for (const { agent } of targets) await agent.dispose();
      await this.server.kill();
    }
    return this.result();
  }

  private makeTargets(): Target[] {
    return Array.from({ length: AGENTS }, (_, index) => {
      const folder = join(this.folder, `agent-${index}`);
      mkdirSync(folder);
      const agent = new AgentUnderFire({ folder, deviceId: `target-${index}`, fleetPort: this.server.mqttPort });
      return { agent, ledger: new AgentLedger() };
    });
  }

  private async setServer(isThere: boolean): Promise<void> {
    if (this.server.isRunning === isThere) return;
    if (isThere) await this.server.start();
    else await this.server.kill();
  }

  private async strike({ agent, ledger }: Target): Promise<void> {
    const { random } = this.options;
    if (random() < RECOVERY_KILL_SHARE) {
      ledger.look(await agent.killInRecovery(random() * RECOVERY_MS), 0);
      this.tally.add('kills', 1);
    }
    await agent.start();
    let claimed = await agent.sight();
    for (const end = Date.now() + UPTIME_MS[0] + random() * (UPTIME_MS[1] - UPTIME_MS[0]); Date.now() < end;) {
      await pause(SIGHT_EVERY_MS);
      claimed = await agent.sight();
    }
    await pause(random() * COMMIT_WINDOW_MS);
    ledger.look(await agent.kill(), claimed);
    this.tally.add('kills', 1);
  }

  private async drain({ agent, ledger }: Target): Promise<void> {
    if (await agent.drain()) ledger.look(agent.inspect(), 0);
    else
      this.tally.fault('undrained', `${agent.deviceId} did not drain; it said: ${agent.logTail.at(-1) ?? 'nothing'}.`);
  }

  private async account({ agent, ledger }: Target): Promise<void> {
    const arrived = await readArrivals(this.server.httpUrl, this.server.dataDir, agent.deviceId);
    const findings = ledger.compare(agent.deviceId, arrived);
    this.tally.addFindings(findings);
    this.tally.add('arrived', arrived.length);
    this.tally.add('accepted', findings.accepted);
    this.tally.add('orderViolations', findings.orderViolations);
    if (findings.altered > 0) this.tally.fault('altered', `${agent.deviceId}: ${findings.altered} records altered.`);
    for (const fault of ledger.faults) this.tally.fault('integrityFailures', `${agent.deviceId}: ${fault}`);
    for (const { name } of SENSORS) {
      const numbers = arrived.flatMap(({ record }) =>
        'values' in record && record.source === name ? [record.values['Number'] ?? 0] : [],
      );
      const samples = compareSamples(agent, name, numbers);
      this.tally.add('produced', samples.produced);
      this.tally.add('lostInWindow', samples.lostInWindow);
      this.tally.add('lostBeyondWindow', samples.lostBeyondWindow);
      this.tally.add('duplicated', samples.duplicated);
      this.tally.raise('worstLossMs', samples.worstLossMs);
    }
    this.tally.add('underLoad', killsUnderLoad(agent));
  }

  private result(): AgentKillResult {
    const count = (name: string): number => this.tally.get(name);
    return {
      kills: count('kills'),
      killsUnderLoad: count('underLoad'),
      produced: count('produced'),
      accepted: count('accepted'),
      arrived: count('arrived'),
      lost: count('lost'),
      duplicated: count('duplicated'),
      orderViolations: count('orderViolations'),
      lostInWindow: count('lostInWindow'),
      lostBeyondWindow: count('lostBeyondWindow'),
      worstLossMs: count('worstLossMs'),
      integrityFailures: count('integrityFailures'),
      faults: this.tally.faults,
    };
  }
}

/** Waits for all of them, also when one fails, so that none starts anything after the rest was cleared away. */
const allDone = async (work: readonly Promise<void>[]): Promise<void> => {
  for (const outcome of await Promise.allSettled(work)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
};

const killsUnderLoad = (agent: AgentUnderFire): number => {
  const produced = agent.produced(SENSORS[0].name);
  return agent.outages.filter(({ killedAt }) =>
    produced.some(({ at }) => at <= killedAt && at > killedAt - COMMIT_WINDOW_MS),
  ).length;
};

export const killAgents = async (options: AgentKillOptions): Promise<AgentKillResult> => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-kill-'));
  try {
    return await new AgentKills(options, folder).run();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
