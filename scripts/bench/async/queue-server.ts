/** The built server with one model and its entities, killed and started again on the ports it had first. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Program, type ProgramCommand } from '../kill/processes/program.ts';
import { serverCommand } from '../kill/processes/project-programs.ts';
import { traced } from '../kill/processes/tracer.ts';
import { entityValues, MODEL, VIEW, writeBundle } from './asked-load.ts';

const portOf = (url: string): number => Number(new URL(url).port);

export class QueueServer {
  readonly #folder: string;
  readonly dataDir: string;
  #logFile: string | undefined;
  #program: Program | undefined;
  #ports = { mqtt: 0, http: 0 };

  constructor(folder = mkdtempSync(join(tmpdir(), 'shoal-async-'))) {
    this.#folder = folder;
    this.dataDir = join(folder, 'data');
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.#ports.http}`;
  }

  get mqttUrl(): string {
    return `mqtt://127.0.0.1:${this.#ports.mqtt}`;
  }

  /** With its model served and its entities known; under strace when there is a file for the trace. */
  async prepare(logFile?: string): Promise<void> {
    this.#logFile = logFile;
    mkdirSync(this.dataDir, { recursive: true });
    const bundleFolders = [await writeBundle(this.#folder)];
    const config = { logLevel: 'fatal', inference: { catalogue: 'leave', bundleFolders } };
    writeFileSync(join(this.#folder, 'config.json'), JSON.stringify(config));
    await this.start();
    await this.#send('POST', '/api/feature-views', VIEW);
    for (const { entity, values } of entityValues()) {
      await this.#send('PUT', `/api/features/${VIEW.name}/${entity}`, { values });
    }
    await this.#send('POST', `/v2/repository/models/${MODEL}/load`, {});
  }

  /** Predictions in work at a time, as the server itself says. */
  get batchRows(): number {
    const { file, args } = this.#command();
    const printed = execFileSync(file, [...args, '--print-config'], { encoding: 'utf8' });
    return (JSON.parse(printed) as { predictions: { batchRows: number } }).predictions.batchRows;
  }

  async start(): Promise<void> {
    const command = this.#command();
    this.#program = new Program(this.#logFile === undefined ? command : traced(command, this.#logFile));
    const ready = await this.#program.start();
    this.#ports = { mqtt: portOf(String(ready['mqttUrl'])), http: portOf(String(ready['httpUrl'])) };
  }

  async kill(): Promise<void> {
    await this.#program?.kill();
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
    return (await this.#program?.stop()) ?? false;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.httpUrl + path);
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  #command(): ProgramCommand {
    const command = serverCommand(this.dataDir, this.#ports);
    return { ...command, args: [...command.args, `--config=${join(this.#folder, 'config.json')}`] };
  }

  async #send(method: string, path: string, body: object): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(this.httpUrl + path, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  }
}
