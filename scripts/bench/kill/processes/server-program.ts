/** The real fleet server on one data folder, always back on the ports it had first. */
import { setTimeout as pause } from 'node:timers/promises';
import { Program } from './program.ts';
import { serverCommand } from './project-programs.ts';

export class ServerProgram {
  readonly dataDir: string;
  private program: Program | undefined;
  private url = '';
  private ports = { mqtt: 0, http: 0 };

  constructor(dataDir: string) {
    this.dataDir = dataDir;
  }

  get httpUrl(): string {
    return this.url;
  }

  /** 0 before the first start. */
  get mqttPort(): number {
    return this.ports.mqtt;
  }

  get isRunning(): boolean {
    return this.program?.isRunning ?? false;
  }

  /** Resolves when it accepts devices. */
  async start(): Promise<void> {
    this.program = new Program(serverCommand(this.dataDir, this.ports));
    const ready = await this.program.start();
    this.url = String(ready['httpUrl']);
    this.ports = { mqtt: portOf(String(ready['mqttUrl'])), http: portOf(this.url) };
  }

  async kill(): Promise<void> {
    await this.program?.kill();
  }

  /** Starts it and kills it before or soon after it is ready. */
  async killInRecovery(afterMs: number): Promise<void> {
    const starting = this.start().catch(() => undefined);
    await pause(afterMs);
    await this.kill();
    await starting;
  }

  /** True when it stopped by itself on SIGTERM, with exit code 0. */
  async stop(): Promise<boolean> {
    return (await this.program?.stop()) ?? false;
  }
}

const portOf = (url: string): number => Number(new URL(url).port);
