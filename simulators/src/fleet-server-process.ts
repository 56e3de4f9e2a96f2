/** The real fleet server as a child process on loopback, restarted on the ports it was first given. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { SimulatorError } from './errors.ts';
import type { SpawnCommand } from './faults/disk.ts';
import { lastingPort } from './lasting-port.ts';
import { ReadyProcess } from './ready-process.ts';

const serverReadySchema = z.object({
  event: z.literal('ready'),
  mqttUrl: z.string(),
  httpUrl: z.string(),
  pid: z.int(),
});
export type ServerReady = z.infer<typeof serverReadySchema>;

export interface FleetServerOptions {
  readonly dataDir: string;
  /** 0, the default = any free port, kept over restarts. */
  readonly mqttPort?: number;
  readonly httpPort?: number;
  readonly environment: NodeJS.ProcessEnv;
  /** Puts the command on a small disk, under strace … */
  readonly wrap?: (command: SpawnCommand) => SpawnCommand;
  readonly onLogLine?: (line: string) => void;
}

interface Ports {
  readonly mqttPort: number;
  readonly httpPort: number;
}

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const packageSchema = z.object({ config: z.object({ nodeFlags: z.string() }) });

/** What node is started with for the built server: flags and entry. @throws SimulatorError SERVER_NOT_BUILT */
const fleetServerProgram = (): string[] => {
  const folder = join(ROOT, 'fleet-server');
  const entry = join(folder, 'dist', 'main.js');
  const { config } = packageSchema.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
  if (existsSync(entry)) return [...config.nodeFlags.split(' '), entry];
  throw new SimulatorError('SERVER_NOT_BUILT', `${entry} is missing. Run npm run build.`);
};

export class FleetServerProcess {
  private readonly options: FleetServerOptions;
  private readonly child: ReadyProcess<ServerReady>;
  private ports: Ports;
  private urls: ServerReady | undefined;

  constructor(options: FleetServerOptions) {
    this.options = options;
    this.ports = { mqttPort: options.mqttPort ?? 0, httpPort: options.httpPort ?? 0 };
    this.child = new ReadyProcess({
      name: 'fleet server',
      ready: serverReadySchema,
      command: () => (options.wrap ?? ((command) => command))(this.command()),
      ...(options.onLogLine === undefined ? {} : { onLogLine: options.onLogLine }),
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get logTail(): readonly string[] {
    return this.child.logTail;
  }

  /** @throws Error when it has never been ready */
  get mqttPort(): number {
    return portOf(this.ready.mqttUrl);
  }

  get readyPid(): number {
    return this.ready.pid;
  }

  get httpUrl(): string {
    return this.ready.httpUrl;
  }

  /** @throws SimulatorError SERVER_NOT_BUILT | SERVER_FAILED */
  async start(): Promise<ServerReady> {
    const { mqttPort, httpPort } = this.ports;
    this.ports = { mqttPort: mqttPort || (await lastingPort()), httpPort: httpPort || (await lastingPort()) };
    this.urls = await this.child.start(this.options.environment);
    return this.urls;
  }

  /** @returns the exit code; undefined when it had to be killed */
  async stop(): Promise<number | undefined> {
    return this.child.stop();
  }

  async kill(): Promise<void> {
    await this.child.kill();
  }

  private get ready(): ServerReady {
    if (this.urls === undefined) throw new SimulatorError('SERVER_FAILED', 'The fleet server has not been started.');
    return this.urls;
  }

  private command(): SpawnCommand {
    const { mqttPort, httpPort } = this.ports;
    const flags = { 'data-dir': this.options.dataDir, 'mqtt-port': mqttPort, 'http-port': httpPort };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
    return { file: process.execPath, args: [...fleetServerProgram(), 'run', ...args] };
  }
}

const portOf = (url: string): number => Number(new URL(url).port);
