/** A real server with a bad network and a small disk around it: what scenarios and end-to-end tests are played on. */
import { mkdirSync } from 'node:fs';
import { FaultProxy } from './faults/fault-proxy.ts';
import { SmallDisk, type SpawnCommand } from './faults/disk.ts';
import { FleetServerProcess, type ServerReady } from './fleet-server-process.ts';
import type { Surroundings } from './scenario-player.ts';
import type { Random } from './seeded-random.ts';

export interface TestbedOptions {
  readonly dataDir: string;
  readonly mqttPort?: number;
  readonly httpPort?: number;
  readonly environment: NodeJS.ProcessEnv;
  readonly random: Random;
  /** Put devices behind a fault proxy. */
  readonly badNetwork: boolean;
  /** Put the server's data on a small disk of this size; its content is gone after `stop`. */
  readonly smallDiskBytes?: number;
  /** Runs the server under another program. */
  readonly wrap?: (command: SpawnCommand) => SpawnCommand;
  readonly onLogLine?: (line: string) => void;
}

export class Testbed implements Surroundings {
  private readonly options: TestbedOptions;
  private readonly disk: SmallDisk | undefined;
  private readonly server: FleetServerProcess;
  private proxy: FaultProxy | undefined;
  private proxyPort = 0;

  constructor(options: TestbedOptions) {
    const { smallDiskBytes, wrap = (command: SpawnCommand) => command } = options;
    const disk = smallDiskBytes === undefined ? undefined : new SmallDisk(options.dataDir, smallDiskBytes);
    this.options = options;
    this.disk = disk;
    this.server = new FleetServerProcess({
      ...options,
      wrap: (command) => (disk === undefined ? wrap(command) : disk.on(wrap(command))),
    });
  }

  /** @throws SimulatorError SERVER_NOT_BUILT | SERVER_FAILED | PROGRAM_MISSING */
  async start(): Promise<ServerReady> {
    mkdirSync(this.options.dataDir, { recursive: true });
    await this.disk?.start();
    const ready = await this.server.start();
    if (this.options.badNetwork) {
      const target = { targetHost: '127.0.0.1', targetPort: this.server.mqttPort };
      this.proxy = new FaultProxy({ ...target, random: this.options.random });
      this.proxyPort = await this.proxy.start();
    }
    return ready;
  }

  /** @returns the server's exit code; undefined when it had to be killed */
  async stop(): Promise<number | undefined> {
    await this.proxy?.stop();
    const code = await this.server.stop();
    await this.disk?.stop();
    return code;
  }

  /** Where devices connect: the proxy when there is one. */
  get devicePort(): number {
    return this.proxy === undefined ? this.server.mqttPort : this.proxyPort;
  }

  get httpUrl(): string {
    return this.server.httpUrl;
  }

  get serverPid(): number | undefined {
    return this.server.pid;
  }

  /** The server's own pid, which under a wrapping program is not the one that was spawned. */
  get readyPid(): number {
    return this.server.readyPid;
  }

  get serverLog(): readonly string[] {
    return this.server.logTail;
  }

  readonly network: Surroundings['network'] = (conditions) => this.proxy?.set(conditions ?? {});
  readonly resetConnections = (): void => this.proxy?.resetAll();
  readonly killServer = async (): Promise<void> => this.server.kill();
  readonly freezeServer = (): void => this.signal('SIGSTOP');
  readonly thawServer = (): void => this.signal('SIGCONT');
  readonly fillDisk = (): void => this.disk?.fill();
  readonly freeDisk = (): void => this.disk?.free();
  readonly startServer = async (): Promise<void> => {
    if (this.server.pid === undefined) await this.server.start();
  };

  private signal(name: NodeJS.Signals): void {
    const { pid } = this.server;
    if (pid !== undefined) process.kill(pid, name);
  }
}
