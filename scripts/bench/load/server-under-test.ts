/** The built server as a process with a folder of its own, and what its HTTP API says about it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SERVER_PROGRAM } from './built-server.ts';
import { withEnvironment } from './child.ts';

interface Ready {
  readonly mqttUrl: string;
  readonly httpUrl: string;
  readonly grpcAddress: string;
}

const READY_LOOK_MS = 50;
/** `sysconf(_SC_CLK_TCK)` is 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;

export class ServerUnderTest {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'shoal-bench-'));
  #child: ChildProcess | undefined;
  #httpUrl = '';
  mqttPort = 0;
  /** Host and port. */
  grpcAddress = '';

  /** `environment`: settings beside its folder and its ports. */
  async start(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    const args = [...SERVER_PROGRAM, 'run', '--data-dir', this.dataDir, '--mqtt-port', '0', '--http-port', '0'];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: withEnvironment(environment),
    });
    this.#child = child;
    const ready = await new Promise<Ready>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the fleet server ended with code ${code}`)));
      createInterface({ input: child.stdout }).once('line', (line) => {
        resolve(JSON.parse(line) as Ready);
      });
    });
    this.mqttPort = Number(new URL(ready.mqttUrl).port);
    this.#httpUrl = ready.httpUrl;
    this.grpcAddress = ready.grpcAddress;
  }

  get httpUrl(): string {
    return this.#httpUrl;
  }

  get httpPort(): number {
    return Number(new URL(this.#httpUrl).port);
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.#httpUrl + path);
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Resolves when every model that is served has its engine. */
  async modelsReady(): Promise<void> {
    for (;;) {
      const { ok } = await fetch(`${this.#httpUrl}/v2/health/ready`);
      if (ok) return;
      await new Promise((resolve) => setTimeout(resolve, READY_LOOK_MS));
    }
  }

  async post<T>(path: string, body?: object): Promise<T> {
    const content = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(this.#httpUrl + path, { method: 'POST', ...content });
    if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`);
    const text = await response.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** Sum of the samples of one metric over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.#httpUrl}/metrics`)).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** Since the last call. */
  async loopDelayP99Ms(): Promise<number> {
    return (await this.metric('shoal_event_loop_delay_p99_seconds')) * 1_000;
  }

  residentKb(): number {
    const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN);
  }

  /** Of its own process since it started, threads included, engines not; milliseconds. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.#child?.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
