/** Full agents with real engines and simulated pumps, several in one process, each with its own data folder. */
import { join } from 'node:path';
import { createAgent, type Agent, type Clock } from '@shoal/device-agent';
import type { DeviceClock } from './faults/clock.ts';
import { FLEET_MODELS, fullAgentConfig, pumpModelViews } from './full-agent-config.ts';
import { agentHistory, compareAgent } from './ledger/agent-history.ts';
import type { GivenSample } from './ledger/compare-samples.ts';
import { addFindings, NOTHING_FOUND, type Findings } from './ledger/findings.ts';
import { clockOf, pumpFaultsOf } from './light-fleet.ts';
import { sisterStream } from './physics/pump-stream.ts';
import { PumpSource } from './pump-source.ts';
import type { Scenario } from './scenario.ts';
import type { FleetMember } from './start/fleet-view.ts';

export interface FullFleetOptions {
  readonly host: string;
  readonly port: number;
  readonly scenario: Scenario;
  readonly deviceId: (index: number) => string;
  readonly trueNow: DeviceClock;
  /** Where updates of models come from. */
  readonly httpUrl: string;
  /** One folder per agent is made in it. */
  readonly dataDir: string;
  /** Remember every sample given, for `compare`. */
  readonly keepsLedger: boolean;
}

/** The only rate the pump model knows. */
const PERIOD_MS = 1_000;
/** A minute and a half: people who watch a simulation wait no longer, and its pumps are steady from the first second. */
const CALIBRATION_SAMPLES = 90;

interface FullPump {
  readonly deviceId: string;
  readonly agent: Agent;
  readonly source: PumpSource;
  readonly given: GivenSample[];
}

const agentClock = (now: DeviceClock): Clock => ({ now, monotonic: () => performance.now() });

const fullPump = (options: FullFleetOptions, index: number): FullPump => {
  const { scenario, host, port, httpUrl, keepsLedger } = options;
  const deviceId = options.deviceId(index);
  const clock = clockOf(scenario, index, options.trueNow);
  const given: GivenSample[] = [];
  const source = new PumpSource({
    stream: sisterStream(`${scenario.seed}/${deviceId}`, pumpFaultsOf(scenario, index)),
    clock,
    periodMs: PERIOD_MS,
    onGiven: (sample) => void (keepsLedger && given.push(sample)),
  });
  const models = FLEET_MODELS.map((bundle) => ({ bundle, calibrationSamples: CALIBRATION_SAMPLES }));
  const config = fullAgentConfig(
    { deviceId, host, port, dataDir: join(options.dataDir, deviceId) },
    { models, updates: { url: httpUrl } },
  );
  return { deviceId, source, given, agent: createAgent(config, { sensors: [source], clock: agentClock(clock) }) };
};

const memberOf = ({ deviceId, agent }: FullPump): FleetMember => ({
  deviceId,
  kind: 'full',
  link: () => agent.status().uplink.state,
  sent: () => {
    const { counters, outbox } = agent.status();
    return Math.max(0, counters.readings + counters.predictions + counters.events - outbox.depth - outbox.uncommitted);
  },
  outbox: () => {
    const { depth, uncommitted } = agent.status().outbox;
    return depth + uncommitted;
  },
});

export class FullFleet {
  private readonly pumps: readonly FullPump[];

  constructor(options: FullFleetOptions) {
    const { full } = options.scenario.devices;
    this.pumps = Array.from({ length: full }, (_, index) => fullPump(options, index));
  }

  get members(): readonly FleetMember[] {
    return this.pumps.map(memberOf);
  }

  /** Throws what `Agent.start` throws. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(this.pumps.map(async ({ agent }) => agent.start(signal)));
  }

  /** The pumps give no more samples; the agents go on sending what they have. */
  fallSilent(): void {
    for (const { source } of this.pumps) source.fallSilent();
  }

  /** Every window answered and every record acknowledged; only after `fallSilent`. Rejects when the signal aborts. */
  async finished(signal: AbortSignal): Promise<void> {
    await Promise.all(this.pumps.map(async ({ agent }) => agent.finished(signal)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.pumps.map(async ({ agent }) => agent.stop()));
  }

  /** @throws SimulatorError SERVER_ANSWER_INVALID */
  async compare(httpUrl: string): Promise<Findings> {
    const views = await pumpModelViews(FLEET_MODELS);
    let findings = NOTHING_FOUND;
    for (const { deviceId, given } of this.pumps) {
      const history = await agentHistory(httpUrl, deviceId);
      findings = addFindings(findings, compareAgent(history, given, views).all);
    }
    return findings;
  }
}
