/** The built server with a network that scores, its entities and a job; killed and started again on the ports it had first. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pinEntityViews } from '@shoal/models';
import type { ScoringRun } from '@shoal/protocol';
import { Program } from '../kill/processes/program.ts';
import { serverCommand } from '../kill/processes/project-programs.ts';
import { network, writeNetworkBundle } from '../serving/network-model.ts';
import { fillEntities, VIEW, WIDTH, type FilledView } from './scored-entities.ts';

export const JOB = 'bench-night';
export const MODEL = 'bench-network';
/** Eight features, a hidden layer, one score. */
const WIDTHS = [WIDTH, 16, 1];
const OPEN: ReadonlySet<ScoringRun['state']> = new Set(['queued', 'running', 'validating']);
const LOOK_MS = 20;
const PATIENCE_MS = 600_000;

const portOf = (url: string): number => Number(new URL(url).port);

export class ScoringServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'shoal-batch-'));
  readonly dataDir = join(this.#folder, 'data');
  #program: Program | undefined;
  #ports = { mqtt: 0, http: 0 };
  /** Of the process. */
  pid = 0;
  modelPath = '';

  get httpPort(): number {
    return this.#ports.http;
  }

  get mqttPort(): number {
    return this.#ports.mqtt;
  }

  /** Defined, filled and not yet scored. */
  async prepare(entities: number, job: object = {}): Promise<FilledView> {
    mkdirSync(this.dataDir, { recursive: true });
    const row = Array.from({ length: WIDTH }, (_, index) => index / WIDTH);
    const plan = { layers: network(WIDTHS), row, more: { entityView: pinEntityViews([VIEW]) } };
    const bundle = await writeNetworkBundle(this.#folder, plan);
    this.modelPath = join(bundle, 'model.onnx');
    const config = {
      logLevel: 'error',
      inference: { catalogue: 'leave', bundleFolders: [bundle], instances: 1, start: 'lazy' },
    };
    writeFileSync(join(this.#folder, 'config.json'), JSON.stringify(config));
    await this.start();
    await this.send('POST', '/api/feature-views', VIEW);
    await this.send('POST', `/v2/repository/models/${MODEL}/load`, {});
    const filled = fillEntities(this.dataDir, entities, 1);
    const definition = { name: JOB, model: { name: MODEL }, entities: { kind: 'view', view: VIEW.name }, ...job };
    await this.send('POST', '/api/scoring/jobs', definition);
    return filled;
  }

  async start(): Promise<void> {
    const command = serverCommand(this.dataDir, this.#ports);
    this.#program = new Program({
      ...command,
      args: [...command.args, `--config=${join(this.#folder, 'config.json')}`],
    });
    const ready = await this.#program.start();
    this.pid = ready.pid;
    this.#ports = { mqtt: portOf(String(ready['mqttUrl'])), http: portOf(String(ready['httpUrl'])) };
  }

  async kill(): Promise<void> {
    await this.#program?.kill();
  }

  async stop(): Promise<boolean> {
    return (await this.#program?.stop()) ?? false;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async send<T>(method: string, path: string, body?: object): Promise<T> {
    const content = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${this.#ports.http}${path}`, { method, ...content });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  submit(asOf?: number): Promise<ScoringRun> {
    return this.send('POST', `/api/scoring/jobs/${JOB}/runs`, asOf === undefined ? {} : { asOf });
  }

  run(id: string): Promise<ScoringRun> {
    return this.send('GET', `/api/scoring/runs/${id}`);
  }

  /** @throws Error unless it is published */
  async published(id: string): Promise<ScoringRun> {
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await pause(LOOK_MS)) {
      const run = await this.run(id);
      if (run.state === 'published') return run;
      if (!OPEN.has(run.state)) throw new Error(`The run is ${run.state}: ${run.error?.message ?? ''}`);
    }
    throw new Error('The run did not end.');
  }
}
