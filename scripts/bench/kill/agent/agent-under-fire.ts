/** One real agent with truth sensors: killed, looked at, started again on the same outbox. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { withCrashCopy } from '../database/crash-copy.ts';
import { Program, type ProgramCommand } from '../processes/program.ts';
import { agentCommand } from '../processes/project-programs.ts';
import { siblingProgram } from '../processes/sibling-program.ts';
import { securedSamples, type Sighting } from './sightings.ts';
import { readOutboxCopy, type OutboxCopy } from './outbox-copy.ts';
import { readTruth, type ProducedSample } from './truth-file.ts';

/** From the last moment an outbox could have missed to the moment its agent took samples again. */
export interface Outage {
  readonly killedAt: number;
  readonly readyAt: number;
}

/** Milliseconds; what the outbox documents as its possible loss. */
export const COMMIT_WINDOW_MS = 200;

/** The second is silent for longer than it may be, again and again, so that its agent has alarms to report. */
export const SENSORS = [
  { name: 'steady', everyMs: 10, silenceMs: null },
  { name: 'halting', everyMs: 450, silenceMs: 150 },
] as const;

const COMMIT_MS = 250;

const statusSchema = z.object({
  outbox: z.object({ lastCommittedSequence: z.int() }),
  sensors: z.array(z.object({ name: z.string(), samples: z.int() })),
});

/** Samples `first` to `last` of one sensor, both included. */
export interface SampleRange {
  readonly sensor: string;
  readonly first: number;
  readonly last: number;
}

export interface AgentUnderFireOptions {
  /** Where the agent's data and the truth files lie. */
  readonly folder: string;
  readonly deviceId: string;
  readonly fleetPort: number;
  /** Puts runs with sensors under a tracer. */
  readonly wrap?: (command: ProgramCommand) => ProgramCommand;
}

export class AgentUnderFire {
  readonly deviceId: string;
  readonly dataDir: string;
  readonly outages: Outage[] = [];
  /** Samples that had to survive the kill of their run. */
  readonly secured: SampleRange[] = [];
  private readonly options: AgentUnderFireOptions;
  private program: Program | undefined;
  private localUrl = '';
  private sightings: Sighting[] = [];
  private producedBefore: Readonly<Record<string, number>> = {};

  constructor(options: AgentUnderFireOptions) {
    this.options = options;
    this.deviceId = options.deviceId;
    this.dataDir = join(options.folder, 'data');
  }

  /** Resolves when the agent is ready. */
  async start(): Promise<void> {
    this.sightings = [];
    this.producedBefore = Object.fromEntries(SENSORS.map(({ name }) => [name, this.produced(name).length]));
    this.program = this.prepare();
    const ready = await this.program.start();
    this.localUrl = String(ready['localUrl']);
    const outage = this.outages.pop();
    if (outage !== undefined) this.outages.push({ ...outage, readyAt: Date.now() });
  }

  /** Port of the agent's own API. */
  get localPort(): number {
    return Number(new URL(this.localUrl).port);
  }

  /** Asks the agent how far it is. @returns the last sequence that it says it has committed */
  async sight(): Promise<number> {
    const askedAt = Date.now();
    const response = await fetch(new URL('/status', this.localUrl), { signal: AbortSignal.timeout(5_000) });
    const { outbox, sensors } = statusSchema.parse(await response.json());
    const taken = Object.fromEntries(sensors.map(({ name, samples }) => [name, samples]));
    this.sightings.push({ askedAt, answeredAt: Date.now(), taken });
    return outbox.lastCommittedSequence;
  }

  /** SIGKILL, then a look at what lies on disk. */
  async kill(): Promise<OutboxCopy | undefined> {
    const killedAt = Date.now();
    await this.program?.kill();
    this.outages.push({ killedAt, readyAt: Infinity });
    const pace = { windowMs: COMMIT_WINDOW_MS, commitMs: COMMIT_MS };
    for (const [sensor, samples] of Object.entries(securedSamples(this.sightings, killedAt, pace))) {
      const before = this.producedBefore[sensor] ?? 0;
      this.secured.push({ sensor, first: before + 1, last: before + samples });
    }
    return this.inspect();
  }

  /** SIGKILL before it is ready. */
  async killInRecovery(afterMs: number): Promise<OutboxCopy | undefined> {
    if (this.outages.length === 0) this.outages.push({ killedAt: Date.now(), readyAt: Infinity });
    const program = this.prepare();
    const starting = program.start().catch(() => undefined);
    await pause(afterMs);
    await program.kill();
    await starting;
    return this.inspect();
  }

  /** Runs without sensors until the server has everything. Answers whether that worked. */
  async drain(): Promise<boolean> {
    const command = agentCommand(this.configure('drain.json', false));
    this.program = new Program({ ...command, args: [...command.args, '--exit-when-finished'] });
    await this.program.start();
    return (await this.program.ended(60_000)) === 0;
  }

  /** Kills what still runs, whatever state it is in. */
  async dispose(): Promise<void> {
    await this.program?.kill();
  }

  inspect(): OutboxCopy | undefined {
    return withCrashCopy(this.dataDir, readOutboxCopy);
  }

  /** Samples of one sensor over all runs. */
  produced(sensor: string): ProducedSample[] {
    return readTruth(this.truthFile(sensor));
  }

  /** Its last words. */
  get logTail(): readonly string[] {
    return this.program?.logTail ?? [];
  }

  private prepare(): Program {
    const command = agentCommand(this.configure('agent.json', true));
    return new Program(this.options.wrap?.(command) ?? command);
  }

  private truthFile(sensor: string): string {
    return join(this.options.folder, `${sensor}.truth`);
  }

  private configure(name: string, hasSensors: boolean): string {
    const { file, execArgv } = siblingProgram(import.meta.url, './truth-sensor');
    const sensors = SENSORS.map((sensor) => ({
      type: 'json-lines',
      name: sensor.name,
      command: process.execPath,
      args: [...execArgv, file, this.truthFile(sensor.name), String(sensor.everyMs)],
      silenceMs: sensor.silenceMs,
    }));
    const config = {
      deviceId: this.deviceId,
      dataDir: this.dataDir,
      logLevel: 'warn',
      fleet: { port: this.options.fleetPort, reconnectFirstMs: 50, reconnectMaxMs: 400 },
      sensors: hasSensors ? sensors : [],
      outbox: { commitWindowMs: COMMIT_WINDOW_MS },
      localApi: { host: '127.0.0.1', port: 0 },
    };
    mkdirSync(this.dataDir, { recursive: true });
    const configFile = join(this.options.folder, name);
    writeFileSync(configFile, JSON.stringify(config));
    return configFile;
  }
}
