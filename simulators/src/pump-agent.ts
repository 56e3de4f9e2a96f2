/** One full agent with a simulated pump that runs faster than time, for runs that wait for windows. */
import { createAgent, type Agent } from '@shoal/device-agent';
import { fullAgentConfig, PUMP_MODEL } from './full-agent-config.ts';
import { sisterStream } from './physics/pump-stream.ts';
import { PumpSource } from './pump-source.ts';

export interface PumpAgentOptions {
  readonly deviceId: string;
  readonly hardwareClass: string;
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  /** Where updates come from. */
  readonly httpUrl: string;
  /** That it begins with. */
  readonly version: string;
  /** Who may sign updates: key id to PEM file. */
  readonly trustedKeys: Readonly<Record<string, string>>;
}

export interface PumpAgent {
  readonly deviceId: string;
  readonly agent: Agent;
}

const SAMPLE_MS = 1_000;
/** Twenty times as fast as time. */
const PERIOD_MS = 50;
const CALIBRATION_SAMPLES = 90;
/** Two windows: what takes longer falls behind. */
const DEADLINE_MS = 1_000;

export const pumpAgent = (options: PumpAgentOptions): PumpAgent => {
  const { deviceId, hardwareClass, version, httpUrl, trustedKeys } = options;
  const stream = sisterStream(`pump-agent/${deviceId}`, []);
  const source = new PumpSource({ stream, clock: Date.now, periodMs: PERIOD_MS, stepMs: SAMPLE_MS });
  const models = [{ bundle: PUMP_MODEL, version, calibrationSamples: CALIBRATION_SAMPLES }];
  const config = fullAgentConfig(options, {
    hardwareClass,
    models,
    updates: { url: httpUrl },
    inference: { deadlineMs: DEADLINE_MS, trustedKeys },
  });
  const clock = { now: Date.now, monotonic: () => performance.now() };
  return { deviceId, agent: createAgent(config, { sensors: [source], clock }) };
};
